// In what light falling particles of a kind are drawn, at each place of a picture.
in vec2 uv;
layout(location = 0) out vec4 color;

uniform sampler2D local_light;
uniform sampler2D local_bright;
uniform sampler2D mean_light;
uniform sampler2D bright_light;

const float LAMP = 4.0;  // scene-linear: a picture that has it so bright, or brighter, has it as it is

float luminance(vec3 light) {
    return dot(light, vec3(0.2722, 0.6741, 0.0537));
}

// How far light is above what is around it: nought where all is even.
float above(vec3 bright, vec3 mean, float times) {
    return clamp(1.0 - times * luminance(mean) / max(luminance(bright), 1e-9), 0.0, 1.0);
}

void main() {
    ivec2 at = ivec2(gl_FragCoord.xy), all = ivec2(0);
    vec3 here = texelFetch(local_light, at, 0).rgb, brighter = texelFetch(local_bright, at, 0).rgb;
    vec3 mean = texelFetch(mean_light, all, 0).rgb, bright = texelFetch(bright_light, all, 0).rgb;
    // Where few places have nearly all of the light they are lamps, which most pictures have far darker than they are.
    float lamps = above(bright, mean, 3.0);
    float gained = clamp(LAMP / max(luminance(brighter), 1e-9), 1.0, mix(1.0, glint, lamps));
    vec3 around = mix(here, brighter * gained, above(brighter, here, 1.0));
    color = vec4(gain * mix(around, mix(mean, bright, brightest), from_all_round), 1.0);
}
