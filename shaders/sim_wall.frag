// A wall's lit side; its back is a dark frame. Depth is the distance along the view axis; alpha of a probe the
// distance from its eye.
in vec3 at_m;
in vec3 facing;
in vec2 uv;
layout(location = 0) out vec4 color;
layout(location = 1) out float depth;

uniform sampler2D panel;

void main() {
    vec3 towards_eye = eye_m - at_m;
    float lod = softness_lod > 0.0 ? max(softness_lod, textureQueryLod(panel, uv).y) : 0.0;
    bool lit = dot(towards_eye, facing) > 0.0;
    color = vec4(lit ? textureLod(panel, uv, lod).rgb : vec3(0.004), length(towards_eye));
    depth = 1.0 / gl_FragCoord.w;
}
