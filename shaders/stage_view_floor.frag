// The floor with a metre grid, the walls' light and their faint reflection; it goes dark towards its edge.
in vec3 at_m;
in vec3 reflectance;
in vec4 light;
layout(location = 0) out vec4 color;
layout(location = 1) out float depth;

uniform sampler2D mirrored;

float grid_line(float spacing_m, float width_px) {
    vec2 cell = at_m.xy / spacing_m;
    vec2 away_px = abs(fract(cell - 0.5) - 0.5) / max(fwidth(cell), vec2(1e-6));
    vec2 line = 1.0 - smoothstep(width_px * 0.5, width_px * 0.5 + 1.0, away_px);
    vec2 crowded = clamp(fwidth(cell) * 6.0, 0.0, 1.0);  // far lines would shimmer
    return max(line.x * (1.0 - crowded.x), line.y * (1.0 - crowded.y));
}

void main() {
    depth = 1.0 / gl_FragCoord.w;
    vec3 towards_eye = eye_m - at_m;
    float grazing = pow(1.0 - max(towards_eye.z, 0.0) / length(towards_eye), 5.0);
    vec2 at = gl_FragCoord.xy / picture_size;
    vec2 spread = 2.5 / vec2(textureSize(mirrored, 0));
    vec3 seen = vec3(0.0);
    for (int i = 0; i < 6; i++) {
        seen += textureLod(mirrored, at + spread * vec2(float(i & 1) - 0.5, float(i) * 1.6 - 4.0), 2.0).rgb / 6.0;
    }
    vec3 radiance = reflectance * light.rgb + gloss * (0.04 + 0.96 * grazing) * seen + room_light * 0.03;
    radiance += (room_light * 0.1 + light.rgb * 0.06) * grid_line(1.0, 1.2);
    vec2 inside_m = min(at_m.xy - floor_low_m, floor_high_m - at_m.xy);
    radiance *= smoothstep(0.0, 1.5, min(inside_m.x, inside_m.y));
    color = vec4(radiance + background, 1.0);
}
