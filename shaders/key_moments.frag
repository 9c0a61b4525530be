// The first level down of the pyramid that fills in the foreground's moments: four of ``sure`` as one, beside each other
// the mean light, its squares, and its products. As key_pull.frag; the level above is made where it is asked for.
layout(location = 0) out vec4 color;

uniform sampler2D sure;
#include "key_moments.glsl"

void main() {
    ivec2 size = textureSize(sure, 0), at = ivec2(gl_FragCoord.xy);
    int wide = (size.x + 1) / 2, field = at.x / wide;
    ivec2 corner = 2 * ivec2(at.x - field * wide, at.y);
    vec4 sum = vec4(0.0);
    for (int i = 0; i < 4; i++) {
        vec4 own = texelFetch(sure, min(corner + ivec2(i & 1, i >> 1), size - 1), 0);
        sum += vec4(moment(own.rgb, field) * own.a, own.a);
    }
    color = sum / max(sum.a, 1.0);
}
