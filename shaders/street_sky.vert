// One triangle over the picture, just before the far plane: what the street left empty is sky.
in vec2 in_corner;

out vec3 v_ray;

void main() {
    v_ray = stage_ray_from_ndc * vec3(in_corner, 1.0);
    gl_Position = vec4(in_corner, 0.999999, 1.0);
}
