// A wall seen from anywhere: its light, with the edge of the camera's frustum as a thin line; behind, its cabinets.
in vec3 at_m;
in vec3 facing;
in vec2 uv;
layout(location = 0) out vec4 color;
layout(location = 1) out float depth;

uniform sampler2D panel;

void main() {
    depth = 1.0 / gl_FragCoord.w;
    vec3 towards_eye = eye_m - at_m;
    if (dot(towards_eye, facing) > 0.0) {
        vec3 light = textureLod(panel, uv, textureQueryLod(panel, uv).y).rgb;
        vec4 clip = camera_from_stage * vec4(at_m, 1.0);
        // Not divided by w: where the wall crosses the camera's plane that has no end, and its jump would be a line.
        float outside = max(abs(clip.x), abs(clip.y)) - clip.w;
        float line = 1.0 - smoothstep(0.6, 1.6, abs(outside) / max(fwidth(outside), 1e-6));
        color = vec4(mix(light, line_color, line), 1.0);
        return;
    }
    // Cabinets: a frame around each tile, a handle's shadow in its middle, lit from above a little.
    vec2 tile = fract(uv * tile_grid);
    vec2 edge = min(tile, 1.0 - tile);
    vec2 thick = max(vec2(0.027), 0.7 * fwidth(uv * tile_grid));
    vec2 framed = 1.0 - smoothstep(thick * 0.8, thick * 1.2, edge);
    float frame = max(framed.x, framed.y);
    float middle = smoothstep(0.16, 0.2, max(abs(tile.x - 0.5), abs(tile.y - 0.5) * 1.6));
    if (facing.z < -0.7 && frame < 0.5) discard;  // one looks through a ceiling's frames at the stage below
    float facing_eye = 0.55 + 0.45 * dot(normalize(towards_eye), -facing);
    color = vec4(room_light * facing_eye * (0.16 + 0.2 * frame) * mix(0.6, 1.0, middle), 1.0);
}
