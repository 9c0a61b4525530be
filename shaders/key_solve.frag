// The best linear measure of how much screen there is in light: 1 at the local screen, 0 at the local foreground, and as
// little as can be for everything that the foreground is near here: its shades, greys, noise. One texel of 4 x 4 pixels.
// color: screen part = dot(color.rgb, light) + color.a. Fisher's discriminant (1936), its scatter the second moment.
layout(location = 0) out vec4 color;

uniform sampler2D core;
uniform sampler2D moments;
uniform sampler2D screen_ratio;
#include "key.glsl"

// Well within the core there is no screen, whatever meets there: the seam of two colours is no hole.
float held(ivec2 at) {
    float sure = 1.0;
    for (int i = 0; i < 9; i++) {
        ivec2 about = clamp(at + ivec2(i % 3, i / 3) - 1, ivec2(0), textureSize(core, 0) - 1);
        sure = min(sure, texelFetch(core, about, 0).a);
    }
    return sure;
}

void main() {
    ivec2 at = ivec2(gl_FragCoord.xy), size = textureSize(moments, 0) / ivec2(3, 1);
    vec2 middle = gl_FragCoord.xy * 4.0;
    vec3 ratio = texture(screen_ratio, middle / (8.0 * vec2(textureSize(screen_ratio, 0)))).rgb;
    vec3 local = ratio * screen_base(middle / picture_size);
    vec3 mean = texelFetch(moments, at, 0).rgb;
    vec3 squares = texelFetch(moments, at + ivec2(size.x, 0), 0).rgb;
    vec3 products = texelFetch(moments, at + ivec2(2 * size.x, 0), 0).rgb;
    float level = dot(local, local);
    vec3 apart = local - mean;
    // Spill and subsampled chroma move light along the very axis that screen and foreground differ by.
    vec3 spilt = scatter.z * (apart - dot(apart, vec3(1.0 / 3.0)));
    vec3 own = (squares + spilt * spilt) / level + scatter.x + scatter.y;
    vec3 other = (products + spilt.rrg * spilt.gbb) / level + scatter.x;
    vec3 c0 = vec3(own.x, other.x, other.y), c1 = vec3(other.x, own.y, other.z), c2 = vec3(other.y, other.z, own.z);
    vec3 axis = vec3(dot(cross(c1, c2), apart), dot(cross(c2, c0), apart), dot(cross(c0, c1), apart));
    axis /= max(dot(axis, apart), 1e-12);
    color = vec4(axis, -dot(axis, mean)) * (1.0 - held(at));
}
