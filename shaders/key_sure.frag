// What is sure and all about it is too, so that no edge is in it: premultiplied by a weight, to be filled in.
// MOMENTS: not premultiplied, for key_moments.frag.
layout(location = 0) out vec4 color;

uniform sampler2D found;

void main() {
    ivec2 last = textureSize(found, 0) - 1, at = ivec2(gl_FragCoord.xy);
    float sure = 1.0;
    for (int i = 0; i < 9; i++) {
        sure = min(sure, texelFetch(found, clamp(at + ivec2(i % 3, i / 3) - 1, ivec2(0), last), 0).a);
    }
    vec3 light = texelFetch(found, at, 0).rgb;
#ifdef MOMENTS
    color = vec4(light, sure);
#else
    float weight = clamp(4.0 * sure - 3.0, 0.0, 1.0);
    color = vec4(light * weight, weight);
#endif
}
