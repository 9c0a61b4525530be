// The edge matte alone, to be looked at: key_matte.frag measures it by itself.
in vec2 uv;
layout(location = 0) out vec4 color;

uniform sampler2D picture;
uniform sampler2D measure;
#include "key.glsl"
#include "key_measure.glsl"

void main() {
    vec2 pixel = floor(uv * picture_size) + 0.5;
    vec3 light = evened(texelFetch(picture, ivec2(pixel), 0).rgb, screen_base(pixel / picture_size));
    vec4 axis = texelFetch(measure, ivec2(pixel) / 4, 0);
    color = vec4(vec3(measured(axis, light)), 1.0);
}
