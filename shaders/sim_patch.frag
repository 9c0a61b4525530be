// The mean light of each patch of a wall: eight by eight lookups over the patch.
in vec2 uv;
layout(location = 0) out vec4 color;

uniform sampler2D wall;

void main() {
    vec2 corner = floor(gl_FragCoord.xy);
    vec3 sum = vec3(0.0);
    for (int i = 0; i < 64; i++) {
        vec2 within = (vec2(i & 7, i >> 3) + 0.5) / 8.0;
        sum += textureLod(wall, (corner + within) / grid, max(lod - 1.0, 0.0)).rgb;
    }
    color = vec4(sum / 64.0, 1.0);
}
