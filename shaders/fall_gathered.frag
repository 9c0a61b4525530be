// In what light falling particles of a kind are drawn, at each place of a picture.
in vec2 uv;
layout(location = 0) out vec4 color;

uniform sampler2D local_light;
uniform sampler2D local_bright;
uniform sampler2D mean_light;
uniform sampler2D bright_light;

void main() {
    ivec2 at = ivec2(gl_FragCoord.xy), all = ivec2(0);
    vec3 around = mix(texelFetch(local_light, at, 0).rgb, texelFetch(local_bright, at, 0).rgb, glint);
    vec3 all_round = mix(texelFetch(mean_light, all, 0).rgb, texelFetch(bright_light, all, 0).rgb, brightest);
    color = vec4(gain * mix(around, all_round, from_all_round), 1.0);
}
