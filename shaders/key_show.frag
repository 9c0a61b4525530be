// One stage of the key, to be looked at alone: a matte as grey, light as a monitor shows it roughly.
in vec2 uv;
layout(location = 0) out vec4 color;

uniform sampler2D shown;

void main() {
    vec4 found = texture(shown, uv);
    vec3 grey = vec3(dot(found, channels));
    color = vec4(mix(grey, sqrt(max(found.rgb * gain, 0.0)), in_color), 1.0);
}
