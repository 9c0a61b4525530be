// The matte. r: alpha; g: the screen's light to the clean plate's, its shadow; b: alpha before its edge is moved; a: what
// is held out, and stays as green as it is.
layout(location = 0) out vec4 color;

uniform sampler2D edge;
#ifdef REFINE
uniform sampler2D gains;
#endif
#ifdef PLATE
uniform sampler2D screen_ratio;
#endif
#ifdef GARBAGE
uniform sampler2D garbage;
#endif

void main() {
    float alpha = texelFetch(edge, ivec2(gl_FragCoord.xy), 0).r, shade = 1.0;
#ifdef REFINE
    vec2 gain = texture(gains, gl_FragCoord.xy / (4.0 * vec2(textureSize(gains, 0)))).rg;
    alpha = alpha * gain.x + gain.y;
#endif
    alpha = clamp((alpha - clips.x) / (clips.y - clips.x), 0.0, 1.0);
#ifdef PLATE
    shade = texture(screen_ratio, gl_FragCoord.xy / (8.0 * vec2(textureSize(screen_ratio, 0)))).g;
#endif
    float kept = alpha, held_out = 0.0;
#ifdef GARBAGE
    vec2 area = texture(garbage, gl_FragCoord.xy / vec2(textureSize(edge, 0))).rg;
    held_out = area.g;
    alpha = max(alpha, held_out);
    kept = alpha * area.r;
#endif
    color = vec4(kept, clamp(shade, 0.0, 1.0), alpha, held_out);
}
