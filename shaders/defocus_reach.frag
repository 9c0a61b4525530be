// How far the most blurred pixel of each tile of the world's picture reaches, in pixels.
layout(location = 0) out vec4 reach;
uniform sampler2D world_depth;

void main() {
    ivec2 last = textureSize(world_depth, 0) - 1, corner = ivec2(gl_FragCoord.xy) * TILE;
    float furthest = 0.0;
    for (int y = 0; y < TILE; y++) {
        for (int x = 0; x < TILE; x++) {
            float depth = texelFetch(world_depth, min(corner + ivec2(x, y), last), 0).r;
            furthest = max(furthest, abs(in_focus - 1.0 / depth));  // infinity is 0 from here
        }
    }
    reach = vec4(min(blur_px * furthest, float(TILE)));
}
