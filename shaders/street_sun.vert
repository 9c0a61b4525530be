// The street as the sun sees it.
in vec3 in_position;

void main() {
    vec3 at = (sun_map_from_stage * vec4(in_position, 1.0)).xyz;
    gl_Position = vec4(at * 2.0 - 1.0, 1.0);
}
