// A camera's picture as its operator and focus puller see it. Tools judge light, before the view; each is behind a
// define, so that what nobody uses costs nothing. KEEP: the light alone, to be kept for comparison. Twin: compose/monitor.py.
#include "color.glsl"
#include "view.glsl"

in vec2 uv;
layout(location = 0) out vec4 color;

uniform sampler2D left;
#ifdef SPLIT
uniform sampler2D right;
uniform sampler2D matte;
#endif
#ifdef REFERENCE
uniform sampler2D reference;  // the frozen picture
#endif
#ifdef TEXT
uniform sampler2D glyphs;  // side by side, each with a dot of margin all round
#endif

const float GREY = 0.18;
const int BANDS = 14, NEAR = 12, CLIPPED = 13;
const float LOWEST = -6.5;  // stops, of the legend
const vec3 INK = vec3(0.92), MATTE_INK = vec3(0.9, 0.05, 0.05);

#ifdef SPLIT
bool on_the_right() { return gl_FragCoord.x >= split_px; }

float matte_shown() { return on_the_right() ? right_matte : left_matte; }
#endif

// What is looked at, of the live picture, or of the frozen one right of the split.
vec3 live_at(vec2 at) {
    vec3 scene = texture(left, (at - 0.5) * shown + 0.5).rgb;
    scene = scene * (1.0 - dip.a) + dip.rgb;
#ifdef SPLIT
    vec3 other = texture(right, (at - 0.5) * right_shown + 0.5).rgb;
    scene = on_the_right() ? other * (1.0 - right_dip.a) + right_dip.rgb : scene;
#endif
    return scene;
}

vec3 light_at(vec2 at) {
    vec3 scene = live_at(at);
#ifdef REFERENCE
    scene = mix(scene, texture(reference, at).rgb, onion);
#endif
    return scene;
}

bool is_light() {
#ifdef SPLIT
    if (matte_shown() == 1.0) return false;
#endif
#ifdef REFERENCE
    if (difference > 0.5) return false;
#endif
    return true;
}

#if defined(EXPOSURE) || defined(TEXT)
vec3 band(float stops) {
    int found = clamp(int(floor(stops + 0.5)) + 6, 0, NEAR - 1);
    found = stops >= clip ? CLIPPED : stops >= clip - 1.0 ? NEAR : found;
    return bands[found].rgb;
}
#endif

#ifdef EXPOSURE
vec3 exposed(vec3 code, vec3 light) {
    if (!is_light()) return code;
    float bright = luminance(light);
    code = mix(code, band(log2(max(bright, 1e-6) / GREY)), false_color);
    float stripe = step(0.6, fract((gl_FragCoord.x + gl_FragCoord.y) / stripe_px + stripe_phase));
    return mix(code, vec3(0.08), 0.75 * stripe * step(zebra, bright));
}
#endif

#ifdef PEAKING
// In stops, as ACEScct counts them, but less and less below three under grey: noise lives there.
float stops_at(vec2 at) { return log2(max(luminance(light_at(at)), 0.0) + 0.02) / 17.52; }

// A step between neighbours, not a slope over many: a second difference.
float edge_at(vec2 at) {
    vec2 pixel = 1.0 / picture_px;
    float here = 2.0 * stops_at(at);
    float across = here - stops_at(at - vec2(pixel.x, 0.0)) - stops_at(at + vec2(pixel.x, 0.0));
    float down = here - stops_at(at - vec2(0.0, pixel.y)) - stops_at(at + vec2(0.0, pixel.y));
    return max(abs(across), abs(down));
}
#endif

#ifdef SPLIT
vec3 with_matte(vec3 code, vec2 at) {
    float alpha = texture(matte, at).r, shows = matte_shown();
    return shows == 1.0 ? vec3(alpha) : shows == 2.0 ? mix(code, MATTE_INK, 0.55 * alpha) : code;
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
// Every letter of a point is found first, so that it is looked up once: its number, and where in it, in dots from its
// lower left corner. -1 is none.
struct Letter { int number; vec2 at; bool red; };
const Letter NONE = Letter(-1, vec2(0.0), false);

Letter in_line(vec2 at) {
    int column = clamp(int(floor(at.x / 6.0)), 0, max(letters - 1, 0));
    float found = text[column / 4][column % 4];
    bool red = found >= RED;
    return Letter(int(red ? found - RED : found), at - vec2(6.0 * float(column), 0.0), red);
}

// From the legend's lower right corner leftwards: the scale, and the stops beside it.
Letter in_legend(vec2 at, float per_stop) {
    float stop = floor(LOWEST + at.y / per_stop + 0.5);
    if (stop < -5.0 || stop > floor(clip)) return NONE;
    vec2 place = vec2(23.0 - at.x, at.y - floor((stop - LOWEST) * per_stop) + 4.0);
    if (place.x >= 6.0) return Letter(int(abs(stop)), place - vec2(6.0, 0.0), false);
    return Letter(stop > 0.0 ? PLUS : stop < 0.0 ? MINUS : -1, place, false);
}

// Round where a glyph is larger than its dots.
float inked(Letter letter) {
    vec2 at = letter.at;
    bool in_glyph = letter.number >= 0 && at.x >= 0.0 && at.x < 6.0 && at.y >= -1.0 && at.y <= 8.0;
    vec2 texel = vec2(float(letter.number) * 7.0 + 1.0 + at.x, 1.0 + at.y);
    return in_glyph ? smoothstep(0.3, 0.7, texture(glyphs, texel / vec2(textureSize(glyphs, 0))).r) : 0.0;
}

vec3 lettered(vec3 code) {
    vec2 in_text = gl_FragCoord.xy / dot_px - vec2(8.0, 4.0);
    vec2 in_scale = vec2(legend_at.x - gl_FragCoord.x, gl_FragCoord.y - legend_at.y) / dot_px;
    float per_stop = legend_dots / (clip + 1.0 - LOWEST);
    bool line = letters > 0 && in_text.y < 11.0;
    float off_middle = abs(in_scale.y - 0.5 * legend_dots) - 0.5 * legend_dots;
    bool legend = legend_dots > 0.0 && in_scale.x > -3.0 && in_scale.x < 26.0 && off_middle < 4.0;
    bool scale = legend && in_scale.x >= 0.0 && in_scale.x < 8.0 && off_middle < 0.0;
    Letter letter = NONE;
    if (line) letter = in_line(in_text);
    if (legend) letter = in_legend(in_scale, per_stop);
    code *= line || legend ? 0.4 : 1.0;
    code = mix(code, letter.red ? vec3(1.0, 0.2, 0.15) : INK, inked(letter));
    return scale ? band(LOWEST + in_scale.y / per_stop) : code;
}
#endif

void main() {
    vec2 at = uv * zoom.xy + zoom.zw;
    vec3 light = light_at(at);
#ifdef KEEP
    color = vec4(light, 1.0);
#else
    vec3 code = viewed(light);
#ifdef SPLIT
    code = with_matte(code, at);
#endif
#ifdef REFERENCE
    code = mix(code, abs(code - viewed(texture(reference, at).rgb)), difference);
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
#ifdef SPLIT
    code = abs(gl_FragCoord.x - split_px) < 0.5 * split_line_px ? INK : code;
#endif
#ifdef TEXT
    code = lettered(code);
#endif
    color = vec4(code, 1.0);
#endif
}
