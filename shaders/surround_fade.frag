// A face of a surround follows the one that has come; blended by alpha into the atlas.
in vec2 uv;
layout(location = 0) out vec4 gain;
layout(location = 1) out vec4 bias;

uniform sampler2D coming_gain;
uniform sampler2D coming_bias;

void main() {
    ivec2 texel = ivec2(uv * vec2(textureSize(coming_gain, 0)));
    gain = vec4(texelFetch(coming_gain, texel, 0).rgb, share);
    bias = vec4(texelFetch(coming_bias, texel, 0).rgb, share);
}
