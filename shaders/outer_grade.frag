// The outer picture through the keyframes' grade, so that the walls light the actor as the inner picture does.
#include "color.glsl"
#include "grade.glsl"

in vec3 position_in_stage;
in vec2 uv;
layout(location = 0) out vec4 color;

uniform sampler2D outer;
uniform sampler3D grade;

void main() {
    vec4 plate = texture(outer, uv);
    vec3 direction = normalize(position_in_stage - eye_m);
    vec3 cct = acescct_from_linear(plate.rgb);
    vec3 graded = apply_grade(grade, cct, plate.a, direction.z);
    color = vec4(linear_from_acescct(mix(cct, graded, amount)), 1.0);
}
