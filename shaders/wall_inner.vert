// Draws a wall's own mesh in the wall's picture space: every wall pixel learns where in the inner pictures it is.
in vec3 position_m;
in vec2 wall_uv;
out vec3 inner_clip[INNERS];  // x, y and w: depth matters to nobody
out vec2 uv;

void main() {
    for (int i = 0; i < INNERS; i++) inner_clip[i] = (inner_from_stage[i] * vec4(position_m, 1.0)).xyw;
    uv = wall_uv;
    gl_Position = vec4(wall_uv * 2.0 - 1.0, 0.0, 1.0);
}
