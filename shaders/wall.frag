// A wall's picture: inside the cameras' frustums the inner pictures (where they overlap, the first), else the outer. Highlights
// roll off below the panel's peak; else nothing is tone-mapped: a camera will photograph this. Scene-linear; or ENCODED,
// what the wall's processor is sent: light in nits, 1.0 the peak, as sRGB-encoded code values of its Rec.709 primaries.
in vec3 inner_clip[INNERS];
in vec2 uv;
layout(location = 0) out vec4 color;

uniform sampler2D inner[INNERS];
uniform sampler2D outer;

#include "rolloff.glsl"

#ifdef ENCODED
// Interleaved gradient noise (Jimenez 2014): even in every small neighbourhood, and still while the picture is. Each
// channel has another place in it.
vec3 noise(vec2 pixel) {
    vec3 along = dot(pixel, vec2(0.06711056, 0.00583715)) + vec3(0.0, 2.58232227, 4.44400649);
    return fract(52.9829189 * fract(along));
}

// Eight bits are five steps below two nits: what lies between two code values is a share of pixels that have the upper.
// The threshold is not quite 0 to 1, so that a level that is a code value, but for the last bit of its arithmetic, stays.
vec3 code_values(vec3 level) {
    float least = mix(0.5, 1.0 / 512.0, dither);
    return floor(255.0 * level + least + (1.0 - 2.0 * least) * noise(floor(gl_FragCoord.xy))) / 255.0;
}
#endif

#ifdef SHRUNK
// A wall's pixel that spans several of the inner picture's: four places of it, spread by what one does not cover.
vec3 seen(sampler2D picture, vec2 at, vec2 across, vec2 up, vec2 size) {
    vec2 spans = max(vec2(length(across * size), length(up * size)), vec2(1.0));
    vec2 spread = min(0.5 - 0.5 / spans, vec2(0.25));
    vec2 a = spread.x * across, b = spread.y * up;
    vec3 total = texture(picture, at - a - b).rgb + texture(picture, at + a - b).rgb;
    return 0.25 * (total + texture(picture, at - a + b).rgb + texture(picture, at + a + b).rgb);
}
#define SEEN(i, at) seen(inner[i], at, across, up, inner_size[i].xy)
#else
#define SEEN(i, at) texture(inner[i], at).rgb
#endif

void main() {
    vec3 light = vec3(0.0);
    float left = 1.0;  // of the pixel, for what has less priority
    for (int i = 0; i < INNERS; i++) {
        vec2 ndc = inner_clip[i].xy / inner_clip[i].z;
#ifdef SHRUNK
        vec2 across = 0.5 * dFdx(ndc), up = 0.5 * dFdy(ndc);
#endif
        vec2 edge_px = (1.0 - abs(ndc)) * 0.5 * inner_size[i].xy;
        float inside = inner_clip[i].z > 0.0 ? min(edge_px.x, edge_px.y) : -1.0;
        float share = inner_visible * clamp(inside / max(soft_edge_px, 1.0), 0.0, 1.0);
        share *= left * share * (3.0 - 2.0 * share);
        if (share > 0.0) light += share * inner_gain * SEEN(i, ndc * 0.5 + 0.5);
        left -= share;
    }
    if (left > 0.0) light += left * outer_gain * texture(outer, uv).rgb;
    light = light * (1.0 - dip.a) + dip.rgb;
    vec3 level = rolled_off(panel_from_acescg * light);
#ifdef ENCODED
    level = clamp(level * level_gain - level_of_black, 0.0, 1.0);
    vec3 curve = 1.055 * pow(level, vec3(1.0 / 2.4)) - 0.055;
    light = code_values(mix(curve, 12.92 * level, lessThanEqual(level, vec3(0.0031308))));
#else
    light = acescg_from_panel * level;
#endif
    color = vec4(light, 1.0);
}
