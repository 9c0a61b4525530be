// A piece of the green screen, or a box that is kept, as the tracked camera sees it.
in vec3 position;

void main() {
    gl_Position = clip_from_mesh * vec4(position, 1.0);
}
