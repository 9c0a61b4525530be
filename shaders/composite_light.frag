// The world's light from where the foreground is not: one texel of 8 x 8 of the picture's pixels, to be blurred.
layout(location = 0) out vec4 color;

uniform sampler2D matte;
uniform sampler2D world;

void main() {
    vec2 size = vec2(textureSize(matte, 0));
    vec4 sum = vec4(0.0);
    for (int i = 0; i < 16; i++) {  // between four pixels each
        vec2 at = (floor(gl_FragCoord.xy) * 8.0 + 1.0 + 2.0 * vec2(i & 3, i >> 2)) / size;
        // A little of it from everywhere: spill within the foreground asks for it too.
        float open = 1.0 - 0.98 * texture(matte, at).r;
        sum += vec4(texture(world, at).rgb * open, open) / 16.0;
    }
    color = sum;
}
