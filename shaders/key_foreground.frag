// The foreground of a matte whose edge was moved: else key_matte.frag draws both at once.
layout(location = 0) out vec4 color;

uniform sampler2D picture;
uniform sampler2D matte;
uniform sampler2D screen_ratio;
uniform sampler2D near;
#include "key.glsl"
#include "color.glsl"
#include "key_foreground.glsl"

void main() {
    ivec2 at = ivec2(gl_FragCoord.xy);
    vec3 ratio = texture(screen_ratio, gl_FragCoord.xy / (8.0 * vec2(textureSize(screen_ratio, 0)))).rgb;
    vec3 behind = ratio * screen_base(gl_FragCoord.xy / picture_size);
    color = foreground_of(texelFetch(picture, at, 0).rgb, texelFetch(matte, at, 0), behind,
                          texelFetch(near, at / 4, 0).rgb);
}
