// The core matte: one texel of 4 x 4 pixels. color: their mean light; alpha: 1 where all of them are surely foreground.
layout(location = 0) out vec4 color;

uniform sampler2D picture;
uniform sampler2D screen_ratio;
#include "key.glsl"

void main() {
    ivec2 size = textureSize(picture, 0), corner = ivec2(gl_FragCoord.xy) * 4;
    vec2 middle = vec2(corner) + 2.0;
    vec3 local = texture(screen_ratio, middle / (8.0 * vec2(textureSize(screen_ratio, 0)))).rgb;
    float most = 0.2 * dot(along, local * screen_base(middle / vec2(size)));  // spill is foreground too
    vec3 sum = vec3(0.0);
    float part = -1e9;
    for (int i = 0; i < 16; i++) {
        vec3 light = texelFetch(picture, min(corner + ivec2(i & 3, i >> 2), size - 1), 0).rgb;
        sum += light;
        part = max(part, screen_part(light, sure_slope));
    }
    color = vec4(sum / 16.0, clamp((1.25 * most - part) / (0.5 * most), 0.0, 1.0));  // soft, or it boils
}
