// The matte guided by itself: where it varies as its noise does it becomes its mean, where more (hair) it stays. One texel
// of 4 x 4 pixels: color measures alpha as ``measure`` does, and refined. K. He and others, Guided image filtering, 2010,
// with Wiener's (local) gain, so that noise costs no edge its sharpness.
layout(location = 0) out vec4 color;

uniform sampler2D stats;
uniform sampler2D noise;
uniform sampler2D measure;

void main() {
    ivec2 last = textureSize(stats, 0) - 1, at = ivec2(gl_FragCoord.xy);
    vec2 sum = vec2(0.0);
    for (int i = 0; i < 9; i++) {
        vec2 one = texelFetch(stats, clamp(at + ivec2(i % 3, i / 3) - 1, ivec2(0), last), 0).rg;
        sum += vec2(one.x, one.y + one.x * one.x) / 9.0;
    }
    float variance = max(sum.y - sum.x * sum.x, 1e-7);
    float floor_ = texture(noise, gl_FragCoord.xy / (4.0 * vec2(textureSize(noise, 0)))).g;
    float gain = max(variance - strength * floor_, 0.0) / variance;
    // gain * alpha + (1 - gain) * mean is as linear in light as alpha is.
    color = gain * texelFetch(measure, at, 0) + vec4(0.0, 0.0, 0.0, (1.0 - gain) * (1.0 - sum.x));
}
