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
    vec2 corner = floor(gl_FragCoord.xy);
    vec4 sum = vec4(0.0);
#ifdef BENDS
    for (int i = 0; i < PER_SIDE * PER_SIDE; i++) {
        vec2 place = (corner + (vec2(i % PER_SIDE, i / PER_SIDE) + 0.5) / float(PER_SIDE)) / picture_size;
        sum += textureLod(drawn, 0.5 + (place - 0.5 + moved(place)) * narrower, 0.0);
    }
#else
    ivec2 first = ivec2(corner) * PER_SIDE;
    for (int i = 0; i < PER_SIDE * PER_SIDE; i++) {
        sum += texelFetch(drawn, first + ivec2(i % PER_SIDE, i / PER_SIDE), 0);
    }
#endif
    color = texelFetch(before, ivec2(gl_FragCoord.xy), 0) + sum * (weight / float(PER_SIDE * PER_SIDE));
}
