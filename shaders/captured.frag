// A camera's own picture, its planes as they came, as scene-linear ACEScg. The numpy twins are vpengine/frames/captured.py
// (R'G'B') and vpengine/gpu/input_space.py (light).
in vec2 uv;
layout(location = 0) out vec4 color;

uniform sampler2D luma;   // or all of R'G'B'
uniform sampler2D cb;     // or both, where they share a plane
uniform sampler2D cr;
uniform sampler2D curve;

#ifdef REDUCED
vec3 luma_at(vec2 at) { return texture(luma, at).rgb; }
#else
vec3 luma_at(vec2 at) { return texelFetch(luma, ivec2(at * size), 0).rgb; }
#endif

vec3 encoded(vec2 at) {
#ifdef RGB
    return rgb_from_codes * luma_at(at) + rgb_offset;
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
    return rgb_from_codes * vec3(luma_at(at).r, chroma) + rgb_offset;
#endif
}

// The nearest of many steps: they are finer than the codes of 12 bits.
float linear(float code) {
    int last = textureSize(curve, 0).x - 1;
    return texelFetch(curve, ivec2(clamp(int(code * scale_low.x + scale_low.y), 0, last), 0), 0).r;
}

vec3 light_at(vec2 at) {
    vec3 code = encoded(at);
    return vec3(linear(code.r), linear(code.g), linear(code.b));
}

void main() {
#ifdef REDUCED
    vec3 light = vec3(0.0);
    for (int tap = 0; tap < taps * taps; tap++) {
        // Averaged down in light, not in code values: fine hair keeps its share.
        vec2 inside = (vec2(tap % taps, tap / taps) + 0.5) / float(taps) - 0.5;
        light += light_at(uv + inside * step_uv);
    }
    light /= float(taps * taps);
#else
    vec3 light = light_at(uv);
#endif
    color = vec4(acescg_from_linear * light, 1.0);
}
