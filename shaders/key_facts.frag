// What a matte refiner's network is told of each pixel: all by the local screen's light, so that whatever colour it has
// the numbers are alike. chroma: alpha as it is measured, without noise and with it; the light along the screen's hue (1
// is the screen) and across it. luma: to the screen's; alpha by it alone; the foreground's nearby; how surely it is core.
layout(location = 0) out vec4 chroma;
layout(location = 1) out vec4 luma;

uniform sampler2D picture;
uniform sampler2D measure;
uniform sampler2D raw;
uniform sampler2D core;
uniform sampler2D near;
uniform sampler2D screen_ratio;
#include "key.glsl"
#include "key_measure.glsl"
#include "color.glsl"

const float MOST = 4.0;  // times the screen's luminance: a highlight says no more than that it is bright
const float UNSURE = 0.02;  // the square of what luminances differ by where they tell little

void main() {
    ivec2 at = ivec2(gl_FragCoord.xy);
    vec2 of_measure = gl_FragCoord.xy / (4.0 * vec2(textureSize(measure, 0)));
    vec3 light = texelFetch(picture, at, 0).rgb, base = screen_base(gl_FragCoord.xy / picture_size);
    vec3 behind = base * texture(screen_ratio, gl_FragCoord.xy / (8.0 * vec2(textureSize(screen_ratio, 0)))).rgb;
    vec3 even = evened(light, base), plain = light * screen.rgb / max(behind, 0.05 * screen.rgb);
    chroma = vec4(measured(texture(measure, of_measure), even), measured(texture(raw, of_measure), even),
                  dot(along, plain), dot(across, plain));
    float level = max(luminance(behind), 1e-3);
    float here = min(luminance(light) / level, MOST), own = min(luminance(texelFetch(near, at / 4, 0).rgb) / level, MOST);
    float alpha = (here - 1.0) * (own - 1.0) / ((own - 1.0) * (own - 1.0) + UNSURE);
    chroma = clamp(chroma, -2.0, 2.0);
    luma = vec4(here, clamp(alpha, -1.0, 2.0), own, texelFetch(core, at / 4, 0).a);
}
