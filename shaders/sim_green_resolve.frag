// A pixel of the real picture: the mean of PER_SIDE by PER_SIDE places in it, each found where the lens puts it in the
// wider and finer picture; added to what the shutter's other moments gave.
layout(location = 0) out vec4 color;

uniform sampler2D drawn;
uniform sampler2D before;
uniform sampler2D lens_moves;  // in shares of the picture, y up; a node on every edge

vec2 moved(vec2 place) {  // by hand: a texture unit interpolates with 8 bits
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
    vec4 sum = vec4(0.0);
#ifdef BENDS
    vec2 place = gl_FragCoord.xy / picture_size;
    vec2 at = 0.5 + (place - 0.5 + moved(place)) * narrower;
    vec2 across = dFdx(at) / float(PER_SIDE), up = dFdy(at) / float(PER_SIDE);  // within a pixel lenses are straight
    for (int i = 0; i < PER_SIDE * PER_SIDE; i++) {
        vec2 beside = vec2(i % PER_SIDE, i / PER_SIDE) - 0.5 * float(PER_SIDE - 1);
        sum += textureLod(drawn, at + beside.x * across + beside.y * up, 0.0);
    }
#else
    ivec2 first = ivec2(gl_FragCoord.xy) * PER_SIDE;
    for (int i = 0; i < PER_SIDE * PER_SIDE; i++) {
        sum += texelFetch(drawn, first + ivec2(i % PER_SIDE, i / PER_SIDE), 0);
    }
#endif
    color = texelFetch(before, ivec2(gl_FragCoord.xy), 0) + sum * (weight / float(PER_SIDE * PER_SIDE));
}
