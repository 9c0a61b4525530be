// One layer of a picture in layers, its colours multiplied by alpha. What is thinner than ``least`` is not there.
in vec2 place;
in vec2 scaled_depth;

uniform sampler2D picture;

layout(location = 0) out vec4 out_color;
layout(location = 1) out float out_depth;

void main() {
    vec4 texel = texture(picture, place);
    if (texel.a < least) discard;
    out_color = vec4(min(texel.rgb / max(texel.a, 1e-4) * gain, vec3(65504.0)), texel.a);
    float inverse = scaled_depth.y / scaled_depth.x;
    out_depth = inverse > 1e-5 ? 1.0 / inverse : uintBitsToFloat(0x7F800000u);
}
