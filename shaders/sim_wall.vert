// A wall as an object on the stage.
in vec3 position_m;
in vec3 normal;
in vec2 wall_uv;
out vec3 at_m;
out vec3 facing;
out vec2 uv;

void main() {
    at_m = position_m;
    facing = normal;
    uv = wall_uv;
    gl_Position = clip_from_stage * vec4(position_m, 1.0);
}
