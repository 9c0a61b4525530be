// A picture behind what falls between: the particles that are too far to be seen one by one lie over it as a veil, in
// the light that is around them there (Koschmieder 1924). The sky keeps its own: it is where that light comes from.
in vec2 uv;
layout(location = 0) out vec4 color;

uniform sampler2D picture;
uniform sampler2D depth;
uniform sampler2D local_light;

void main() {
    ivec2 at = ivec2(gl_FragCoord.xy);
    vec3 light = texelFetch(picture, at, 0).rgb;
    float away_m = texelFetch(depth, at, 0).DEPTH;
    float share = away_m > 60000.0 ? 0.0 : 1.0 - exp(-extinction * max(away_m - clear_m, 0.0));
    color = vec4(mix(light, texture(local_light, uv).rgb, share), 1.0);
}
