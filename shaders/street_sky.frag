// The sky, at infinity: a panorama in stereographic projection from the nadir, which costs one square root and no
// trigonometry, and has no seam.
in vec3 v_ray;

uniform sampler2D sky;

layout(location = 0) out vec4 out_color;
layout(location = 1) out float out_depth;

void main() {
    float up = max(v_ray.z * inversesqrt(dot(v_ray, v_ray)), -0.05);
    vec2 across = v_ray.xy * inversesqrt(max(dot(v_ray.xy, v_ray.xy), 1e-12)) * sqrt((1.0 - up) / (1.0 + up));
    out_color = vec4(textureLod(sky, across * sky_scale + 0.5, 0.0).rgb, 1.0);
    out_depth = uintBitsToFloat(0x7F800000u);
}
