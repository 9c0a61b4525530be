// Where a texel lies in the level below, half the size of its own: between which texels, and how far.
struct Below {
    ivec2 low;
    ivec2 high;
    vec2 share;
};

// at: of its own level; size: of the level below.
Below below_of(ivec2 at, ivec2 size) {
    vec2 place = 0.5 * (vec2(at) + 0.5) - 0.5;
    ivec2 low = ivec2(floor(place));
    return Below(clamp(low, ivec2(0), size - 1), clamp(low + 1, ivec2(0), size - 1), place - vec2(low));
}

vec3 bilinear_of(vec3 low, vec3 above, vec3 right, vec3 high, vec2 share) {
    return mix(mix(low, above, share.y), mix(right, high, share.y), share.x);
}

// A field from the level below it, smoothly. begin: where the field begins there.
vec3 from_below(sampler2D coarse, ivec2 at, ivec2 begin, ivec2 size) {
    Below below = below_of(at, size);
    ivec2 a = below.low + begin, b = below.high + begin;
    return bilinear_of(texelFetch(coarse, a, 0).rgb, texelFetch(coarse, ivec2(a.x, b.y), 0).rgb,
                       texelFetch(coarse, ivec2(b.x, a.y), 0).rgb, texelFetch(coarse, b, 0).rgb, below.share);
}
