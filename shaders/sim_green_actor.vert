// The actor before a green screen; with STRANDS its loose hair, ribbons that turn to the eye.
#include "sim_green_posture.glsl"

in vec3 position_m;
in vec3 normal;  // of a strand: along it
in vec3 albedo;
in vec4 light;
in vec3 spill;
#ifdef STRANDS
in float side_m;
#endif
out vec3 at_m;
out vec3 made_m;
out vec3 facing;
out vec3 reflectance;
out vec4 lit;
out vec3 spilled;

void main() {
    at_m = stood(position_m);
    made_m = position_m - pivot_m;
    facing = turned_at(position_m.z - pivot_m.z) * normal;
    reflectance = albedo;
    lit = light;
    spilled = spill;
#ifdef STRANDS
    vec3 towards_eye = normalize(eye_m - at_m);
    at_m += side_m * normalize(cross(facing, towards_eye));
    facing = normalize(towards_eye - facing * dot(facing, towards_eye));
#endif
    gl_Position = clip_from_stage * vec4(at_m, 1.0);
}
