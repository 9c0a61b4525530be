// Inside the screen: red, what is left out, is 0; green is what is kept as it is.
layout(location = 0) out vec4 color;

void main() {
    color = vec4(1.0, kept, 0.0, 1.0);
}
