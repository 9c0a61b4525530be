// The sky, at infinity: a panorama in stereographic projection from the nadir, which costs one square root and no
// trigonometry, and has no seam. COVERED: clouds before the sun, as the CIE's overcast sky, three times as bright at the
// zenith as at the horizon, with what the panorama has of form.
in vec3 v_ray;

uniform sampler2D sky;

layout(location = 0) out vec4 out_color;
layout(location = 1) out float out_depth;

void main() {
    float up = max(v_ray.z * inversesqrt(dot(v_ray, v_ray)), -0.05);
    vec2 across = v_ray.xy * inversesqrt(max(dot(v_ray.xy, v_ray.xy), 1e-12)) * sqrt((1.0 - up) / (1.0 + up));
    vec3 color = textureLod(sky, across * sky_scale + 0.5, 0.0).rgb;
#ifdef COVERED
    float form = min(dot(color, vec3(0.27, 0.67, 0.06)), 2.0);
    color = mix(color, overcast * (0.6 + 0.4 * max(up, 0.0)) * (0.78 + 0.16 * form), covered);
#endif
    out_color = vec4(color * sky_tint + sky_glow * (1.0 - min(up * 3.0, 1.0)), 1.0);
    out_depth = uintBitsToFloat(0x7F800000u);
}
