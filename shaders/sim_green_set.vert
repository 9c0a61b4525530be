// The set of a green-screen stage: what each vertex sends is known.
in vec3 position_m;
in vec3 color;
out vec3 sent;

void main() {
    sent = color;
    gl_Position = clip_from_stage * vec4(position_m, 1.0);
}
