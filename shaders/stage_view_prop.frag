// Dark metal, under the room's dim light from above and the walls' from ahead.
in vec3 facing;
layout(location = 0) out vec4 color;
layout(location = 1) out float depth;

void main() {
    depth = 1.0 / gl_FragCoord.w;
    vec3 normal = normalize(facing);
    vec3 light = room_light * (0.75 + 0.65 * normal.z + 0.3 * normal.x) + wall_light * max(normal.y, 0.0) * 0.5;
    color = vec4(0.085 * light, 1.0);
}
