// What a generator is given: the plate's colour, and in alpha world-anchored detail noise.
#include "noise.glsl"

in vec2 uv;
layout(location = 0) out vec4 color;

uniform sampler2D plate_color;
uniform sampler2D plate_depth;

const float SKY_M = 1000.0;

void main() {
    float depth_m = min(texture(plate_depth, uv).r, SKY_M);
    vec3 ray = stage_ray_from_ndc * vec3(uv * 2.0 - 1.0, 1.0);
    vec3 position_m = texture(plate_depth, uv).r > 1e30 ? ray * SKY_M : origin_m + ray * depth_m;
    color = vec4(texture(plate_color, uv).rgb, detail_noise(position_m, depth_m * pixel_m, uint(seed)));
}
