// Where the picture is surely screen, how its light is to the clean plate's, or to the picked colour: one texel of 8 x 8
// pixels, of which two a row are asked. color: the ratio; alpha: how many of them are.
layout(location = 0) out vec4 color;

uniform sampler2D picture;
#include "key.glsl"

void main() {
    ivec2 size = textureSize(picture, 0), corner = ivec2(gl_FragCoord.xy) * 8;
    float picked = dot(screen.rgb, vec3(1.0));
    vec4 sum = vec4(0.0);
    vec3 bases = vec3(0.0);
    float sure = 0.0;
    for (int i = 0; i < 16; i++) {
        ivec2 at = min(corner + ivec2(4 * (i & 1) + 3 * (i >> 1) & 7, i >> 1), size - 1);
        vec3 light = texelFetch(picture, at, 0).rgb, base = screen_base((vec2(at) + 0.5) / vec2(size)), plain = light;
#ifdef PLATE
        // As bright as if no marker were there: else what is counted beside it is told of the marker's light.
        plain *= screen.rgb / max(base, 0.1 * screen.rgb);
#endif
        float part = screen_part(plain, sure_slope);
        // By saturation, whatever the brightness: a badly lit corner and a shadow are screen too.
        float likeness = part * picked / max(dot(plain, vec3(1.0)), 0.02 * picked);
        float weight = part > 0.05 ? clamp((likeness - 0.7) * 5.0, 0.0, 1.0) : 0.0;
        sum += vec4(light, 1.0) * weight;
        bases += base * weight;
        sure += weight > 0.0 ? 1.0 / 16.0 : 0.0;
    }
    color = vec4(sum.rgb / max(bases, vec3(1e-6)), sure);
}
