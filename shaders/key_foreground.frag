// The foreground's own light, premultiplied: the screen behind it taken out, then what the screen spilled on it.
// alpha: how much of the screen was spilled, for the composite to give it back as the world's; else 0.
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

void main() {
    ivec2 at = ivec2(gl_FragCoord.xy);
    vec4 found = texelFetch(matte, at, 0);
    float alpha = found.r, whole = found.b;
    if (alpha <= 0.0) {
        color = vec4(0.0);
        return;
    }
    vec4 own = vec4(texelFetch(picture, at, 0).rgb, 0.0);
    if (whole < 1.0) {
        vec3 ratio = texture(screen_ratio, gl_FragCoord.xy / (8.0 * vec2(textureSize(screen_ratio, 0)))).rgb;
        own.rgb = max(own.rgb - (1.0 - whole) * ratio * screen_base(gl_FragCoord.xy / vec2(textureSize(picture, 0))), 0.0);
    }
    own = despilled(own.rgb, 1.0 - found.a);
    if (whole < 1.0) {
        vec2 size = vec2(textureSize(moments, 0)), place = gl_FragCoord.xy / 4.0;
        place.x = min(place.x, size.x / 3.0 - 0.5);  // not into the next field
        vec3 near = despilled(texture(moments, place / size).rgb, 1.0).rgb;
        // A pixel that is hardly covered holds more noise than foreground.
        float drawn_out = max(extend * (1.0 - whole), 1.0 - whole * 20.0);
        own = mix(own / max(whole, 0.02), vec4(near, 0.0), clamp(drawn_out, 0.0, 1.0)) * alpha;
    } else {
        own *= alpha;
    }
    color = vec4(own.rgb, own.a * replacement.a);
}
