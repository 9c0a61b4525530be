// Draws a wall's own mesh in the wall's picture space: every wall pixel learns where on the stage it is.
in vec3 position_m;
in vec2 wall_uv;
out vec3 position_in_stage;
out vec2 uv;

void main() {
    position_in_stage = position_m;
    uv = wall_uv;
    gl_Position = vec4(wall_uv * 2.0 - 1.0, 0.0, 1.0);
}
