// A dissolve between two pictures, in light.
in vec2 uv;
layout(location = 0) out vec4 color;

uniform sampler2D from_color;
uniform sampler2D to_color;

void main() {
    color = vec4(mix(texture(from_color, uv).rgb, texture(to_color, uv).rgb, mix_amount), 1.0);
}
