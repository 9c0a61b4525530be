// A Gaussian in one direction, over what ``blurred`` names of the channels.
layout(location = 0) out vec4 color;

uniform sampler2D source;

void main() {
    ivec2 at = ivec2(gl_FragCoord.xy), last = textureSize(source, 0) - 1, step_ = ivec2(direction);
    vec4 own = texelFetch(source, at, 0), sum = own;
    float total = 1.0;
    int reach = min(int(ceil(2.5 * deviation_px)), 48);
    for (int i = 1; i <= reach; i++) {
        float weight = exp(-0.5 * float(i * i) / (deviation_px * deviation_px));
        sum += weight * (texelFetch(source, clamp(at + i * step_, ivec2(0), last), 0)
                         + texelFetch(source, clamp(at - i * step_, ivec2(0), last), 0));
        total += 2.0 * weight;
    }
    color = mix(own, sum / total, blurred);
}
