// A flake or drop, soft to its edge, where nothing of the world is before it.
flat in vec4 from_to_px;
flat in vec3 body;
flat in vec3 light;
layout(location = 0) out vec4 color;

uniform sampler2D depth;

void main() {
    if (texelFetch(depth, ivec2(gl_FragCoord.xy), 0).DEPTH < body.y) discard;
    vec2 along = from_to_px.zw - from_to_px.xy, from = gl_FragCoord.xy - from_to_px.xy;
    float part = clamp(dot(from, along) / max(dot(along, along), 1e-6), 0.0, 1.0);
    float off = length(from - part * along) / (body.x + 0.5);
    float soft = max(1.0 - off * off, 0.0);
    color = vec4(light, body.z * soft * soft);
}
