// One level up: what a texel lacks of its weight is from the level below. LAST: there is none below,
// and it is from the whole.
layout(location = 0) out vec4 color;

uniform sampler2D fine;
uniform sampler2D coarse;
#include "key_push.glsl"

void main() {
    ivec2 at = ivec2(gl_FragCoord.xy);
    int wide = textureSize(fine, 0).x / fields, field = at.x / wide;
    vec4 own = texelFetch(fine, at, 0);
#ifdef LAST
    vec4 sum = vec4(1e-5 * fallback[field].rgb, 1e-5);
    for (int i = 0; i < wide * textureSize(fine, 0).y; i++) {
        sum += texelFetch(fine, ivec2(field * wide + i % wide, i / wide), 0);
    }
    color = vec4(own.rgb + (1.0 - own.a) * sum.rgb / sum.a, 1.0);
#else
    ivec2 size = ivec2(textureSize(coarse, 0).x / fields, textureSize(coarse, 0).y);
    vec3 below = from_below(coarse, ivec2(at.x - field * wide, at.y), ivec2(field * size.x, 0), size);
    color = vec4(own.rgb + (1.0 - own.a) * below, 1.0);
#endif
}
