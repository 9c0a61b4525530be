// The neural layer: each pixel of the plate, at today's pose, finds itself in the keyframes by its own exact depth; what
// none of them saw is the plate through the keyframes' grade. The numpy twin is vpengine/view/reproject.py.
//
// Software GL executes both sides of every branch, so the pass is drawn three times, each time for the pixels that the
// z-buffer does not mark yet; where an earlier one takes a pixel, the last would give the same colour:
//   QUICK  well inside what the newest one or two keyframes show, their four texels all of the expected surface
//   SURE   silhouettes too: the newest keyframes have enough of the surface that older ones would not be asked
//   (last) all keyframes, and what none of them saw
#include "color.glsl"
#if !defined(QUICK) && !defined(SURE)
#define LAST
#include "grade.glsl"
#endif

in vec2 uv;
layout(location = 0) out vec4 color;

uniform sampler2D plate_color;
uniform sampler2D plate_depth;
uniform sampler2D key_gain[KEYS];  // the newest keyframe first
uniform sampler2D key_bias[KEYS];
uniform sampler2D key_depth[KEYS];
#ifdef LAST
uniform sampler3D grade;
#endif

struct Sum {
    vec3 gain;
    vec3 bias;
    float total;
};

// Where a pixel is in a keyframe, the depth expected there, and how much that keyframe's word counts.
struct Lookup {
    vec2 key_uv;
    float expected_m;
    float weight;
};

Lookup lookup(int k, vec3 ray, float depth_m, float inverse_depth, bool sky) {
    vec4 clip = key_from_view[k] * vec4(ray, inverse_depth);
    float w = max(clip.w, 1e-6);  // behind the keyframe, or no keyframe at all: weight 0, but never a NaN
    vec2 key_ndc = clip.xy / w;
    vec2 inside = (1.0 - abs(key_ndc)) * border;
    float weight = freshness[k].x * clamp(min(inside.x, inside.y), 0.0, 1.0);
    // A keyframe that stood nearer saw finer; one that stood farther, or aslant, is trusted for less.
    float footprint = sky ? 1.0 : min(1.0, 1.0 / w);
    vec3 key_ray = ray - key_origin[k].xyz * inverse_depth;
    float cosine = max(dot(ray, key_ray), 0.0) * inversesqrt(dot(ray, ray) * dot(key_ray, key_ray));
    weight *= footprint * footprint * cosine * cosine * cosine;
    return Lookup(key_ndc * 0.5 + 0.5, w * depth_m, clip.w > 0.0 ? weight : 0.0);
}

// The bilinear share of each of the four texels around key_uv, in textureGather's order.
vec4 bilinear(vec2 texel) {
    vec2 t = texel - floor(texel);
    return vec4((1.0 - t.x) * t.y, t.x * t.y, t.x * (1.0 - t.y), (1.0 - t.x) * (1.0 - t.y));
}

// Which of them show the surface that is expected there. Along a plane inverse depth is linear in the picture, so a
// floor seen aslant agrees as a whole, however much the depth of its texels differs; across an edge each is judged.
vec4 matches(sampler2D depths, vec2 size, vec2 texel, Lookup at, vec4 share, bool sky) {
    // Asked for where the four meet: at key_uv itself a driver may round to other texels than floor does here.
    vec4 found = textureGather(depths, (floor(texel) + 1.0) / size);
    vec4 inverse = 1.0 / found;
    float expected = 1.0 / at.expected_m;
    float lowest = min(min(inverse.x, inverse.y), min(inverse.z, inverse.w));
    float highest = max(max(inverse.x, inverse.y), max(inverse.z, inverse.w));
    bool plane = abs(dot(inverse, share) - expected) < 0.02 * expected && highest - lowest < 0.4 * expected;
    vec4 each = vec4(lessThan(abs(found - at.expected_m), vec4(0.03 * at.expected_m + 0.02)));
    return sky ? vec4(greaterThan(found, vec4(1e30))) : plane ? vec4(1.0) : each;
}

#ifdef QUICK
void add(inout Sum sum, sampler2D gains, sampler2D biases, sampler2D depths, vec2 size, Lookup at, bool sky) {
    vec2 texel = at.key_uv * size - 0.5;
    vec4 share = bilinear(texel);
    if (dot(matches(depths, size, texel, at, share, sky), vec4(0.25)) < 1.0) discard;
    float weight = max(at.weight - IGNORED * sum.total, 0.0);
    sum.gain += weight * texture(gains, at.key_uv).rgb;
    sum.bias += weight * texture(biases, at.key_uv).rgb;
    sum.total += weight;
}
#else
// Only the texels of this surface; share: how much of each, in textureGather's order.
vec3 texels(sampler2D source, vec2 size, ivec2 base, vec4 share) {
    ivec2 top = ivec2(size) - 1;
    return share.x * texelFetch(source, clamp(base + ivec2(0, 1), ivec2(0), top), 0).rgb
         + share.y * texelFetch(source, clamp(base + ivec2(1, 1), ivec2(0), top), 0).rgb
         + share.z * texelFetch(source, clamp(base + ivec2(1, 0), ivec2(0), top), 0).rgb
         + share.w * texelFetch(source, clamp(base, ivec2(0), top), 0).rgb;
}

void add(inout Sum sum, sampler2D gains, sampler2D biases, sampler2D depths, vec2 size, Lookup at, bool sky) {
    // What newer keyframes show needs no older one's word.
    float weight = max(at.weight - IGNORED * sum.total, 0.0);
    vec2 texel = at.key_uv * size - 0.5;
    vec4 share = bilinear(texel);
    share *= matches(depths, size, texel, at, share, sky);
    // A quarter of a texel of the right surface is enough to go by.
    share *= weight * min(4.0, 1.0 / max(dot(share, vec4(1.0)), 1e-3));
    sum.total += dot(share, vec4(1.0));
    sum.gain += texels(gains, size, ivec2(floor(texel)), share);
    sum.bias += texels(biases, size, ivec2(floor(texel)), share);
}
#endif

#ifdef QUICK
#define TRUSTED(k, at) if (at.weight < QUICK_WEIGHT * freshness[k].x) discard;
#else
#define TRUSTED(k, at)
#endif
// A macro, not a function: samplers cannot be chosen by a variable. GLSL 4.1 has no lines that go on.
#define LOOKUP(k) Lookup at = lookup(k, ray, depth_m, inverse_depth, sky); TRUSTED(k, at)
#define ADD(k) { LOOKUP(k) add(sum, key_gain[k], key_bias[k], key_depth[k], key_size[k].xy, at, sky); }

void main() {
    vec3 plate = texelFetch(plate_color, ivec2(gl_FragCoord.xy), 0).rgb;  // the plate was drawn at this very size
    float depth_m = texelFetch(plate_depth, ivec2(gl_FragCoord.xy), 0).r;
    bool sky = depth_m > 1e30;
    float inverse_depth = sky ? 0.0 : 1.0 / depth_m;
    vec3 ray = view_ray_from_ndc * vec3(uv * 2.0 - 1.0, 1.0);  // in view space, one metre along the axis
    vec3 cct = acescct_from_linear(plate);
    Sum sum = Sum(vec3(0.0), vec3(0.0), 0.0);

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
#ifdef LAST
    float length_m = length(ray);
    vec3 graded = apply_grade(grade, cct, sky ? 1e9 : depth_m * length_m, dot(up_in_view, ray) / length_m);
    changed = mix(graded, changed, smoothstep(0.0, KNOWN, sum.total));
#endif
    color = vec4(linear_from_acescct(mix(cct, changed, amount)), 1.0);
}
