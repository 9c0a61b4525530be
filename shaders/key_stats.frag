// Mean and variance of 4 x 4 pixels of the edge matte, by every other of them.
layout(location = 0) out vec4 color;

uniform sampler2D picture;
uniform sampler2D measure;
#ifdef PLATE
#include "key.glsl"
#endif
#include "key_measure.glsl"

void main() {
    ivec2 last = textureSize(picture, 0) - 1, at = ivec2(gl_FragCoord.xy), corner = at * 4;
    vec4 axis = texelFetch(measure, at, 0);
#ifdef PLATE
    axis.rgb = evened(axis.rgb, screen_base((vec2(corner) + 2.0) / picture_size));  // of the whole block
#endif
    vec2 sum = vec2(0.0);
    for (int i = 0; i < 8; i++) {
        float alpha = measured(axis, texelFetch(picture, min(corner + ivec2(2 * (i & 1) + (i >> 1 & 1), i >> 1), last), 0).rgb);
        sum += vec2(alpha, alpha * alpha);
    }
    sum /= 8.0;
    color = vec4(sum.x, max(sum.y - sum.x * sum.x, 0.0), 0.0, 1.0);
}
