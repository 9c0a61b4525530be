// The edge matte as it is measured, with the camera's noise: below 0 and above 1 too.
layout(location = 0) out float alpha;

uniform sampler2D picture;
uniform sampler2D measure;

void main() {
    vec3 light = texelFetch(picture, ivec2(gl_FragCoord.xy), 0).rgb;
    vec4 axis = texture(measure, gl_FragCoord.xy / (4.0 * vec2(textureSize(measure, 0))));
    alpha = 1.0 - axis.a - dot(axis.rgb, light);
}
