// A training scene's mesh seen from a direction of light.
in vec3 in_position;

void main() {
    gl_Position = clip_from_stage * vec4(in_position, 1.0);
}
