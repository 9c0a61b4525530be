// The foreground over the world, scene-linear: what of the world is nearer than the mark is before it, softly edged.
layout(location = 0) out vec4 color;

uniform sampler2D foreground;
#ifdef MATTE
uniform sampler2D matte;
#endif
uniform sampler2D world;
#ifdef FRONT
uniform sampler2D world_depth;
#include "front.glsl"
#endif
#ifdef LIGHT
uniform sampler2D light;
#endif

#ifdef GRAIN
uint mixed(uint h) {  // C. Wellons, Prospecting for hash functions, 2018 (lowbias32)
    h = (h ^ (h >> 16)) * 0x7FEB352Du;
    h = (h ^ (h >> 15)) * 0x846CA68Bu;
    return h ^ (h >> 16);
}

// Of mean 0 and deviation 1, nearly Gaussian: the sum of the four bytes of a hash.
float grain_at(uint channel) {
    uint h = mixed(uint(gl_FragCoord.x) + mixed(uint(gl_FragCoord.y) + mixed(3u * uint(frame) + channel)));
    float sum = float(h & 255u) + float((h >> 8) & 255u) + float((h >> 16) & 255u) + float(h >> 24);
    return (sum / 255.0 - 2.0) * 1.732;
}
#endif

vec3 world_at(ivec2 at) {
#ifdef SAME_SIZE
    return texelFetch(world, at, 0).rgb;
#else
    return texture(world, (vec2(at) + 0.5) / vec2(textureSize(foreground, 0))).rgb;
#endif
}

// With the camera's black and grain. shade: of the actor's shadow.
vec3 as_filmed(vec3 light, float shade) {
    light = light * shade * (1.0 - black) + black;
#ifdef GRAIN
    // As light falls on a sensor in single photons: its variance is as the light, and there is a floor.
    light += grain * 0.03 * sqrt(max(light, 0.0) + 0.02) * vec3(grain_at(0u), grain_at(1u), grain_at(2u));
#endif
    return light;
}

#ifdef FRONT
// An edge pixel of the world has light of what is behind the actor: where he is, that of the pixel further in is taken.
vec3 before_actor(vec3 own, ivec2 at, ivec2 inward, float alpha) {
    if (inward == ivec2(0)) return own;
    return mix(own, world_at(clamp(at + inward, ivec2(0), textureSize(foreground, 0) - 1)), alpha);
}
#endif

void main() {
    ivec2 at = ivec2(gl_FragCoord.xy);
    vec4 own = texelFetch(foreground, at, 0);
    float alpha = own.a, shade = 1.0;
#ifdef MATTE
    vec4 found = texelFetch(matte, at, 0);
    alpha = found.r, shade = max(1.0 + shadow * (found.g - 1.0), 0.0);
#endif
    vec3 behind = world_at(at);
#ifdef FRONT
    Front front = front_at(at);
    vec3 before = vec3(0.0);
    if (front.cover > 0.0) before = as_filmed(before_actor(behind, at, front.inward, alpha), 1.0);
#endif
    behind = as_filmed(behind, shade);
    color = vec4(own.rgb + (1.0 - alpha) * behind, 1.0);
#ifdef LIGHT
    vec4 around = texture(light, gl_FragCoord.xy / (8.0 * vec2(textureSize(light, 0))));
    vec3 mean = around.rgb / around.a;
    color.rgb += spill_to_world * own.a * mean + wrap * alpha * max(around.a - 0.02, 0.0) * mean;  // 0.02: from everywhere
#endif
#ifdef FRONT
    if (front.cover > 0.0) color.rgb = mix(color.rgb, before, front.cover);
#endif
}
