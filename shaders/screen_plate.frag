// The clean plate of what was learnt of the screen, wherever the camera looks: roughly where it was not learnt finely yet,
// and the picked colour where nothing was. What is learnt is premultiplied by how well it is known.
in vec4 at;
layout(location = 0) out vec4 color;

uniform sampler2D light;
uniform sampler2D known;
uniform sampler2D light_coarse;
uniform sampler2D known_coarse;

void main() {
    float sure = texture(known, at.xy).r;
    if (sure > 0.05) {
        color = vec4(texture(light, at.xy).rgb / sure, 1.0);
        return;
    }
    float roughly = texture(known_coarse, at.zw).r;
    color = vec4(roughly > 0.02 ? texture(light_coarse, at.zw).rgb / roughly : screen.rgb, 1.0);
}
