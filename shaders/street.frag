// The street: ambient and sun (through its shadow map) on the surface's texture, what it mirrors, and haze; with LAMPS
// what street lamps throw on the ground, and the lit windows of houses that are but painted.
in vec3 v_texture;
centroid in vec3 v_ambient;
#ifndef SUNLESS
centroid in vec3 v_sun;
in vec3 v_shadow;
#endif
#ifdef LAMPS
centroid in vec3 v_pool;
in vec2 v_pool_at;
centroid in vec3 v_far_window;
#endif
centroid in vec3 v_mirror;
centroid in vec3 v_haze;

uniform sampler2DArray surfaces;
#ifndef SUNLESS
uniform sampler2DShadow sun_map;
#endif
#ifdef LAMPS
uniform sampler2D lamp_map;
#endif

layout(location = 0) out vec4 out_color;
layout(location = 1) out float out_depth;

void main() {
    vec4 surface = texture(surfaces, v_texture, -0.5);
    vec3 light = v_ambient;
#ifndef SUNLESS
    light += v_sun * texture(sun_map, v_shadow);
#endif
    vec3 mirror = v_mirror;
#ifdef LAMPS
    light += v_pool * textureLod(lamp_map, v_pool_at, 0.0).r;
    if (v_texture.z > PAINTED - 0.5) {
        vec2 bay = floor(v_texture.xy);
        float turn = fract(sin(dot(bay, vec2(12.9898, 78.233)) + 0.37 * v_texture.z) * 437.5453);
        mirror += v_far_window * clamp((windows - turn) * 50.0, 0.0, 1.0) * (0.4 + 0.6 * fract(turn * 173.0));
    }
#endif
    out_color = vec4(surface.rgb * light + surface.a * mirror + v_haze, 1.0);
    out_depth = 1.0 / gl_FragCoord.w;
}
