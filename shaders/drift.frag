// How much brighter a plate that moves has become since each keyframe saw it, in ACEScct: r, weighted by g; of b, what
// the keyframe has seen. The keyframes one above the other, COLUMNS x ROWS places each. A sunset, a cloud and a fade
// change all of a place alike, and a keyframe goes with them; what moves in the picture by itself is left out, as what
// lies off the place's mean: where that is much, g is far below b.
#include "color.glsl"

in vec2 uv;
layout(location = 0) out vec4 color;

uniform sampler2D plate_color;
uniform sampler2D plate_depth;
uniform sampler2D key_depth[KEYS];  // g: how bright the plate was

const int LOOKS = 6;          // a side, at each place, over twice its sides
const float MOST = 0.35;      // of ACEScct: six stops
const float SPREAD = 0.03;    // how far off the mean counts for little

// How much brighter, and 1 where the keyframe saw the same surface.
vec2 change(sampler2D depths, mat4 clip_from_view, vec2 middle, int look) {
    vec2 step = (vec2(look % LOOKS, look / LOOKS) + 0.5) / float(LOOKS) - 0.5;
    vec2 place = clamp(middle + 2.0 * step / vec2(COLUMNS, ROWS), 0.0, 0.999);
    ivec2 at = ivec2(place * vec2(textureSize(plate_color, 0)));
    float depth_m = texelFetch(plate_depth, at, 0).r;
    bool sky = depth_m > 1e30;
    vec3 ray = view_ray_from_ndc * vec3(place * 2.0 - 1.0, 1.0);
    vec4 clip = clip_from_view * vec4(ray, sky ? 0.0 : 1.0 / depth_m);
    vec2 ndc = clip.xy / max(clip.w, 1e-6);
    vec2 then = textureLod(depths, ndc * 0.5 + 0.5, 0.0).rg;
    float expected_m = clip.w * depth_m;
    bool same = sky ? then.r > 1e30 : abs(then.r - expected_m) < 0.05 * expected_m;
    bool seen = clip.w > 0.0 && max(abs(ndc.x), abs(ndc.y)) < 1.0 && same;
    float now = dot(acescct_from_linear(texelFetch(plate_color, at, 0).rgb), vec3(1.0 / 3.0));
    return seen ? vec2(clamp(now - then.g, -MOST, MOST), 1.0) : vec2(0.0);
}

vec2 near_mean(vec2 found, float mean) {
    float off = (found.x - mean) / SPREAD;
    return vec2(found.x, 1.0) * found.y * exp2(-off * off);
}

// Loops and no branches, as in surround.glsl.
#define EACH(k) for (int look = 0; look < (key == k ? LOOKS * LOOKS : 0); look++)
#define MEAN(k) EACH(k) total += change(key_depth[k], key_from_view[k], middle, look);
#define NEAR_MEAN(k) EACH(k) near += near_mean(change(key_depth[k], key_from_view[k], middle, look), mean);

void main() {
    ivec2 cell = ivec2(gl_FragCoord.xy);
    int key = cell.y / ROWS;
    vec2 middle = (vec2(cell.x, cell.y % ROWS) + 0.5) / vec2(COLUMNS, ROWS);
    vec2 total = vec2(0.0), near = vec2(0.0);
    MEAN(0)
    MEAN(1)
    MEAN(2)
#if KEYS > 3
    MEAN(3)
#endif
    float mean = total.x / max(total.y, 1.0);
    NEAR_MEAN(0)
    NEAR_MEAN(1)
    NEAR_MEAN(2)
#if KEYS > 3
    NEAR_MEAN(3)
#endif
    color = vec4(near, total.y, float(LOOKS * LOOKS)) / float(LOOKS * LOOKS);
}
