// A glTF material (specification 2.0, appendix B) under a dome or a sky, and a sun with its shadow map. Light is over
// pi: what a white surface reflects. GLOSSY: whatever mirrors more than rough paint, pixel by pixel.
in vec3 v_from_eye;
in vec3 v_normal;
in vec4 v_uv;
in vec4 v_color;
#ifndef UNLIT
centroid in vec3 v_even;
centroid in vec3 v_odd;
#ifndef GLOSSY
centroid in vec4 v_mirror;
#endif
#ifndef SUNLESS
in vec3 v_shadow;
uniform sampler2DShadow sun_map;
#endif
#ifdef GLOSSY
#include "gltf_light.glsl"
#endif
#endif

#ifdef BASE_AT
uniform sampler2D base_map;
#endif
#ifdef SURFACE_AT
uniform sampler2D surface_map;
#endif
#ifdef NORMAL_AT
uniform sampler2D normal_map;
#endif
#ifdef OCCLUSION_AT
uniform sampler2D occlusion_map;
#endif
#ifdef EMISSIVE_AT
uniform sampler2D emissive_map;
#endif

layout(location = 0) out vec4 out_color;
layout(location = 1) out float out_depth;

#ifdef NORMAL_AT
// A frame from the derivatives of place and texture coordinate (Mikkelsen, "Bump Mapping Unparametrized Surfaces on the
// GPU", 2010; Schueler 2013): files have tangents or not. v runs up here, as a normal map's green.
vec3 bumped(vec3 normal) {
    vec2 at = NORMAL_AT;
    vec3 px = dFdx(v_from_eye), py = dFdy(v_from_eye);
    vec2 ax = dFdx(at), ay = dFdy(at);
    vec3 across = cross(py, normal), along = cross(normal, px);
    vec3 tangent = across * ax.x + along * ay.x, upwards = across * ax.y + along * ay.y;
    float most = max(max(dot(tangent, tangent), dot(upwards, upwards)), 1e-20);
    vec3 bump = texture(normal_map, at).xyz * 2.0 - 1.0;
    bump.xy *= normal_scale;
    vec3 turned = (tangent * bump.x + upwards * bump.y) * inversesqrt(most) + normal * bump.z;
    return normalize(turned);
}
#endif

#if !defined(UNLIT) && !defined(SUNLESS)
// How much of the sun reaches the place. SOFT: over some texels of the map, whose steps would else be seen.
float shone() {
#ifdef SOFT
    vec2 texel = 1.0 / vec2(textureSize(sun_map, 0));
    float sum = 0.0;
    for (int corner = 0; corner < 4; corner++) {
        vec2 turned = corner < 2 ? vec2(0.4, 1.2) : vec2(1.2, -0.4);
        vec2 offset = (corner & 1) == 0 ? turned : -turned;
        sum += texture(sun_map, v_shadow + vec3(offset * texel, 0.0));
    }
    return 0.25 * sum;
#else
    return texture(sun_map, v_shadow);
#endif
}
#endif

#ifndef UNLIT
vec3 lit(vec3 albedo) {
    float side = gl_FrontFacing ? 1.0 : -1.0;
    vec3 normal = v_normal * inversesqrt(max(dot(v_normal, v_normal), 1e-12)) * side;
    vec3 sky = v_even + side * v_odd;
    float open = 1.0;
#ifdef OCCLUSION_AT
    open = 1.0 + occlusion_strength * (texture(occlusion_map, OCCLUSION_AT).r - 1.0);
#endif
#ifdef NORMAL_AT
    normal = bumped(normal);
    sky = irradiance_even(normal) + irradiance_odd(normal);
#endif
    sky = max(sky, vec3(0.0)) * open;
#ifndef SUNLESS
    float sunward = max(dot(normal, to_sun), 0.0);
    vec3 sunlight = sun * sunward * shone();
#endif
#ifndef GLOSSY
#ifndef SUNLESS
    sky += sunlight;
#endif
    return albedo * (1.0 - v_mirror.a) * sky + v_mirror.rgb * open;
#else
    float rough = roughness, metal = metallic;
#ifdef SURFACE_AT
    vec4 surface = texture(surface_map, SURFACE_AT);
    rough *= surface.g;
    metal *= surface.b;
#endif
    rough = clamp(rough, 0.045, 1.0);
    vec3 to_eye = -normalize(v_from_eye);
    float facing = clamp(dot(normal, to_eye), 1e-3, 1.0);
    vec3 head_on = mix(vec3(0.04), albedo, metal);
    vec2 share = split_sum(facing, rough);
    // What bounces more than once between a rough surface's facets (Turquin, "Practical multiple scattering compensation
    // for microfacet models", 2019): a white metal is white in a white room.
    vec3 gloss = (head_on * share.x + share.y) * (1.0 + head_on * (1.0 / (share.x + share.y) - 1.0));
    vec3 color = albedo * (1.0 - metal) * (1.0 - gloss) * sky;
    color += gloss * mirrored(reflect(-to_eye, normal), rough) * open;
#ifndef SUNLESS
    // GGX with Schlick's approximations, as in the specification's appendix B; pi is in the light.
    vec3 middle = normalize(to_eye + to_sun);
    float alpha = rough * rough, over = clamp(dot(normal, middle), 0.0, 1.0);
    float spread = over * over * (alpha * alpha - 1.0) + 1.0;
    float k = alpha * 0.5;
    float seen = 0.25 / ((facing * (1.0 - k) + k) * (sunward * (1.0 - k) + k));
    vec3 fresnel = head_on + (1.0 - head_on) * pow(1.0 - clamp(dot(to_eye, middle), 0.0, 1.0), 5.0);
    vec3 glint = fresnel * (alpha * alpha / (spread * spread) * seen);
    color += sunlight * (albedo * (1.0 - metal) * (1.0 - fresnel) + glint);
#endif
    return color;
#endif
}
#endif

void main() {
    vec4 base = v_color;
#ifdef BASE_AT
    base *= texture(base_map, BASE_AT);
#endif
#ifdef CUT
    if (base.a < cutoff) discard;
#endif
    vec3 albedo = acescg_from_rec709 * base.rgb;
#ifdef UNLIT
    vec3 color = albedo;
#else
    vec3 color = lit(albedo);
#endif
    vec3 glow = emissive;
#ifdef EMISSIVE_AT
    glow *= texture(emissive_map, EMISSIVE_AT).rgb;
#endif
#ifdef EMITS
    color += acescg_from_rec709 * glow;
#endif
#ifdef BLENDED
    out_color = vec4(clamp(color, vec3(0.0), vec3(65504.0)), base.a);
#else
    out_color = vec4(clamp(color, vec3(0.0), vec3(65504.0)), 1.0);
#endif
    out_depth = 1.0 / gl_FragCoord.w;
}
