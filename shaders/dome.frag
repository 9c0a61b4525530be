// An equirectangular picture at infinity. The level of detail comes from the ray's own change from pixel to pixel, not
// from the picture coordinates, which jump where the picture's edges meet. MAGNIFIED: whoever draws knows that no pixel
// is larger than a texel, so that the largest level is the right one everywhere.
in vec2 uv;

uniform sampler2D panorama;

layout(location = 0) out vec4 out_color;
layout(location = 1) out float out_depth;

#ifndef TILES
#define TILES 1.0 // how often the picture is repeated each way
#endif

const float PI = 3.14159265358979;

float level(vec3 ray) {
#ifdef MAGNIFIED
    return 0.0;
#else
    float footprint = max(length(dFdx(ray)), length(dFdy(ray))) * texels_a_radian;
    return log2(max(footprint, 1e-3));
#endif
}

void main() {
    vec3 ray = normalize(dome_from_stage * (stage_ray_from_ndc * vec3(uv * 2.0 - 1.0, 1.0)));
    vec2 panorama_uv = vec2(0.5 + atan(ray.x, ray.y) / (2.0 * PI), 0.5 + asin(clamp(ray.z, -1.0, 1.0)) / PI);
    vec3 color = textureLod(panorama, panorama_uv * TILES, level(ray)).rgb;
    out_color = vec4(min(color * gain, vec3(65504.0)), 1.0);
    out_depth = uintBitsToFloat(0x7F800000u);
}
