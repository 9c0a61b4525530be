// The matte's edge moved in one direction: the least (LEAST) or the most of the pixels up to radius_px away.
layout(location = 0) out vec4 color;

uniform sampler2D matte;

float chosen(float a, float b) {
    return choose_least > 0.5 ? min(a, b) : max(a, b);
}

void main() {
    ivec2 at = ivec2(gl_FragCoord.xy), last = textureSize(matte, 0) - 1, step_ = ivec2(direction);
    vec4 own = texelFetch(matte, at, 0);
    float found = own.r;
    int whole = int(ceil(radius_px));
    for (int i = 1; i <= whole; i++) {
        float both = chosen(texelFetch(matte, clamp(at + i * step_, ivec2(0), last), 0).r,
                            texelFetch(matte, clamp(at - i * step_, ivec2(0), last), 0).r);
        found = mix(found, chosen(found, both), min(radius_px - float(i - 1), 1.0));
    }
    color = vec4(found, own.gba);
}
