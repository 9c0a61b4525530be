// A wall's picture: inside the cameras' frustums the inner pictures (where they overlap, the first), else the outer. Scene-linear; or ENCODED, what
// the wall's processor is sent: light in nits, clipped at the panel's peak, as sRGB-encoded code values of its Rec.709
// primaries. Nothing is tone-mapped: a camera will photograph this.
in vec3 position_in_stage;
in vec2 uv;
layout(location = 0) out vec4 color;

uniform sampler2D inner[INNERS];
uniform sampler2D outer;

#ifdef ENCODED
// Interleaved gradient noise (Jimenez 2014): even in every small neighbourhood, and still while the picture is. Not
// quite 0 to 1, so that a level that is a code value, but for the last bit of its arithmetic, stays that.
float threshold(vec2 pixel) {
    return mix(1.0 / 512.0, 511.0 / 512.0, fract(52.9829189 * fract(dot(pixel, vec2(0.06711056, 0.00583715)))));
}

// Eight bits are five steps below two nits: what lies between two code values is a share of pixels that have the upper.
vec3 code_values(vec3 level) {
    vec2 pixel = floor(gl_FragCoord.xy);
    vec3 noise = vec3(threshold(pixel), threshold(pixel + vec2(37.0, 17.0)), threshold(pixel + vec2(59.0, 83.0)));
    return floor(255.0 * level + mix(vec3(0.5), noise, dither)) / 255.0;
}
#endif

void main() {
    vec3 light = vec3(0.0);
    float left = 1.0;  // of the pixel, for what has less priority
    for (int i = 0; i < INNERS; i++) {
        vec4 clip = inner_from_stage[i] * vec4(position_in_stage, 1.0);
        vec2 ndc = clip.xy / clip.w;
        vec2 edge_px = (1.0 - abs(ndc)) * 0.5 * inner_size[i].xy;
        float inside = clip.w > 0.0 ? min(edge_px.x, edge_px.y) : -1.0;
        float share = inner_visible * clamp(inside / max(soft_edge_px, 1.0), 0.0, 1.0);
        share *= left * share * (3.0 - 2.0 * share);
        if (share > 0.0) light += share * inner_gain * texture(inner[i], ndc * 0.5 + 0.5).rgb;
        left -= share;
    }
    if (left > 0.0) light += left * outer_gain * texture(outer, uv).rgb;
    light = light * (1.0 - dip.a) + dip.rgb;
#ifdef ENCODED
    vec3 nits = (rec709_from_acescg * light) * white_nits;
    vec3 level = clamp((nits - black_nits) / (peak_nits - black_nits), 0.0, 1.0);
    vec3 curve = 1.055 * pow(level, vec3(1.0 / 2.4)) - 0.055;
    light = code_values(mix(curve, 12.92 * level, lessThanEqual(level, vec3(0.0031308))));
#endif
    color = vec4(light, 1.0);
}
