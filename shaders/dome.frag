// An equirectangular picture at infinity; with ROUND on a sphere about the place where it was taken, and on the level
// ground within, where there is some. The level of detail comes from the ray's own change from pixel to pixel, not
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

#ifdef ROUND
// How far along a ray, in its own lengths, what it sees stands: the sphere's far side, or the ground before it.
float distance_on(vec3 ray) {
    float a = dot(ray, ray), b = dot(eye_from_center, ray);
    float inside = b * b - a * (dot(eye_from_center, eye_from_center) - radius_m * radius_m);
    float found = inside > 0.0 ? (sqrt(inside) - b) / a : -1.0;
    float down = -(ground_below_m + eye_from_center.z) / ray.z;
    return ray.z < 0.0 && down > 0.0 ? min(found, down) : found;
}
#endif

void main() {
    vec3 ray = stage_ray_from_ndc * vec3(uv * 2.0 - 1.0, 1.0);
    float depth = uintBitsToFloat(0x7F800000u);
#ifdef ROUND
    float along = distance_on(ray); // not above 0 from outside, past the sphere
    depth = along > 0.0 ? along : depth;
    ray = along > 0.0 ? eye_from_center + along * ray : ray;
#endif
    ray = normalize(dome_from_stage * ray);
    vec2 panorama_uv = vec2(0.5 + atan(ray.x, ray.y) / (2.0 * PI), 0.5 + asin(clamp(ray.z, -1.0, 1.0)) / PI);
    vec3 color = textureLod(panorama, panorama_uv * TILES, level(ray)).rgb;
    out_color = vec4(min(color * gain, vec3(65504.0)), 1.0);
    out_depth = depth;
}
