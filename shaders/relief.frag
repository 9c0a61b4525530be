// edge: at a silhouette, the inverse depth that parts the near side from the far. Above 0 it is the near side that is
// drawn, and what of the picture is farther is left out; below 0 the far side, and what is nearer is what is guessed to
// lie hidden there. WHOLE: none of it is at a silhouette.
#include "beyond.glsl"

in vec2 place;
in float edge;
in vec2 scaled_depth;

uniform sampler2D picture;
uniform sampler2D hidden;
uniform sampler2D inverse_depth;

layout(location = 0) out vec4 out_color;
layout(location = 1) out float out_depth;

vec3 picture_at(vec2 at) {
    vec2 outside = max(abs(at - 0.5) - 0.5, 0.0);
    if (outside.x + outside.y <= 0.0) return texture(picture, at).rgb * gain;
    return mirrored > 0.5 ? mirrored_at(picture, at, outside) * gain : beyond;
}

void main() {
#ifdef WHOLE
    vec3 color = picture_at(place);
#else
    float shown = edge == 0.0 ? 0.0 : texture(inverse_depth, place).r;
    if (edge > 0.0 && shown < edge) discard;
    vec3 color = edge < 0.0 && shown >= -edge ? texture(hidden, place).rgb * gain : picture_at(place);
#endif
    out_color = vec4(min(color, vec3(65504.0)), 1.0);
    float inverse = scaled_depth.y / scaled_depth.x;
    out_depth = inverse > 1e-5 ? 1.0 / inverse : uintBitsToFloat(0x7F800000u);
}
