// The world's picture, bent as the lens bends the real one: each pixel of the real picture finds where it lies in the
// world's, which is wider. Colour is averaged over what the pixel covers; depth is one texel's, for a mean of two depths
// is a place where nothing is. ONE_TAP: no pixel covers much more than one of the world's.
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

#ifndef ONE_TAP
vec4 averaged(vec2 at) {
    vec2 across = dFdx(at), up = dFdy(at), texels = vec2(textureSize(world_color, 0));
    // Along each side of the pixel as many as it is texels long; bilinear does for a little more than one.
    ivec2 taps = ivec2(ceil(vec2(length(across * texels), length(up * texels)) - 0.4));
    taps = clamp(taps, ivec2(1), ivec2(MOST_TAPS));
    if (taps == ivec2(1)) return textureLod(world_color, at, 0.0);
    vec2 step_across = across / float(taps.x), step_up = up / float(taps.y);
    vec2 first = at - 0.5 * (across - step_across + up - step_up);
    vec4 total = vec4(0.0);
    for (int tap = 0; tap < taps.x * taps.y; tap++) {
        vec2 beside = vec2(tap % taps.x, tap / taps.x);
        total += textureLod(world_color, first + beside.x * step_across + beside.y * step_up, 0.0);
    }
    return total / float(taps.x * taps.y);
}
#endif

void main() {
    vec2 place = gl_FragCoord.xy / picture_size;
    vec2 at = 0.5 + (place - 0.5 + moved(place)) * narrower;
#ifdef ONE_TAP
    out_color = textureLod(world_color, at, 0.0);
#else
    out_color = averaged(at);
#endif
    out_color.rgb = out_color.rgb * (1.0 - dip.a) + dip.rgb;
#ifdef DEPTH
    ivec2 last = textureSize(world_depth, 0) - 1;
    out_depth = texelFetch(world_depth, clamp(ivec2(floor(at * vec2(last + 1))), ivec2(0), last), 0).r;
#endif
}
