// One level down of a pyramid that fills holes (S. Gortler and others, The lumigraph, 1996): four texels as one.
// fields: how many pictures are beside each other.
layout(location = 0) out vec4 color;

uniform sampler2D fine;

void main() {
    ivec2 fine_size = textureSize(fine, 0), at = ivec2(gl_FragCoord.xy);
    int wide = fine_size.x / fields, field = at.x / ((wide + 1) / 2);
    ivec2 corner = 2 * ivec2(at.x - field * ((wide + 1) / 2), at.y), last = ivec2(wide, fine_size.y) - 1;
    ivec2 begin = ivec2(field * wide, 0);
    vec4 sum = vec4(0.0);
    for (int i = 0; i < 4; i++) {
        sum += texelFetch(fine, begin + min(corner + ivec2(i & 1, i >> 1), last), 0);
    }
    color = sum / max(sum.a, 1.0);
}
