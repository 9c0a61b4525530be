// One level down of a pyramid that fills holes (S. Gortler and others, The lumigraph, 1996): four texels as one.
// fields: how many pictures are beside each other. COARSE: the last three levels at once, as key_coarse.glsl has them.
layout(location = 0) out vec4 color;

uniform sampler2D fine;

vec4 normalized(vec4 sum) {
    return sum / max(sum.a, 1.0);
}

#ifdef COARSE
#include "key_coarse.glsl"

// A texel of ``level`` from the 4, 16 or 64 that it is made of, each four of them as one before they are added up.
vec4 pulled(ivec2 at, ivec2 begin, ivec2 size, int level) {
    vec4 one = vec4(0.0), two = vec4(0.0), three = vec4(0.0);  // sums for a texel of each level
    for (int leaf = 0; leaf < 1 << (2 * level); leaf++) {
        ivec2 place = at;
        for (int below = level - 1; below >= 0; below--) {
            int child = leaf >> (2 * below);
            place = min(2 * place + ivec2(child & 1, (child >> 1) & 1), level_size(size, below) - 1);
        }
        one += texelFetch(fine, begin + place, 0);
        if ((leaf & 3) == 3) two += normalized(one), one = vec4(0.0);
        if ((leaf & 15) == 15) three += normalized(two), two = vec4(0.0);
    }
    return level == 1 ? two : level == 2 ? three : normalized(three);
}

void main() {
    ivec2 size = ivec2(textureSize(fine, 0).x / fields, textureSize(fine, 0).y), at = ivec2(gl_FragCoord.xy);
    int level = 1;
    while (level < COARSE_LEVELS && at.y >= first_row(size, level + 1)) level++;
    int wide = level_size(size, level).x, field = min(at.x / wide, fields - 1);  // beyond them nobody asks
    color = pulled(at - ivec2(field * wide, first_row(size, level)), ivec2(field * size.x, 0), size, level);
}
#else
void main() {
    ivec2 fine_size = textureSize(fine, 0), at = ivec2(gl_FragCoord.xy);
    int wide = fine_size.x / fields, field = at.x / ((wide + 1) / 2);
    ivec2 corner = 2 * ivec2(at.x - field * ((wide + 1) / 2), at.y), last = ivec2(wide, fine_size.y) - 1;
    ivec2 begin = ivec2(field * wide, 0);
    vec4 sum = vec4(0.0);
    for (int i = 0; i < 4; i++) {
        sum += texelFetch(fine, begin + min(corner + ivec2(i & 1, i >> 1), last), 0);
    }
    color = normalized(sum);
}
#endif
