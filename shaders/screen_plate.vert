// The stage's green screen as the tracked camera sees it.
in vec3 position;
in vec4 place;
out vec4 at;

void main() {
    gl_Position = clip_from_stage * vec4(position, 1.0);
    at = place;
}
