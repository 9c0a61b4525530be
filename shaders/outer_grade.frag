// The outer picture as the location's surround shows it, else through the keyframes' grade: the walls light the actor as
// the inner picture does, and are seen in what is bright.
#include "color.glsl"
#include "grade.glsl"
#ifdef SURROUND
#include "keyframe.glsl"
#include "surround.glsl"
#endif

in vec3 position_in_stage;
in vec2 uv;
layout(location = 0) out vec4 color;

uniform sampler2D outer;
uniform sampler3D grade;

void main() {
    vec4 plate = texture(outer, uv);
    vec3 direction = normalize(position_in_stage - eye_m);
    vec3 cct = acescct_from_linear(plate.rgb);
    vec3 changed = apply_grade(grade, cct, plate.a, direction.z);
#ifdef SURROUND
    bool sky = plate.a > 60000.0;  // as the picture was gathered
    Sum around = surround(direction, sky ? 0.0 : 1.0 / plate.a, plate.a, sky, dot(cct, vec3(1.0 / 3.0)));
    vec3 seen = around.total > 0.0 ? (around.gain * cct + around.bias) / around.total : cct;
    changed = mix(changed, seen, around.known);
#endif
    color = vec4(linear_from_acescct(mix(cct, changed, amount)), 1.0);
}
