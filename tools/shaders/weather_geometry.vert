// A training scene's mesh through a View.
in vec3 in_position;
in vec3 in_normal;
in vec2 in_part;
out vec3 position;
out vec3 normal;
flat out vec2 part;

void main() {
    position = in_position;
    normal = in_normal;
    part = in_part;
    gl_Position = clip_from_stage * vec4(in_position, 1.0);
}
