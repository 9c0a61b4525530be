// Procedural albedo and material of a training scene's surface, from where it is and which way it faces. The pattern
// numbers are weather_mesh.Pattern's, the material numbers weather_mesh.Material's.
struct Paint {
    vec3 albedo;
    float material;
};

float random_cell(vec3 cell, float salt) {
    return float(hash_lattice(ivec3(cell), 0, uint(salt * 65535.0)) >> 8) / 16777216.0;
}

float fractal(vec3 p, float salt) {
    uint seed = uint(salt * 65535.0);
    return 0.5 * lattice_noise(p, 0, seed) + 0.3 * lattice_noise(p * 2.3, 0, seed + 7u) +
        0.2 * lattice_noise(p * 5.1, 0, seed + 13u);
}

// Coordinates on the surface in metres: across and up a wall, east and north on the flat.
vec2 surface_metres(vec3 position, vec3 normal) {
    if (abs(normal.z) > 0.7) return position.xy;
    vec2 across = normalize(vec2(-normal.y, normal.x));
    return vec2(dot(position.xy, across), position.z);
}

// 1 inside, 0 outside a band of a repeating pattern, softened by the pixel's own size.
float band(float x, float low, float high, float soft) {
    return smoothstep(low - soft, low + soft, x) * (1.0 - smoothstep(high - soft, high + soft, x));
}

Paint facade(vec3 position, vec3 normal, vec3 first, vec3 second, float scale, float salt, float soft) {
    vec2 s = surface_metres(position, normal);
    vec2 pitch = vec2(scale, 3.1);
    vec2 cell = floor(s / pitch), f = fract(s / pitch);
    bool shop = cell.y < 0.5 && salt > 0.4;
    vec2 half_size = shop ? vec2(0.44, 0.36) : vec2(0.22 + 0.12 * fract(salt * 7.3), 0.26 + 0.08 * fract(salt * 3.7));
    vec2 from_middle = abs(f - vec2(0.5, 0.52));
    Paint paint = Paint(mix(first, second, step(0.93, f.y) * 0.7), 0.0);
    paint.albedo *= 0.8 + 0.4 * fractal(position * 0.7, salt);
    vec2 inside = 1.0 - smoothstep(half_size - soft / pitch, half_size + soft / pitch, from_middle);
    float frame = 1.0 - smoothstep(half_size.x + 0.04, half_size.x + 0.05, from_middle.x);
    frame *= 1.0 - smoothstep(half_size.y + 0.03, half_size.y + 0.04, from_middle.y);
    paint.albedo = mix(paint.albedo, second, frame * 0.8);
    float glass = inside.x * inside.y;
    bool mullion = abs(f.x - 0.5) < 0.012 && !shop;
    if (abs(normal.z) < 0.5 && glass > 0.5 && !mullion && s.y > 0.0) {
        float which = random_cell(vec3(cell, floor(dot(normal.xy, vec2(3.0, 7.0)))), salt);
        bool curtain = which > 0.72; // with a lamp on behind it
        paint.albedo = curtain ? vec3(0.42, 0.36, 0.27) * (0.6 + 0.6 * which) : vec3(0.025, 0.03, 0.035) + 0.03 * which;
        paint.material = 1.0;
    }
    return paint;
}

vec3 bricks(vec2 s, vec3 first, vec3 second, float scale, float salt) {
    vec2 q = s / (scale * vec2(0.5, 0.18));
    q.x += 0.5 * mod(floor(q.y), 2.0);
    vec2 f = fract(q);
    float mortar = step(f.x, 0.05) + step(f.y, 0.12);
    vec3 brick = first * (0.7 + 0.6 * random_cell(vec3(floor(q), 1.0), salt));
    return mortar > 0.5 ? second : brick;
}

vec3 road(vec2 s, vec3 first, float scale, float salt, float noise) {
    vec3 asphalt = first * (0.75 + 0.5 * noise);
    float from_middle = abs(s.x);
    float dashes = step(from_middle, 0.08) * step(0.5, fract(s.y / 6.0 + salt));
    float edge = step(abs(from_middle - 0.45 * scale), 0.07);
    return mix(asphalt, vec3(0.6), max(dashes, edge) * 0.85);
}

Paint paint_surface(vec3 position, vec3 normal, vec3 first, vec3 second, vec4 surface, float footprint) {
    float scale = surface.y, salt = surface.w;
    int pattern = int(surface.x + 0.5);
    if (pattern == 5) return facade(position, normal, first, second, scale, salt, footprint);
    vec2 s = surface_metres(position, normal);
    float noise = fractal(position / scale * 3.0, salt);
    vec3 albedo = first * (0.9 + 0.2 * noise);
    if (pattern == 1) albedo = mix(first, second, smoothstep(0.3, 0.7, noise));
    if (pattern == 2) albedo = bricks(s, first, second, scale, salt);
    if (pattern == 3) albedo = mix(first, second, random_cell(vec3(floor(s.x / scale * 5.0), 0.0, 3.0), salt)) *
        (0.75 + 0.5 * fractal(vec3(s.x * 14.0, s.y * 1.5, position.z * 14.0) / scale, salt));
    if (pattern == 4) albedo = (fract(s.x / scale) < 0.04 || fract(s.y / scale) < 0.04) ? second * 0.6 :
        mix(first, second, mod(floor(s.x / scale) + floor(s.y / scale), 2.0) * fract(salt * 5.0)) * (0.85 + 0.3 * noise);
    if (pattern == 6) albedo = road(s, first, scale, salt, noise);
    if (pattern == 7) albedo = mix(first, second, random_cell(floor(position * 9.0), salt)) * (0.6 + 0.8 * noise);
    if (pattern == 8) albedo = mix(first, second, band(fract(s.y / scale), 0.25, 0.75, footprint / scale));
    if (pattern == 9) albedo = mix(first, second, smoothstep(0.55, 0.6, lattice_noise(position / scale * 4.0, 0, 3u)));
    return Paint(albedo, surface.z);
}
