// A line that is brightest in its middle.
in float across;
layout(location = 0) out vec4 color;
layout(location = 1) out float depth;

void main() {
    depth = 1.0 / gl_FragCoord.w;
    color = vec4(line_color * (1.0 - 0.5 * across * across), 1.0);
}
