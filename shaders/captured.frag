// A camera's own picture, its planes as they came, as scene-linear ACEScg. The numpy twins are vpengine/frames/captured.py
// (R'G'B') and vpengine/gpu/input_space.py (light).
in vec2 uv;
layout(location = 0) out vec4 color;

uniform sampler2D luma;   // or all of R'G'B'
uniform sampler2D cb;     // or both, where they share a plane
uniform sampler2D cr;
uniform sampler2D curve;

vec3 encoded(vec2 at) {
#ifdef RGB
    return rgb_from_codes * texture(luma, at).rgb + rgb_offset;
#else
    // A chroma sample lies on the left of its pixels or between them; rows are counted from the picture's top.
    vec2 pixel = vec2(at.x, 1.0 - at.y) * size - 0.5;
    vec2 place = ((pixel - first_sample) / chroma_px + 0.5) / vec2(textureSize(cb, 0));
    vec2 there = vec2(place.x, 1.0 - place.y);
#ifdef SEMI_PLANAR
    vec2 chroma = texture(cb, there).rg;
#else
    vec2 chroma = vec2(texture(cb, there).r, texture(cr, there).r);
#endif
    return rgb_from_codes * vec3(texture(luma, at).r, chroma) + rgb_offset;
#endif
}

float linear(float code) {
    float steps = float(textureSize(curve, 0).x);
    return texture(curve, vec2((clamp(code * scale_low.x + scale_low.y, 0.0, 1.0) * (steps - 1.0) + 0.5) / steps, 0.5)).r;
}

void main() {
    vec3 light = vec3(0.0);
    for (int row = 0; row < taps; row++) {
        for (int column = 0; column < taps; column++) {
            // Averaged down in light, not in code values: fine hair keeps its share.
            vec2 inside = (vec2(column, row) + 0.5) / float(taps) - 0.5;
            vec3 code = encoded(uv + inside * step_uv);
            light += vec3(linear(code.r), linear(code.g), linear(code.b));
        }
    }
    color = vec4(acescg_from_linear * light / float(taps * taps), 1.0);
}
