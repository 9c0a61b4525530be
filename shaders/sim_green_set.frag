// Cloth, tape, floor and drapes are matte: they look the same from everywhere.
in vec3 sent;
layout(location = 0) out vec4 color;

void main() {
    color = vec4(sent, 0.0);
}
