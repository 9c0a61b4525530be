// A field from the level below it, half its size, smoothly. at: of its own level; begin: where the field begins below.
vec3 from_below(sampler2D coarse, ivec2 at, ivec2 begin, ivec2 size) {
    vec2 place = 0.5 * (vec2(at) + 0.5) - 0.5;
    ivec2 low = ivec2(floor(place));
    vec2 t = place - vec2(low);
    ivec2 a = clamp(low, ivec2(0), size - 1) + begin, b = clamp(low + 1, ivec2(0), size - 1) + begin;
    vec3 left = mix(texelFetch(coarse, a, 0).rgb, texelFetch(coarse, ivec2(a.x, b.y), 0).rgb, t.y);
    vec3 right = mix(texelFetch(coarse, ivec2(b.x, a.y), 0).rgb, texelFetch(coarse, b, 0).rgb, t.y);
    return mix(left, right, t.x);
}
