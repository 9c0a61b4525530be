// The world's picture, bent as the lens bends the real one: each pixel of the real picture finds where it lies in the
// world's, which is wider. Colour is averaged over what the pixel covers; depth is one texel's, for a mean of two depths
// is a place where nothing is.
layout(location = 0) out vec4 out_color;
uniform sampler2D world_color;
uniform sampler2D lens_moves;  // how far the lens moves a place, in shares of the picture, y up; a node on every edge
#ifdef DEPTH
layout(location = 1) out float out_depth;
uniform sampler2D world_depth;
#endif

const int MOST_TAPS = 4;

// By hand: a texture unit interpolates with 8 bits.
vec2 moved(vec2 place) {
    ivec2 cells = textureSize(lens_moves, 0) - 1;
    vec2 at = place * vec2(cells);
    ivec2 cell = clamp(ivec2(at), ivec2(0), cells - 1);
    vec2 share = at - vec2(cell);
    vec2 below = mix(texelFetch(lens_moves, cell, 0).xy, texelFetch(lens_moves, cell + ivec2(1, 0), 0).xy, share.x);
    vec2 above =
        mix(texelFetch(lens_moves, cell + ivec2(0, 1), 0).xy, texelFetch(lens_moves, cell + ivec2(1, 1), 0).xy, share.x);
    return mix(below, above, share.y);
}

void main() {
    vec2 place = gl_FragCoord.xy / picture_size;
    vec2 at = 0.5 + (place - 0.5 + moved(place)) * narrower;
    vec2 across = dFdx(at), up = dFdy(at), texels = vec2(textureSize(world_color, 0));
    float covered = max(length(across * texels), length(up * texels));
    int taps = clamp(int(ceil(covered - 0.25)), 1, MOST_TAPS);  // bilinear does for a little more than a texel
    vec4 total = vec4(0.0);
    for (int j = 0; j < taps; j++) {
        for (int i = 0; i < taps; i++) {
            vec2 beside = (vec2(i, j) + 0.5) / float(taps) - 0.5;
            total += textureLod(world_color, at + across * beside.x + up * beside.y, 0.0);
        }
    }
    out_color = total / float(taps * taps);
    out_color.rgb = out_color.rgb * (1.0 - dip.a) + dip.rgb;
#ifdef DEPTH
    ivec2 last = textureSize(world_depth, 0) - 1;
    out_depth = texelFetch(world_depth, clamp(ivec2(floor(at * vec2(last + 1))), ivec2(0), last), 0).r;
#endif
}
