// Anything on the stage that walls light: the stand-in, the balls, the floor.
#include "sim_stage.glsl"

in vec3 position_m;
in vec3 normal;
in vec3 albedo;
out vec3 at_m;
out vec3 facing;
out vec3 reflectance;
out vec4 light;

uniform sampler3D irradiance;

void main() {
    at_m = position_m;
    facing = normal;
    reflectance = albedo;
    light = light_on(irradiance, first_vertex + gl_VertexID);
    gl_Position = clip_from_stage * vec4(position_m, 1.0);
}
