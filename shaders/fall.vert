// A flake or drop: the capsule that it moves along while the shutter is open, in the target's pixels.
in vec4 ends_px;   // where it is when the shutter opens (x, y) and closes
in vec3 particle;  // half its width in pixels, its distance as the picture has it, how much of it is there
flat out vec4 from_to_px;
flat out vec3 body;
flat out vec3 light;

uniform sampler2D gathered_light;

void main() {
    vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1) * 2.0 - 1.0;
    vec2 along = ends_px.zw - ends_px.xy;
    float length_px = length(along);
    vec2 forward = length_px > 1e-3 ? along / length_px : vec2(0.0, 1.0);
    vec2 middle = 0.5 * (ends_px.xy + ends_px.zw);
    float reach = particle.x + 0.5;
    vec2 place = middle + forward * corner.y * (0.5 * length_px + reach) + vec2(forward.y, -forward.x) * corner.x * reach;
    light = textureLod(gathered_light, middle / size_px, 0.0).rgb;
    from_to_px = ends_px;
    body = particle;
    gl_Position = vec4(place / size_px * 2.0 - 1.0, 0.0, 1.0);
}
