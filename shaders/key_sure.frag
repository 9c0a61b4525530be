// What is sure and all about it is too, so that no edge is in it: premultiplied by a weight, to be filled in.
// MOMENTS: beside each other the mean light, its squares, and its products RG, RB, GB.
layout(location = 0) out vec4 color;

uniform sampler2D found;

void main() {
    ivec2 size = textureSize(found, 0), at = ivec2(gl_FragCoord.xy);
    int field = at.x / size.x;
    at.x -= field * size.x;
    float sure = 1.0;
    for (int i = 0; i < 9; i++) {
        sure = min(sure, texelFetch(found, clamp(at + ivec2(i % 3, i / 3) - 1, ivec2(0), size - 1), 0).a);
    }
    vec3 light = texelFetch(found, at, 0).rgb;
    float weight = clamp(4.0 * sure - 3.0, 0.0, 1.0);
#ifdef MOMENTS
    weight = sure;
    light = field == 0 ? light : field == 1 ? light * light : light.rrg * light.gbb;
#endif
    color = vec4(light * weight, weight);
}
