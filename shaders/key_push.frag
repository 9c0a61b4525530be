// One level up: what a texel lacks of its weight is from the level below. COARSE: ``coarse`` holds all levels below, as
// key_pull.frag has them, none of them filled yet; what the last of them lacks is from its whole.
layout(location = 0) out vec4 color;

uniform sampler2D fine;
uniform sampler2D coarse;
#include "key_push.glsl"

#ifdef COARSE
#include "key_coarse.glsl"

ivec2 size;
int field;
vec3 mean;  // of the last level

vec4 texel(ivec2 at, int level) {
    return texelFetch(coarse, at + ivec2(field * level_size(size, level).x, first_row(size, level)), 0);
}

vec3 mean_of_last() {
    ivec2 last = level_size(size, COARSE_LEVELS);
    vec4 sum = vec4(1e-5 * fallback[field].rgb, 1e-5);
    for (int i = 0; i < last.x * last.y; i++) sum += texel(ivec2(i % last.x, i / last.x), COARSE_LEVELS);
    return sum.rgb / sum.a;
}

vec3 filled_3(ivec2 at) {
    vec4 own = texel(at, COARSE_LEVELS);
    return own.rgb + (1.0 - own.a) * mean;
}

vec3 filled_2(ivec2 at) {
    vec4 own = texel(at, 2);
    Below below = below_of(at, level_size(size, 3));
    ivec2 a = below.low, b = below.high;
    return own.rgb + (1.0 - own.a) * bilinear_of(filled_3(a), filled_3(ivec2(a.x, b.y)), filled_3(ivec2(b.x, a.y)),
                                                 filled_3(b), below.share);
}

vec3 filled_1(ivec2 at) {
    vec4 own = texel(at, 1);
    Below below = below_of(at, level_size(size, 2));
    ivec2 a = below.low, b = below.high;
    return own.rgb + (1.0 - own.a) * bilinear_of(filled_2(a), filled_2(ivec2(a.x, b.y)), filled_2(ivec2(b.x, a.y)),
                                                 filled_2(b), below.share);
}

vec3 below_at(ivec2 at) {
    mean = mean_of_last();
    Below below = below_of(at, level_size(size, 1));
    ivec2 a = below.low, b = below.high;
    return bilinear_of(filled_1(a), filled_1(ivec2(a.x, b.y)), filled_1(ivec2(b.x, a.y)), filled_1(b), below.share);
}
#endif

void main() {
    ivec2 at = ivec2(gl_FragCoord.xy);
    int wide = textureSize(fine, 0).x / fields, which = at.x / wide;
    vec4 own = texelFetch(fine, at, 0);
    ivec2 inside = ivec2(at.x - which * wide, at.y);
#ifdef COARSE
    size = ivec2(wide, textureSize(fine, 0).y);
    field = which;
    vec3 below = below_at(inside);
#else
    ivec2 size = ivec2(textureSize(coarse, 0).x / fields, textureSize(coarse, 0).y);
    vec3 below = from_below(coarse, inside, ivec2(which * size.x, 0), size);
#endif
    color = vec4(own.rgb + (1.0 - own.a) * below, 1.0);
}
