// What every tool without re-projection shows: the newest keyframe's picture as it is, wherever the camera looks now.
#include "color.glsl"

in vec2 uv;
layout(location = 0) out vec4 color;

uniform sampler2D key_plate;
uniform sampler2D key_gain;
uniform sampler2D key_bias;

void main() {
    vec2 key_uv = (uv - 0.5) * picture_in_key + 0.5;  // the keyframe's own overscan is cut away
    vec3 cct = acescct_from_linear(texture(key_plate, key_uv).rgb);
    color = vec4(linear_from_acescct(texture(key_gain, key_uv).rgb * cct + texture(key_bias, key_uv).rgb), 1.0);
}
