// The best linear measure of how much screen there is in light: 1 at the local screen, 0 at the local foreground, and as
// little as can be for everything that the foreground is near here: its shades, greys, noise. One texel of 4 x 4 pixels.
// measure: screen part = dot(rgb, light) + a, light to the clean plate's if there is one (PLATE). Fisher's discriminant (1936), its scatter the second moment.
// near: the foreground's own light, filled in where there is none; alpha: by how much the matte was moved (STEADY).
layout(location = 0) out vec4 measure;
layout(location = 1) out vec4 near;

uniform sampler2D sure;
uniform sampler2D moments;
uniform sampler2D screen_ratio;
#ifdef STEADY
uniform sampler2D before;
#endif
#include "key.glsl"
#include "key_push.glsl"
#include "key_moments.glsl"

vec4 own;

vec3 filled(ivec2 at, int field) {
    ivec2 size = textureSize(moments, 0) / ivec2(3, 1);
    vec3 below = from_below(moments, at, ivec2(field * size.x, 0), size);
    return moment(own.rgb, field) * own.a + (1.0 - own.a) * below;
}

void main() {
    ivec2 at = ivec2(gl_FragCoord.xy);
    own = texelFetch(sure, at, 0);
    vec2 middle = gl_FragCoord.xy * 4.0;
    vec3 ratio = texture(screen_ratio, middle / (8.0 * vec2(textureSize(screen_ratio, 0)))).rgb;
    vec3 base = screen_base(middle / picture_size), local = ratio * base;
    vec3 mean = filled(at, 0), squares = filled(at, 1), products = filled(at, 2);
    float level = dot(local, local);
    vec3 apart = local - mean;
    // Spill and subsampled chroma move light along the very axis that screen and foreground differ by.
    vec3 spilt = scatter.z * (apart - dot(apart, vec3(1.0 / 3.0)));
    vec3 alone = (squares + spilt * spilt) / level + scatter.x + scatter.y;
    vec3 other = (products + spilt.rrg * spilt.gbb) / level + scatter.x;
    vec3 c0 = vec3(alone.x, other.x, other.y), c1 = vec3(other.x, alone.y, other.z);
    vec3 c2 = vec3(other.y, other.z, alone.z);
    vec3 axis = vec3(dot(cross(c1, c2), apart), dot(cross(c2, c0), apart), dot(cross(c0, c1), apart));
    axis /= max(dot(axis, apart), 1e-12);
    // Well within the core there is no screen, whatever meets there: the seam of two colours is no hole.
    measure = vec4(axis, -dot(axis, mean)) * (1.0 - own.a);
    float moved = 0.0;
#ifdef STEADY
    // What moves changes a block's mean and its neighbours', and noise does not: alpha's, by the same measure.
    ivec2 last = textureSize(sure, 0) - 1;
    for (int i = 0; i < 9; i++) {
        ivec2 about = clamp(at + ivec2(i % 3, i / 3) - 1, ivec2(0), last);
        vec3 change = texelFetch(sure, about, 0).rgb - texelFetch(before, about, 0).rgb;
        moved = max(moved, abs(dot(axis, change)));
    }
#endif
    near = vec4(mean, moved);
#ifdef PLATE
    measure.rgb *= max(base, 0.1 * screen.rgb);
#endif
}
