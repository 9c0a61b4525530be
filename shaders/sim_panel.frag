// What a wall's panels can show of its picture: within their primaries, between black and peak. No tone curve: where
// highlights roll off, they have done so in the picture (wall.frag).
in vec2 uv;
layout(location = 0) out vec4 color;

uniform sampler2D wall;

void main() {
    vec3 nits = (rec709_from_acescg * texture(wall, uv).rgb) * white_nits;
    color = vec4(acescg_from_rec709 * (clamp(nits, black_nits, peak_nits) / white_nits), 1.0);
}
