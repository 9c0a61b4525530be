// A piece of the stage's green screen, learnt: each texel finds itself in the camera's picture. Blended by alpha; light is
// premultiplied by how well the place is known, which the second target has.
in vec2 uv;
layout(location = 0) out vec4 light;
layout(location = 1) out vec4 known;

uniform sampler2D picture;
uniform sampler2D matte;
#ifdef BENT
uniform sampler2D lens_moves;
#endif
#include "key.glsl"

#ifdef BENT
// Where the lens draws a place of the pinhole's picture: what moves it there is known the other way, and changes slowly.
vec2 bent(vec2 place) {
    vec2 found = place;
    for (int i = 0; i < 4; i++) found = place - texture(lens_moves, found * nodes.xy + nodes.zw).xy;
    return found;
}
#endif

void main() {
    vec2 along_screen = strip.xy + uv * strip.zw;
    vec4 clip = clip_from_screen * vec4(along_screen, 0.0, 1.0);
    vec2 place = clip.xy / clip.w * 0.5 + 0.5;
#ifdef BENT
    place = bent(place);
#endif
    light = known = vec4(0.0);
    vec2 size = vec2(textureSize(picture, 0)), beside = 6.0 / size;
    if (clip.w < 0.1 || any(lessThan(place, vec2(0.0))) || any(greaterThan(place, vec2(1.0)))) return;
    // Nothing solid is near: no soft edge, nor what is blurred before it, is taken for the screen.
    float covered = 0.0;
    for (int i = 0; i < 9; i++) {
        vec2 about = place + vec2(i % 3 - 1, i / 3 - 1) * beside;
        covered = max(covered, texture(matte, about).b);
    }
    vec3 seen = texture(picture, place).rgb;
    float picked = dot(screen.rgb, vec3(1.0));
    float likeness = screen_part(seen, sure_slope) * picked / max(dot(seen, vec3(1.0)), 0.02 * picked);
    if (covered > 0.5 || likeness < 0.7) return;
    light = vec4(seen, rate);
    known = vec4(1.0, 0.0, 0.0, rate);
}
