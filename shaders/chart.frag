// A wall's line-up chart: what stands still from a texture, texel by pixel, and over it the cameras' circles; or, with
// COUNTER, the frame's number alone, over the part of the wall that has it. ENCODED: the code values themselves; else the
// light that they are. Twin: vpengine/compose/charts.py.
in vec3 position_in_stage;
in vec2 uv;
layout(location = 0) out vec4 color;

uniform sampler2D still;
uniform sampler2D glyphs;  // of the digits, side by side

#ifdef COUNTER
const int PLACE_VALUES[8] = int[8](10000000, 1000000, 100000, 10000, 1000, 100, 10, 1);

vec3 code_at(ivec2 pixel) {
    ivec2 in_bar = pixel - bar_at;
    if (all(greaterThanEqual(in_bar, ivec2(0))) && in_bar.x < BITS * cell_px.x && in_bar.y < cell_px.y)
        return vec3(float((number >> (BITS - 1 - in_bar.x / cell_px.x)) & 1));
    ivec2 in_digits = pixel - digits_at;
    if (all(greaterThanEqual(in_digits, ivec2(0))) && in_digits.x < 48 * dot_px && in_digits.y < 7 * dot_px) {
        ivec2 at = in_digits / dot_px;
        int digit = number / PLACE_VALUES[at.x / 6] % 10;
        if (at.x % 6 < 5) return vec3(texelFetch(glyphs, ivec2(digit * 5 + at.x % 6, at.y), 0).r);
    }
    return texelFetch(still, pixel, 0).rgb;
}
#else
const vec3 INKS[4] = vec3[4](vec3(1.0, 1.0, 0.0), vec3(0.0, 1.0, 0.0), vec3(1.0, 0.4, 0.0), vec3(0.4, 0.6, 1.0));

// Circles in each camera's own picture, in half heights of it from its middle.
vec3 code_at(ivec2 pixel) {
    vec4 drawn = texelFetch(still, pixel, 0);
    vec3 code = drawn.rgb;
    for (int i = CAMERAS - 1; i >= 0; i--) {
        vec4 at = image_from_stage[i] * vec4(position_in_stage, 1.0);
        vec2 point = at.xy / at.w;
        float r = length(point);
        float off = min(min(abs(r - RING_0), abs(r - RING_1)), abs(r - RING_2));
        off = min(off, abs(length(abs(point) - corner[i].xy) - CORNER_RING));
        bool on = at.w > 0.0 && drawn.a > 0.5 && off < max(LINE, 0.6 * corner[i].z / at.w);
        code = on ? INKS[i % 4] : code;
    }
    return code;
}
#endif

void main() {
    vec3 code = code_at(ivec2(gl_FragCoord.xy));
#ifndef ENCODED
    vec3 level = mix(pow((code + 0.055) / 1.055, vec3(2.4)), code / 12.92, lessThanEqual(code, vec3(0.040449936)));
    code = acescg_from_rec709 * ((black_nits + level * (peak_nits - black_nits)) / white_nits);
#endif
    color = vec4(code, 1.0);
}
