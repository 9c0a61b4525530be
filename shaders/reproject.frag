// The neural layer: each pixel of the plate, at today's pose, finds itself in the keyframes by its own exact depth; what
// none of them saw is what the location's surround shows, and else the plate through the keyframes' grade. The numpy twin is vpengine/view/reproject.py.
//
// Software GL executes both sides of every branch, so the pass is drawn three times, each time for the pixels that the
// z-buffer does not mark yet; where an earlier one takes a pixel, the last would give the same colour:
//   QUICK  well inside what the newest one or two keyframes show, their four texels all of the expected surface
//   SURE   silhouettes too: the newest keyframes have enough of the surface that older ones would not be asked
//   (last) all keyframes, and what none of them saw
#include "color.glsl"
#include "keyframe.glsl"
#if !defined(QUICK) && !defined(SURE)
#define LAST
#include "grade.glsl"
#ifdef SURROUND
#include "surround.glsl"
#endif
#endif

in vec2 uv;
layout(location = 0) out vec4 color;

uniform sampler2D plate_color;
uniform sampler2D plate_depth;
uniform sampler2D key_gain[KEYS];  // the newest keyframe first
uniform sampler2D key_bias[KEYS];
uniform sampler2D key_depth[KEYS];
#ifdef MOVES
uniform sampler2D drift;  // drift.frag's
#endif
#ifdef LAST
uniform sampler3D grade;
#endif

#ifdef MOVES
// x: since the k-th keyframe; 0 where it has seen nothing of what is here. y: how far it is believed: where most of a
// place has moved, what has not is there by chance, and would stand in islands.
vec2 drift_since(int k) {
    float row = clamp(uv.y, 0.5 / DRIFT_ROWS, 1.0 - 0.5 / DRIFT_ROWS);
    vec3 found = textureLod(drift, vec2(uv.x, (float(k) + row) / DRIFT_KEYS), 0.0).rgb;
    return vec2(found.r / (found.g + 0.02), smoothstep(0.5, 0.9, (found.g + 0.02) / (found.b + 0.02)));
}
#endif

Lookup lookup(int k, vec3 ray, float depth_m, float inverse_depth, bool sky) {
    vec4 clip = key_from_view[k] * vec4(ray, inverse_depth);
    float w = max(clip.w, 1e-6);  // behind the keyframe, or no keyframe at all: weight 0, but never a NaN
    vec2 key_ndc = clip.xy / w;
    vec2 inside = (1.0 - abs(key_ndc)) * border;
    float shown = clamp(min(inside.x, inside.y), 0.0, 1.0);
    // A keyframe that stood nearer saw finer; one that stood farther, or aslant, is trusted for less.
    float footprint = sky ? 1.0 : min(1.0, 1.0 / w);
    vec3 key_ray = ray - key_origin[k].xyz * inverse_depth;
    float cosine = max(dot(ray, key_ray), 0.0) * inversesqrt(dot(ray, ray) * dot(key_ray, key_ray));
    shown *= footprint * footprint * cosine * cosine * cosine;
    shown = clip.w > 0.0 ? shown : 0.0;
#ifdef MOVES
    vec2 since = drift_since(k);
    shown *= since.y;
    return Lookup(key_ndc * 0.5 + 0.5, w * depth_m, keyframe[k].x * shown, keyframe[k].y * shown, since.x);
#else
    return Lookup(key_ndc * 0.5 + 0.5, w * depth_m, keyframe[k].x * shown, keyframe[k].y * shown);
#endif
}

// Well inside a picture, where all four texels are of the expected surface; else the pixel is left to a later draw.
void add_whole(
    inout Sum sum, sampler2D gains, sampler2D biases, sampler2D depths, vec2 size, Lookup at, bool sky, float now
) {
    vec2 texel = at.key_uv * size - 0.5;
    vec4 share = bilinear(texel);
    if (dot(matches(depths, size, texel, at, share, sky, now), vec4(0.25)) < 1.0) discard;
    vec3 gain = at.weight * texture(gains, at.key_uv).rgb;
    sum.gain += gain;
    sum.bias += at.weight * texture(biases, at.key_uv).rgb + EXPOSED(at, gain, at.weight);
    sum.total += at.weight;
}

#ifdef QUICK
#define WELL_INSIDE(k, at) if (at.weight < QUICK_WEIGHT * keyframe[k].x) discard;
#define ADD_TEXELS add_whole
#else
#define WELL_INSIDE(k, at)
#define ADD_TEXELS add
#endif
// A macro, not a function: samplers cannot be chosen by a variable. GLSL 4.1 has no lines that go on. What newer
// keyframes show needs no older one's word.
#define LOOKUP(k) Lookup at = lookup(k, ray, depth_m, inverse_depth, sky); WELL_INSIDE(k, at)
#define NEWER(at) at.weight = max(at.weight - IGNORED * sum.total, 0.0);
#define TEXTURES(k) key_gain[k], key_bias[k], key_depth[k], keyframe[k].zw
#define ADD(k) { LOOKUP(k) NEWER(at) ADD_TEXELS(sum, TEXTURES(k), at, sky, now); }

void main() {
    vec3 plate = texelFetch(plate_color, ivec2(gl_FragCoord.xy), 0).rgb;  // the plate was drawn at this very size
    float depth_m = texelFetch(plate_depth, ivec2(gl_FragCoord.xy), 0).r;
    bool sky = depth_m > 1e30;
    float inverse_depth = sky ? 0.0 : 1.0 / depth_m;
    vec3 ray = view_ray_from_ndc * vec3(uv * 2.0 - 1.0, 1.0);  // in view space, one metre along the axis
    vec3 cct = acescct_from_linear(plate);
    float now = dot(cct, vec3(1.0 / 3.0));
    Sum sum = Sum(vec3(0.0), vec3(0.0), 0.0, 0.0);

    ADD(0)
#if KEYS > 1
    ADD(1)
#endif
#if KEYS > 2
    ADD(2)
#endif
#if KEYS > 3
    ADD(3)
#endif

#ifdef SURE
    if (sum.total < SURE_WEIGHT) discard;
#endif
    vec3 changed = sum.total > 0.0 ? (sum.gain * cct + sum.bias) / sum.total : cct;
    float known = 1.0;
#ifdef LAST
    float length_m = length(ray);
    float since = 0.0;
#ifdef MOVES
    since = drift_since(0).x;  // the grade is the newest's
#endif
    vec3 graded = since + apply_grade(grade, cct - since, sky ? 1e9 : depth_m * length_m, dot(up_in_view, ray) / length_m);
#ifdef SURROUND
    Sum around = surround(ray, inverse_depth, depth_m, sky, now);
    vec3 seen = around.total > 0.0 ? (around.gain * cct + around.bias) / around.total : cct;
    graded = mix(graded, seen, around.known);
    float elsewhere = around.known;
#else
    float elsewhere = 0.0;
#endif
    known = smoothstep(0.0, KNOWN, sum.known);
    changed = mix(graded, changed, known);
    known += (1.0 - known) * elsewhere;
#endif
    color = vec4(linear_from_acescct(mix(cct, changed, amount)), known);  // alpha: how far a generated picture shows it
}
