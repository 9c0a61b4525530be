// The world's picture out of focus. Each pixel gathers what reaches it: what is nearer spreads over it as far as that is
// blurred itself; what is behind it only as far as the pixel is, for what is sharp in front hides what is blurred.
layout(location = 0) out vec4 out_color;
uniform sampler2D world_color;
uniform sampler2D world_depth;
uniform sampler2D tile_reach;

const float GOLDEN = 2.39996323;
const int FEWEST_TAPS = 16;
const float SHARP = 0.25;  // pixels: a radius that no one sees

float furthest_reach() {
    ivec2 last = textureSize(tile_reach, 0) - 1, tile = ivec2(gl_FragCoord.xy) / TILE;
    float reach = 0.0;
    for (int y = -1; y <= 1; y++) {
        for (int x = -1; x <= 1; x++) {
            reach = max(reach, texelFetch(tile_reach, clamp(tile + ivec2(x, y), ivec2(0), last), 0).r);
        }
    }
    return reach;
}

void main() {
    ivec2 here = ivec2(gl_FragCoord.xy);
    ivec2 last = textureSize(world_color, 0) - 1;
    vec4 own = texelFetch(world_color, here, 0);
    float reach = furthest_reach();
    out_color = own;
    if (reach < SHARP) return;
    float near_here = 1.0 / texelFetch(world_depth, here, 0).r;
    float own_reach = min(blur_px * abs(in_focus - near_here), float(TILE));
    int taps = clamp(int(ceil(reach * reach)), FEWEST_TAPS, TAPS);
    float area = reach * reach / float(taps);  // that a tap stands for, in circles of radius 1
    vec4 beside = own, before = vec4(0.0);
    float beside_weight = 1.0, cover = 0.0;
    for (int i = 0; i < taps; i++) {
        float away = reach * sqrt((float(i) + 0.5) / float(taps)), angle = GOLDEN * float(i);
        vec2 place = gl_FragCoord.xy + away * vec2(cos(angle), sin(angle));
        ivec2 at = clamp(ivec2(floor(place)), ivec2(0), last);  // colour of the very texel whose depth it is
        float near_there = 1.0 / texelFetch(world_depth, at, 0).r;
        float there_reach = min(blur_px * abs(in_focus - near_there), float(TILE));
        vec4 there = texelFetch(world_color, at, 0);
        float in_front = smoothstep(0.5, 1.5, blur_px * (near_there - near_here));
        float reaches = there_reach < SHARP ? 0.0 : clamp(there_reach - away + 0.5, 0.0, 1.0);
        float weight = in_front * reaches * area / max(there_reach * there_reach, 1.0);
        before += weight * there;
        cover += weight;
        float both = min(there_reach, own_reach);
        weight = both < SHARP ? 0.0 : (1.0 - in_front) * clamp(both - away + 0.5, 0.0, 1.0) * area * 3.14159265;
        beside += weight * there;
        beside_weight += weight;
    }
    out_color = beside / beside_weight;
    if (cover > 0.0) out_color = mix(out_color, before / cover, min(cover, 1.0));
}
