// A glTF scene's vertices. What is smooth of the light is worked out here, for a software driver pays for every
// operation at every pixel: the sky's light, and what a rough surface mirrors. These are taken within the triangle, for
// beside a sliver's edge they would run off to any value. SUNLESS: no sun shines.
in vec3 in_position;
in vec3 in_normal;
in vec4 in_uv;
in vec4 in_color;

out vec3 v_from_eye;
out vec3 v_normal;
out vec4 v_uv;
out vec4 v_color;
#ifndef UNLIT
centroid out vec3 v_even;
centroid out vec3 v_odd;
#ifndef GLOSSY
centroid out vec4 v_mirror;
#endif
#ifndef SUNLESS
out vec3 v_shadow;
#endif
#include "gltf_light.glsl"
#endif

void main() {
    gl_Position = clip_from_stage * vec4(in_position, 1.0);
    gl_Position.z = BEFORE_SKY * gl_Position.w - 2.0 * NEAR_M; // no far plane: a scene may be kilometres of mountains
    v_from_eye = in_position - eye_m;
    v_normal = in_normal;
    v_uv = in_uv;
    v_color = base_factor * in_color;
#ifndef UNLIT
    v_even = irradiance_even(in_normal);
    v_odd = irradiance_odd(in_normal);
#ifndef GLOSSY
    vec3 ray = normalize(v_from_eye);
    float facing = dot(ray, in_normal);
    vec3 front = facing > 0.0 ? -in_normal : in_normal;
    vec2 share = split_sum(abs(facing), roughness);
    v_mirror.a = 0.04 * share.x + share.y;
    vec3 mirrored_ray = reflect(ray, front); // a lobe so wide is near the irradiance's
    v_mirror.rgb = v_mirror.a * max(irradiance_even(mirrored_ray) + irradiance_odd(mirrored_ray), vec3(0.0));
#endif
#ifndef SUNLESS
    vec3 lit = dot(in_normal, to_sun) < 0.0 ? -in_normal : in_normal;
    v_shadow = (sun_map_from_stage * vec4(in_position + lit * shadow_offset_m, 1.0)).xyz;
#endif
#endif
}
