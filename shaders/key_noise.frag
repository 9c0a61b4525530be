// The camera's noise in the matte: the least variance in the neighbourhood (R. Martin's minimum statistics, 2001), for
// an edge only adds to it. One texel of 16 x 16 pixels: LEAST of 5 x 5 means, which are made first.
layout(location = 0) out vec4 color;

uniform sampler2D stats;

void main() {
    ivec2 last = textureSize(stats, 0) - 1, at = ivec2(gl_FragCoord.xy);
    float found = 0.0;
#ifdef LEAST
    found = 1e9;
    for (int i = 0; i < 25; i++) {
        found = min(found, texelFetch(stats, clamp(at + ivec2(i % 5, i / 5) - 2, ivec2(0), last), 0).g);
    }
#else
    for (int i = 0; i < 16; i++) {
        found += texelFetch(stats, min(4 * at + ivec2(i & 3, i >> 2), last), 0).g / 16.0;
    }
#endif
    color = vec4(0.0, found, 0.0, 1.0);
}
