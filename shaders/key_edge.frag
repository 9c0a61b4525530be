// The edge matte alone, to be looked at: key_matte.frag measures it by itself.
layout(location = 0) out vec4 color;

uniform sampler2D picture;
uniform sampler2D measure;
#include "key.glsl"
#include "key_measure.glsl"

void main() {
    vec3 light = texelFetch(picture, ivec2(gl_FragCoord.xy), 0).rgb;
    light = evened(light, screen_base(gl_FragCoord.xy / picture_size), gl_FragCoord.xy);
    vec4 axis = texture(measure, gl_FragCoord.xy / (4.0 * vec2(textureSize(measure, 0))));
    color = vec4(vec3(measured(axis, light)), 1.0);
}
