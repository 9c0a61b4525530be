// What a glTF scene leaves empty, at infinity. A dome, whose level of detail is dome.frag's; or PAINTED: the street's sky
// (street_sky.frag), and below the horizon a plain ground. COVERED: clouds before it, as the CIE's overcast sky.
in vec3 v_ray;

#ifdef PAINTED
uniform sampler2D sky;
#else
uniform sampler2D panorama;
#endif

layout(location = 0) out vec4 out_color;
layout(location = 1) out float out_depth;

const float PI = 3.14159265358979;

#ifdef PAINTED
vec3 clear_sky(vec3 direction) {
    float up = max(direction.z, 0.0);
    vec2 across = direction.xy * inversesqrt(max(dot(direction.xy, direction.xy), 1e-12)) * sqrt((1.0 - up) / (1.0 + up));
    return textureLod(sky, across * sky_scale + 0.5, 0.0).rgb;
}
#else
vec3 clear_sky(vec3 direction) {
    vec3 ray = dome_from_stage * direction;
    float footprint = max(length(dFdx(ray)), length(dFdy(ray))) * texels_a_radian;
    vec2 at = vec2(0.5 + atan(ray.x, ray.y) / (2.0 * PI), 0.5 + asin(clamp(ray.z, -1.0, 1.0)) / PI);
    return textureLod(panorama, at, log2(max(footprint, 1e-3))).rgb * gain;
}
#endif

void main() {
    vec3 direction = normalize(v_ray);
    vec3 color = clear_sky(direction);
#ifdef COVERED
    vec3 clouds = overcast * (0.6 + 0.4 * max(direction.z, 0.0));
#ifdef PAINTED
    clouds *= 0.78 + 0.16 * min(dot(color, vec3(0.27, 0.67, 0.06)), 2.0); // what the panorama has of form
#else
    clouds = mix(color * CLOUDED, clouds, smoothstep(-0.03, 0.03, direction.z)); // its ground, in their light
#endif
    color = mix(color, clouds, covered);
#endif
    color = color * sky_tint + sky_glow;
#ifdef PAINTED
    color = mix(color, ground, smoothstep(0.0, 0.06, -direction.z)); // the horizon lies in haze
#endif
    out_color = vec4(min(color, vec3(65504.0)), 1.0);
    out_depth = uintBitsToFloat(0x7F800000u);
}
