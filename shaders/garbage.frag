// Where the key works (red), and where the picture is kept as it is (green).
layout(location = 0) out vec4 color;

void main() {
    color = vec4(1.0, kept, 0.0, 1.0);
}
