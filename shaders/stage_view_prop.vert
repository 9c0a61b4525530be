// Camera and tripod.
in vec3 position_m;
in vec3 normal;
out vec3 facing;

void main() {
    facing = mat3(stage_from_prop) * normal;
    gl_Position = clip_from_stage * stage_from_prop * vec4(position_m, 1.0);
}
