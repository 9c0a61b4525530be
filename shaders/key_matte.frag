// The matte, and the foreground's light by it. matte: r: alpha; g: the screen's light to the clean plate's, its shadow;
// b: alpha before its edge is moved; a: what is held out, and stays as green as it is.
// ALONE: the matte alone, for its edge is to be moved first. REFINED: alpha was made elsewhere. CORRECTED: a network says
// what is to be added to it.
layout(location = 0) out vec4 matte;
#ifndef ALONE
layout(location = 1) out vec4 foreground;
#endif

uniform sampler2D picture;
uniform sampler2D measure;
uniform sampler2D screen_ratio;
uniform sampler2D near;
#ifdef REFINED
uniform sampler2D refined;
#endif
#ifdef CORRECTED
uniform sampler2D correction;
#endif
#ifdef STEADY
uniform sampler2D before;
// Less of alpha's change than this is taken for noise in part, and of its blocks'; and the least part that is followed.
const float NOISE = 0.1, MOVED = 0.05, LEAST = 0.25;
#endif
#ifdef GARBAGE
uniform sampler2D garbage;
#endif
#include "key.glsl"
#include "key_measure.glsl"
#ifndef ALONE
#include "color.glsl"
#include "key_foreground.glsl"
#endif

void main() {
    ivec2 at = ivec2(gl_FragCoord.xy);
    vec4 about = texelFetch(near, at / 4, 0);
    vec3 light = texelFetch(picture, at, 0).rgb, here = screen_base(gl_FragCoord.xy / picture_size);
#ifdef REFINED
    float alpha = texelFetch(refined, at, 0).r;
#else
    vec4 axis = texture(measure, gl_FragCoord.xy / (4.0 * vec2(textureSize(measure, 0))));
    float alpha = measured(axis, evened(light, here));
#endif
#ifdef CORRECTED
    alpha += texelFetch(correction, at, 0).r;
#endif
    alpha = clamp((alpha - clips.x) / (clips.y - clips.x), 0.0, 1.0);
#ifdef STEADY
    // Noise moves alpha a little and is averaged; whatever moves it more is followed at once, so that nothing drags.
    float was = texelFetch(before, at, 0).b;
    alpha = mix(was, alpha, clamp(max(abs(alpha - was) / NOISE, about.a / MOVED), LEAST, 1.0));
#endif
    vec3 ratio = texture(screen_ratio, gl_FragCoord.xy / (8.0 * vec2(textureSize(screen_ratio, 0)))).rgb;
    float shade = 1.0, kept = alpha, held_out = 0.0;
#ifdef PLATE
    shade = clamp(ratio.g, 0.0, 1.0);
#endif
#ifdef GARBAGE
    vec2 area = texture(garbage, gl_FragCoord.xy / vec2(textureSize(picture, 0))).rg;
    held_out = area.g;
    alpha = max(alpha, held_out);
    kept = alpha * area.r;
#endif
    matte = vec4(kept, shade, alpha, held_out);
#ifndef ALONE
    foreground = foreground_of(light, matte, ratio * here, about.rgb);
#endif
}
