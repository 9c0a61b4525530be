// The edge matte as it is measured, with the camera's noise: below 0 and above 1 too.
layout(location = 0) out float alpha;

uniform sampler2D picture;
uniform sampler2D measure;
#ifdef PLATE
#include "key.glsl"
#endif

void main() {
    vec3 light = texelFetch(picture, ivec2(gl_FragCoord.xy), 0).rgb;
#ifdef PLATE
    // The measure is of 4 x 4 pixels: what a marker makes darker in some of them is made up for, whatever is before it.
    vec2 middle = floor(gl_FragCoord.xy / 4.0) * 4.0 + 2.0;
    vec3 here = screen_base(gl_FragCoord.xy / picture_size), there = screen_base(middle / picture_size);
    light *= clamp(there / here, 0.25, 4.0);
    vec4 axis = texelFetch(measure, ivec2(gl_FragCoord.xy) / 4, 0);
#else
    vec4 axis = texture(measure, gl_FragCoord.xy / (4.0 * vec2(textureSize(measure, 0))));
#endif
    alpha = 1.0 - axis.a - dot(axis.rgb, light);
}
