// A picture with several samples a pixel: their mean as its colour, and one sample's depth, for a mean of two depths is
// a place where nothing is.
layout(location = 0) out vec4 out_color;
uniform sampler2DMS color_samples;
#ifdef DEPTH
layout(location = 1) out float out_depth;
uniform sampler2DMS depth_samples;
#endif

void main() {
    ivec2 at = ivec2(gl_FragCoord.xy);
    vec4 total = vec4(0.0);
    for (int i = 0; i < SAMPLES; i++) total += texelFetch(color_samples, at, i);
    out_color = total / float(SAMPLES);
#ifdef DEPTH
    out_depth = texelFetch(depth_samples, at, 0).r;
#endif
}
