// One layer of a training scene's G-buffer; LAYER 0: albedo and material, 1: normal and detail noise,
// 2: how much of the sun, the sky and the zenith a point sees (shadow maps).
#include "../../../shaders/include/noise.glsl"
#include "albedo.glsl"
in vec2 uv;
layout(location = 0) out vec4 layer;
uniform sampler2D seen;
uniform sampler2D seen_depth;
uniform sampler2D surfaces;
uniform sampler2D sun_map;
uniform sampler2D sky_map;

const float SKY_TILES = 4.0;

float lit(sampler2D map, vec4 clip, vec2 offset, float tiles, float bias) {
    vec3 p = clip.xyz * 0.5 + 0.5;
    vec2 pixel = 1.0 / vec2(textureSize(map, 0));
    vec2 inside = clamp(p.xy, vec2(0.002), vec2(0.998));
    float total = 0.0;
    for (int i = 0; i < 4; i++) {
        vec2 tap = (vec2(i & 1, i >> 1) - 0.5) * pixel;
        total += step(p.z - bias, texture(map, (inside + offset) / tiles + tap).r);
    }
    return total * 0.25;
}

vec3 visibility(vec3 position, vec3 n) {
    float sun = lit(sun_map, clip_from_stage_sun * vec4(position + n * sun_step_m, 1.0), vec2(0.0), 1.0, 0.002);
    float sky = 0.0, sky_total = 0.0, zenith = 0.0;
    for (int i = 0; i < 16; i++) {
        vec4 clip = clip_from_stage_sky[i] * vec4(position + n * sky_step_m, 1.0);
        float seen = lit(sky_map, clip, vec2(i & 3, i >> 2), SKY_TILES, 0.004);
        // A wall sees half of the sky: the cosine is wrapped, so that what a surface sees varies gently with its normal.
        float weight = max(0.0, dot(n, sky_direction[i].xyz) * 0.8 + 0.2);
        sky += seen * weight;
        sky_total += weight;
        zenith += i < 4 ? 0.25 * seen : 0.0;
    }
    return vec3(sun, sky / max(sky_total, 1e-3), zenith);
}

vec4 sky(vec3 ray) {
#if LAYER == 1
    return vec4(ray, detail_noise(ray * 1000.0, 1000.0 * pixel_width, uint(noise_seed)));
#elif LAYER == 2
    return vec4(1.0);
#else
    vec2 plane = ray.xy / max(ray.z + 0.12, 0.05) * 1.5;
    float cloud = 0.0, weight = 0.5;
    for (int i = 0; i < 5; i++) {
        cloud += weight * lattice_noise(vec3(plane, 0.0), 0, uint(noise_seed + i));
        plane *= 2.1;
        weight *= 0.5;
    }
    return vec4(cloud, 0.0, 0.0, 6.0);
#endif
}

void main() {
    ivec2 at = ivec2(gl_FragCoord.xy);
    vec4 what = texelFetch(seen, at, 0);
    vec3 ray = ray_middle.xyz + (uv.x * 2.0 - 1.0) * ray_right.xyz + (uv.y * 2.0 - 1.0) * ray_up.xyz;
    if (what.w < 0.5) {
        layer = sky(normalize(ray));
        return;
    }
    float distance_m = texelFetch(seen_depth, at, 0).r;
    vec3 position = ray_origin.xyz + ray * distance_m;
    float footprint_m = distance_m * pixel_width;
    int part = int(what.w - 0.5);
#if LAYER == 0
    vec4 first = texelFetch(surfaces, ivec2(part, 2), 0), second = texelFetch(surfaces, ivec2(part, 1), 0);
    vec4 rest = texelFetch(surfaces, ivec2(part, 0), 0);
    vec4 surface = vec4(first.w, second.w, rest.x, rest.y);
    Paint paint = paint_surface(position, what.xyz, first.rgb, second.rgb, surface, footprint_m);
    layer = vec4(clamp(paint.albedo, 0.01, 0.95), paint.material);
#elif LAYER == 1
    layer = vec4(what.xyz, detail_noise(position, footprint_m, uint(noise_seed)));
#else
    layer = vec4(visibility(position, what.xyz), 1.0);
#endif
}
