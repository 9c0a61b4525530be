// A glTF scene's dome, where the scene left the picture empty, at infinity. The level of detail is dome.frag's. COVERED:
// clouds before it, as the CIE's overcast sky.
in vec3 v_ray;

uniform sampler2D panorama;

layout(location = 0) out vec4 out_color;
layout(location = 1) out float out_depth;

const float PI = 3.14159265358979;

void main() {
    vec3 direction = normalize(v_ray);
    vec3 ray = dome_from_stage * direction;
    float footprint = max(length(dFdx(ray)), length(dFdy(ray))) * texels_a_radian;
    vec2 at = vec2(0.5 + atan(ray.x, ray.y) / (2.0 * PI), 0.5 + asin(clamp(ray.z, -1.0, 1.0)) / PI);
    vec3 color = textureLod(panorama, at, log2(max(footprint, 1e-3))).rgb * gain;
#ifdef COVERED
    color = mix(color, overcast * (direction.z > 0.0 ? 0.6 + 0.4 * direction.z : 0.17), covered);
#endif
    out_color = vec4(min(color * sky_tint + sky_glow, vec3(65504.0)), 1.0);
    out_depth = uintBitsToFloat(0x7F800000u);
}
