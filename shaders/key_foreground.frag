// The foreground's own light, premultiplied: the screen behind it taken out, then what the screen spilled on it.
// alpha: the matte's; or, where the composite is to give spill back as the world's, how much of the screen was spilled.
layout(location = 0) out vec4 color;

uniform sampler2D picture;
uniform sampler2D matte;
uniform sampler2D moments;
uniform sampler2D screen_ratio;
#include "key.glsl"
#include "color.glsl"

vec4 despilled(vec3 light, float share) {
    float spill = share * despill * max(screen_part(light, spill_slope), 0.0);
    return vec4(max(light - spill * (screen.rgb - luminance(screen.rgb) * replacement.rgb), 0.0), spill);
}

// Where alpha is measured too low too much screen was taken out, and an edge is magenta. With less of the screen's hue than
// the foreground has nearby, it has the foreground's.
vec3 not_less(vec3 light, vec3 near) {
    vec3 alike = near * min(luminance(light) / max(luminance(near), 1e-3), 4.0);
    float lack = min(dot(along, alike), 0.0) - dot(along, light);
    return mix(light, alike, clamp(10.0 * lack, 0.0, 1.0));
}

void main() {
    ivec2 at = ivec2(gl_FragCoord.xy);
    vec4 found = texelFetch(matte, at, 0);
    float alpha = found.r, whole = found.b;
    vec3 near = texelFetch(moments, at / 4, 0).rgb;  // smooth as it is where it is asked for: at edges it was filled in
    vec3 ratio = texture(screen_ratio, gl_FragCoord.xy / (8.0 * vec2(textureSize(screen_ratio, 0)))).rgb;
    vec3 behind = ratio * screen_base(gl_FragCoord.xy / picture_size);
    vec3 light = max(texelFetch(picture, at, 0).rgb - (1.0 - whole) * behind, 0.0) / max(whole, 0.02);
    light = whole < 1.0 ? not_less(light, near) : light;
    // A pixel that is hardly covered holds more noise than foreground.
    float drawn_out = clamp(max(extend * (1.0 - whole), 1.0 - whole * 20.0), 0.0, 1.0);
    vec4 own = despilled(mix(light, near, drawn_out), 1.0 - found.a) * alpha;
    color = vec4(own.rgb, mix(alpha, own.a, replacement.a));
}
