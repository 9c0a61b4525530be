// Develops a scene-linear picture: exposure, lens fall-off, the baked view, a little grain.
#include "color.glsl"
#include "view.glsl"

in vec2 uv;
layout(location = 0) out vec4 color;

uniform sampler2D light;

float hash(uvec3 cell) {
    cell = cell * 1664525u + 1013904223u;
    cell.x += cell.y * cell.z;
    cell.y += cell.z * cell.x;
    cell.z += cell.x * cell.y;
    cell ^= cell >> 16u;
    cell.x += cell.y * cell.z;
    return float(cell.x >> 8) / 16777216.0;
}

void main() {
    // One linear lookup in the middle of two by two texels averages a picture of twice the size.
    vec3 scene = texture(light, (uv - 0.5) * shown + 0.5).rgb;
    scene = (scene * (1.0 - dip.a) + dip.rgb) * exposure_gain;
    vec2 from_middle = uv * 2.0 - 1.0;
    scene *= 1.0 - vignette * 0.5 * dot(from_middle, from_middle);
    vec3 shown = viewed(scene);
    if (grain > 0.0) {
        uvec3 cell = uvec3(uvec2(gl_FragCoord.xy), uint(seed));
        float noise = hash(cell) + hash(cell + uvec3(7919u, 104729u, 0u)) - 1.0;  // triangular, deviation 0.41
        float middle = dot(shown, vec3(1.0 / 3.0));
        shown += noise * 2.45 * grain * 4.0 * middle * (1.0 - middle);
    }
    color = vec4(shown, 1.0);
}
