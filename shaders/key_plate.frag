// The clean plate, learnt: one texel of 4 x 4 pixels. color: the screen's light, premultiplied by whether it was seen.
layout(location = 0) out vec4 color;

uniform sampler2D picture;
uniform sampler2D matte;
uniform sampler2D before;
#include "key.glsl"

void main() {
    ivec2 last = textureSize(picture, 0) - 1, corner = ivec2(gl_FragCoord.xy) * 4;
    float covered = 0.0, likeness = 1e9, picked = dot(screen.rgb, vec3(1.0));
    vec3 sum = vec3(0.0);
    for (int i = 0; i < 16; i++) {
        vec3 light = texelFetch(picture, clamp(corner + ivec2(i & 3, i >> 2), ivec2(0), last), 0).rgb;
        sum += light / 16.0;
        // Every third pixel about the block too, so that no soft edge is taken for the screen.
        ivec2 about = corner + 3 * ivec2(i & 3, i >> 2) - 3;
        covered = max(covered, texelFetch(matte, clamp(about, ivec2(0), last), 0).b);
    }
    likeness = screen_part(sum, sure_slope) * picked / max(dot(sum, vec3(1.0)), 0.02 * picked);
    vec4 own = texelFetch(before, ivec2(gl_FragCoord.xy), 0);
    if (covered < 0.1 && likeness > 0.7) {
        // A shadow passes and the screen is lit again: what is brighter counts at once, what is darker as time goes by.
        float follow = own.a == 0.0 ? 1.0 : dot(sum, vec3(1.0)) > dot(own.rgb, vec3(1.0)) ? rates.x : rates.y;
        own = vec4(mix(own.rgb, sum, follow), 1.0);
    }
    color = own;
}
