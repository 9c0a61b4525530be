// A wall's outer picture, from views drawn around the outer eye: colour, and in alpha the distance in metres.
in vec3 position_in_stage;
in vec2 uv;
layout(location = 0) out vec4 color;

uniform sampler2D face_color;
uniform sampler2D face_depth;

void main() {
    vec4 clip = face_from_stage * vec4(position_in_stage, 1.0);
    vec2 ndc = clip.xy / clip.w;
    if (clip.w <= 0.0 || any(greaterThan(abs(ndc), vec2(1.0)))) discard;
    vec2 face_uv = ndc * 0.5 + 0.5;
    float depth_m = texture(face_depth, face_uv).r;
    float along = length(position_in_stage - eye_m) / clip.w;  // metres of ray for one metre of depth
    color = vec4(texture(face_color, face_uv).rgb, min(depth_m * along, 65000.0));
}
