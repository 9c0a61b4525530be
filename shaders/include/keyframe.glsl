// What generated pictures show of a surface: the texels around a place that are of it, weighted. The numpy twin is
// vpengine/view/reproject.py.

// gain and bias: sums by weight; total: of the weights. known: the best trust of any picture in what it shows.
struct Sum {
    vec3 gain;
    vec3 bias;
    float total;
    float known;
};

// Where a pixel is in a picture, the depth expected there, how much that picture counts beside others, and how far it is
// believed where it is alone.
struct Lookup {
    vec2 key_uv;
    float expected_m;
    float weight;
    float trust;
#ifdef MOVES
    float drift;  // how much brighter all of the plate is there, since
#endif
};

// The bilinear share of each of the four texels around a place, in textureGather's order.
vec4 bilinear(vec2 texel) {
    vec2 t = texel - floor(texel);
    return vec4((1.0 - t.x) * t.y, t.x * t.y, t.x * (1.0 - t.y), (1.0 - t.x) * (1.0 - t.y));
}

#ifdef MOVES
// Of a plate that moves, a picture's second depth channel is how bright the plate was (ACEScct); where that is otherwise
// now, besides what has become brighter all around, what stands there is another thing, or another side of it.
vec4 of_now(sampler2D depths, vec2 where, float now) {
    return 1.0 - smoothstep(vec4(MOVED), vec4(2.0 * MOVED), abs(textureGather(depths, where, 1) - now));
}
#define OF_NOW(depths, where, at, now) of_now(depths, where, now - at.drift)
// In ACEScct another exposure is a sum: what a generator makes of a plate that is brighter by so much is brighter by it
// too, and of that ``gain`` has brought its part along.
#define EXPOSED(at, gain, share) at.drift * (share - gain)
#else
#define OF_NOW(depths, where, at, now) vec4(1.0)
#define EXPOSED(at, gain, share) vec3(0.0)
#endif

// Which of them show the surface that is expected there. Along a plane inverse depth is linear in the picture, so a
// floor seen aslant agrees as a whole, however much the depth of its texels differs; across an edge each is judged.
vec4 matches(sampler2D depths, vec2 size, vec2 texel, Lookup at, vec4 share, bool sky, float now) {
    // Asked for where the four meet: at key_uv itself a driver may round to other texels than floor does here.
    vec2 where = (floor(texel) + 1.0) / size;
    vec4 found = textureGather(depths, where);
    vec4 inverse = 1.0 / found;
    float expected = 1.0 / at.expected_m;
    float lowest = min(min(inverse.x, inverse.y), min(inverse.z, inverse.w));
    float highest = max(max(inverse.x, inverse.y), max(inverse.z, inverse.w));
    bool plane = abs(dot(inverse, share) - expected) < 0.02 * expected && highest - lowest < 0.4 * expected;
    vec4 each = vec4(lessThan(abs(found - at.expected_m), vec4(0.03 * at.expected_m + 0.02)));
    return (sky ? vec4(greaterThan(found, vec4(1e30))) : plane ? vec4(1.0) : each) * OF_NOW(depths, where, at, now);
}

// Only the texels of this surface; share: how much of each, in textureGather's order.
vec3 texels(sampler2D source, vec2 size, ivec2 base, vec4 share) {
    ivec2 top = ivec2(size) - 1;
    return share.x * texelFetch(source, clamp(base + ivec2(0, 1), ivec2(0), top), 0).rgb
         + share.y * texelFetch(source, clamp(base + ivec2(1, 1), ivec2(0), top), 0).rgb
         + share.z * texelFetch(source, clamp(base + ivec2(1, 0), ivec2(0), top), 0).rgb
         + share.w * texelFetch(source, clamp(base, ivec2(0), top), 0).rgb;
}

// now: the mean of the pixel's ACEScct.
void add(
    inout Sum sum, sampler2D gains, sampler2D biases, sampler2D depths, vec2 size, Lookup at, bool sky, float now
) {
    vec2 texel = at.key_uv * size - 0.5;
    vec4 share = bilinear(texel);
    share *= matches(depths, size, texel, at, share, sky, now);
    // A quarter of a texel of the right surface is enough to go by.
    share *= min(4.0, 1.0 / max(dot(share, vec4(1.0)), 1e-3));
    sum.known = max(sum.known, at.trust * dot(share, vec4(1.0)));
    share *= at.weight;
    sum.total += dot(share, vec4(1.0));
    vec3 gain = texels(gains, size, ivec2(floor(texel)), share);
    sum.gain += gain;
    sum.bias += texels(biases, size, ivec2(floor(texel)), share) + EXPOSED(at, gain, dot(share, vec4(1.0)));
}
