// What each pixel sees: the normal, the part's number plus one (0 is sky), and the depth along the view axis.
#include "../../../shaders/include/noise.glsl"
in vec3 position;
in vec3 normal;
flat in vec2 part;
layout(location = 0) out vec4 seen;
layout(location = 1) out float depth_m;

void main() {
    // Foliage has holes, so that its outline is leafy.
    if (part.y >= 0.0 && lattice_noise(position * 5.0, 0, uint(part.y * 65535.0)) < 0.42) discard;
    seen = vec4(normalize(normal), part.x + 1.0);
    depth_m = 1.0 / gl_FragCoord.w;
}
