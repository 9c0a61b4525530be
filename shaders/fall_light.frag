// What light falling particles stand in, from a sparse look at a picture: its mean, and its mean weighted by luminance,
// which is what a drop gathers from all around. Both lie within what the picture has.
in vec2 uv;
layout(location = 0) out vec4 mean_light;
layout(location = 1) out vec4 bright_light;

uniform sampler2D mean_of;
uniform sampler2D bright_of;

void main() {
    vec3 total = vec3(0.0), bright = vec3(0.0);
    float weight = 0.0;
    for (int y = 0; y < LOOKS; y++) {
        for (int x = 0; x < LOOKS; x++) {
            vec2 place = uv + ((vec2(x, y) + 0.5) / float(LOOKS) - 0.5) * cell;
            vec3 light = max(texture(mean_of, place).rgb, vec3(0.0));
            vec4 seen = texture(bright_of, place);
            float luminance = seen.a * mix(1.0, dot(seen.rgb, vec3(0.2722, 0.6741, 0.0537)), is_picture);
            total += light;
            bright += seen.rgb * luminance;
            weight += luminance;
        }
    }
    mean_light = vec4(total / float(LOOKS * LOOKS), 1.0);
    bright_light = vec4(weight > 1e-9 ? bright / weight : mean_light.rgb, weight / float(LOOKS * LOOKS));
}
