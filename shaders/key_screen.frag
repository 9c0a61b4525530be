// Where the picture is surely screen, how its light is to the clean plate's, or to the picked colour: one texel of 8 x 8
// pixels, of which two a row are asked. color: the ratio; alpha: how many of them are.
layout(location = 0) out vec4 color;

uniform sampler2D picture;
#include "key.glsl"

void main() {
    ivec2 size = textureSize(picture, 0), corner = ivec2(gl_FragCoord.xy) * 8;
    float picked = dot(screen.rgb, vec3(1.0));
    vec4 sum = vec4(0.0);
    float sure = 0.0;
    for (int i = 0; i < 16; i++) {
        vec3 light = texelFetch(picture, min(corner + ivec2(4 * (i & 1) + 3 * (i >> 1) & 7, i >> 1), size - 1), 0).rgb;
        float part = screen_part(light, sure_slope);
        // By saturation, whatever the brightness: a badly lit corner and a shadow are screen too.
        float likeness = part * picked / max(dot(light, vec3(1.0)), 0.02 * picked);
        float weight = part > 0.05 ? clamp((likeness - 0.7) * 5.0, 0.0, 1.0) : 0.0;
        sum += vec4(light, 1.0) * weight;
        sure += weight > 0.0 ? 1.0 / 16.0 : 0.0;
    }
    vec2 at = (vec2(corner) + 4.0) / vec2(size);
    color = vec4(sum.rgb / max(sum.a, 1e-4) / screen_base(at), sure);
}
