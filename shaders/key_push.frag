// One level up: what a texel lacks of its weight is from the level below. LAST: there is none below,
// and it is from the whole.
layout(location = 0) out vec4 color;

uniform sampler2D fine;
uniform sampler2D coarse;

void main() {
    ivec2 at = ivec2(gl_FragCoord.xy);
    int wide = textureSize(fine, 0).x / fields, field = at.x / wide;
    vec4 own = texelFetch(fine, at, 0);
#ifdef LAST
    vec4 sum = vec4(1e-5 * fallback[field].rgb, 1e-5);
    for (int i = 0; i < wide * textureSize(fine, 0).y; i++) {
        sum += texelFetch(fine, ivec2(field * wide + i % wide, i / wide), 0);
    }
    color = vec4(own.rgb + (1.0 - own.a) * sum.rgb / sum.a, 1.0);
#else
    ivec2 size = ivec2(textureSize(coarse, 0).x / fields, textureSize(coarse, 0).y);
    ivec2 begin = ivec2(field * size.x, 0);
    vec2 place = 0.5 * (vec2(at.x - field * wide, at.y) + 0.5) - 0.5;
    ivec2 low = ivec2(floor(place));
    vec2 t = place - vec2(low);
    ivec2 a = clamp(low, ivec2(0), size - 1) + begin, b = clamp(low + 1, ivec2(0), size - 1) + begin;
    vec3 left = mix(texelFetch(coarse, a, 0).rgb, texelFetch(coarse, ivec2(a.x, b.y), 0).rgb, t.y);
    vec3 right = mix(texelFetch(coarse, ivec2(b.x, a.y), 0).rgb, texelFetch(coarse, b, 0).rgb, t.y);
    color = vec4(own.rgb + (1.0 - own.a) * mix(left, right, t.x), 1.0);
#endif
}
