// A camera's picture as its operator and focus puller see it. Tools judge light, before the view; each is behind a define,
// so that what nobody uses costs nothing. KEEP: the light alone, to be kept for comparison. Twin: compose/monitor.py.
#include "color.glsl"
#include "view.glsl"

in vec2 uv;
layout(location = 0) out vec4 color;

uniform sampler2D left;
#ifdef OTHER
uniform sampler2D right;
uniform sampler2D matte;
uniform sampler2D reference;
#endif
#ifdef TEXT
uniform sampler2D glyphs;  // side by side, each with a dot of margin all round
#endif

const float GREY = 0.18;
const int BANDS = 14, NEAR = 12, CLIPPED = 13;
const vec3 INK = vec3(0.92), MATTE_INK = vec3(0.9, 0.05, 0.05);

vec3 light_of(sampler2D light, vec2 at) {
    vec3 scene = texture(light, (at - 0.5) * shown + 0.5).rgb;
    return scene * (1.0 - dip.a) + dip.rgb;
}

bool on_the_right() { return gl_FragCoord.x >= split_px; }

// What is looked at, with its part of the frozen picture; only the part of the world that the lens sees is in that.
vec3 light_at(vec2 at) {
#ifdef OTHER
    if (on_the_right()) {
        vec3 other = right_frozen > 0.5 ? texture(reference, at).rgb : light_of(right, at);
        return mix(other, texture(reference, at).rgb, onion);
    }
    return mix(light_of(left, at), texture(reference, at).rgb, onion);
#else
    return light_of(left, at);
#endif
}

#if defined(EXPOSURE) || defined(TEXT)
vec3 band(float stops) {
    int found = clamp(int(floor(stops + 0.5)) + 6, 0, NEAR - 1);
    found = stops >= clip ? CLIPPED : stops >= clip - 1.0 ? NEAR : found;
    return bands[found].rgb;
}
#endif

#ifdef OTHER
float matte_shown() { return on_the_right() ? right_matte : left_matte; }

bool is_light() { return difference < 0.5 && matte_shown() != 1.0; }
#else
bool is_light() { return true; }
#endif

#ifdef EXPOSURE
vec3 exposed(vec3 code, vec3 light) {
    if (!is_light()) return code;
    float bright = luminance(light);
    code = mix(code, band(log2(max(bright, 1e-6) / GREY)), false_color);
    float stripe = step(0.5, fract((gl_FragCoord.x + gl_FragCoord.y) / stripe_px + stripe_phase));
    return mix(code, vec3(0.08), 0.8 * stripe * step(zebra, bright));
}
#endif

#ifdef PEAKING
float sharpness_of(vec2 at) { return acescct_from_linear(vec3(max(luminance(light_at(at)), 0.0))).r; }

// A step between neighbours, not a slope over many: a second difference, in stops.
float edge_at(vec2 at) {
    vec2 pixel = 1.0 / picture_px;
    float here = 2.0 * sharpness_of(at);
    float across = here - sharpness_of(at - vec2(pixel.x, 0.0)) - sharpness_of(at + vec2(pixel.x, 0.0));
    float down = here - sharpness_of(at - vec2(0.0, pixel.y)) - sharpness_of(at + vec2(0.0, pixel.y));
    return max(abs(across), abs(down));
}
#endif

#ifdef OTHER
vec3 compared(vec3 code, vec2 at) {
    float shows = matte_shown();
    vec4 keyed = texture(matte, at);
    code = shows == 1.0 ? vec3(keyed.r) : shows == 2.0 ? mix(code, MATTE_INK, 0.55 * keyed.r) : code;
    return mix(code, abs(code - viewed(texture(reference, at).rgb)), difference);
}
#endif

#ifdef LINES
bool outlines(vec2 from_middle, vec2 half_box) {
    vec2 within = half_box - abs(from_middle);
    return min(within.x, within.y) >= 0.0 && min(within.x, within.y) < line_px;
}

vec3 framed(vec3 code, vec2 at) {
    vec2 from_middle = (at - 0.5) * shown_px;
    vec2 beyond = abs(from_middle) - frame_half;
    code *= max(beyond.x, beyond.y) > 0.0 ? 1.0 - dark : 1.0;
    code = frame_lines > 0.5 && outlines(from_middle, frame_half) ? mix(code, INK, 0.9) : code;
    code = safe > 0.5 && outlines(from_middle, round(0.93 * frame_half)) ? mix(code, INK, 0.6) : code;
    code = safe > 0.5 && outlines(from_middle, round(0.90 * frame_half)) ? mix(code, INK, 0.35) : code;
    vec2 off = abs(from_middle);
    bool in_cross = min(off.x, off.y) <= line_px && max(off.x, off.y) < cross_px;
    return in_cross ? mix(code, INK, 0.9) : code;
}
#endif

#ifdef TEXT
// How much of a point, in dots from a glyph's lower left corner, is inked: round where the glyph is larger than its dots.
float inked(int index, vec2 at) {
    if (index < 0 || at.x < 0.0 || at.x >= 6.0 || at.y < -1.0 || at.y > 8.0) return 0.0;
    vec2 texel = vec2(float(index) * 7.0 + 1.0 + at.x, 1.0 + at.y);
    return smoothstep(0.3, 0.7, texture(glyphs, texel / vec2(textureSize(glyphs, 0))).r);
}

vec3 lettered(vec3 code) {
    vec2 at = gl_FragCoord.xy / dot_px - vec2(8.0, 4.0);
    if (letters == 0 || at.y > 11.0) return code;
    code *= 0.4;
    int column = int(floor(at.x / 6.0));
    if (column < 0 || column >= letters) return code;
    float letter = text[column / 4][column % 4];
    vec3 ink = letter >= 100.0 ? vec3(1.0, 0.2, 0.15) : INK;
    return mix(code, ink, inked(int(mod(letter + 1.0, 100.0)) - 1, vec2(at.x - 6.0 * float(column), at.y)));
}

// The scale of false colour along the right edge, with its stops; in dots from its lower right corner.
vec3 with_legend(vec3 code) {
    vec2 at = vec2(legend_at.x - gl_FragCoord.x, gl_FragCoord.y - legend_at.y) / dot_px;
    if (legend_dots == 0.0 || at.x < -3.0 || at.x > 26.0 || at.y < -4.0 || at.y > legend_dots + 4.0) return code;
    code *= 0.4;
    float lowest = -6.5, highest = clip + 1.0, per_stop = legend_dots / (highest - lowest);
    if (at.x >= 0.0 && at.x < 8.0 && at.y >= 0.0 && at.y < legend_dots) return band(lowest + at.y / per_stop);
    float stop = floor(lowest + at.y / per_stop + 0.5);
    if (stop < -5.0 || stop > floor(clip)) return code;
    vec2 in_label = vec2(23.0 - at.x, at.y - floor((stop - lowest) * per_stop) + 4.0);
    int sign_of = stop > 0.0 ? PLUS : stop < 0.0 ? MINUS : -1;
    float ink = max(inked(sign_of, in_label), inked(int(abs(stop)), in_label - vec2(6.0, 0.0)));
    return mix(code, INK, ink);
}
#endif

void main() {
    vec2 at = uv * zoom.xy + zoom.zw;
    vec3 light = light_at(at);
#ifdef KEEP
    color = vec4(light, 1.0);
#else
    vec3 code = viewed(light);
#ifdef OTHER
    code = compared(code, at);
#endif
#ifdef EXPOSURE
    code = exposed(code, light);
#endif
#ifdef PEAKING
    code = is_light() && edge_at(at) > peaking ? peaking_color.rgb : code;
#endif
#ifdef LINES
    code = framed(code, at);
#endif
#ifdef OTHER
    code = abs(gl_FragCoord.x - split_px) < 0.5 * split_line_px ? INK : code;
#endif
#ifdef TEXT
    code = with_legend(lettered(code));
#endif
    color = vec4(code, 1.0);
#endif
}
