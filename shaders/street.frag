// The street: ambient and sun (through its shadow map) on the surface's texture, what it mirrors, and haze.
in vec3 v_texture;
in vec3 v_ambient;
#ifndef SUNLESS
in vec3 v_sun;
in vec3 v_shadow;
#endif
in vec3 v_mirror;
in vec3 v_haze;

uniform sampler2DArray surfaces;
#ifndef SUNLESS
uniform sampler2DShadow sun_map;
#endif

layout(location = 0) out vec4 out_color;
layout(location = 1) out float out_depth;

void main() {
    vec4 surface = texture(surfaces, v_texture, -0.5);
    vec3 light = v_ambient;
#ifndef SUNLESS
    light += v_sun * texture(sun_map, v_shadow);
#endif
    out_color = vec4(surface.rgb * light + surface.a * v_mirror + v_haze, 1.0);
    out_depth = 1.0 / gl_FragCoord.w;
}
