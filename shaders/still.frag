// A picture on a flat card. Card space: x right, y up, z away from the stage; the card is z = 0.
#include "beyond.glsl"

in vec2 uv;

uniform sampler2D picture;

layout(location = 0) out vec4 out_color;
layout(location = 1) out float out_depth;

const float FURTHEST_M = 1e6; // a ray that leaves the card's plane sees what lies on it this far out

void main() {
    vec3 ray = card_from_stage * (stage_ray_from_ndc * vec3(uv * 2.0 - 1.0, 1.0));
    float depth = -eye_in_card.z / ray.z; // the ray advances one metre along the view axis
    bool hits = depth > 0.0 && depth < FURTHEST_M;
    vec2 at = eye_in_card.xy + ray.xy * (hits ? depth : FURTHEST_M);
    vec2 place = 0.5 + 0.5 * at / half_size_m; // 0 to 1 on the picture
    vec2 outside = max(abs(place - 0.5) - 0.5, 0.0);
    vec3 color;
    if (outside.x + outside.y <= 0.0) {
        color = texture(picture, place).rgb * gain;
    } else if (mirrored > 0.5) {
        color = mirrored_at(picture, place, outside) * gain;
    } else {
        color = beyond;
    }
    out_color = vec4(min(color, vec3(65504.0)), 1.0);
    out_depth = hits ? depth : uintBitsToFloat(0x7F800000u);
}
