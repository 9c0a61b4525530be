// The floor: grey paint, a little glossy and not quite even. ``mirrored`` is the stage drawn upside down from the same place, with mipmaps:
// what the floor reflects at a pixel stands there at the same pixel.
in vec3 at_m;
in vec3 reflectance;
in vec4 light;
layout(location = 0) out vec4 color;
layout(location = 1) out float depth;

uniform sampler2D mirrored;

float patchiness(vec2 at) {  // value noise, 0 to 1
    vec2 cell = floor(at), within = at - cell;
    within *= within * (3.0 - 2.0 * within);
    vec4 corners = fract(sin(vec4(dot(cell, vec2(12.99, 78.23))) + vec4(0.0, 12.99, 78.23, 91.22)) * 43758.5453);
    return mix(mix(corners.x, corners.y, within.x), mix(corners.z, corners.w, within.x), within.y);
}

void main() {
    vec3 towards_eye = eye_m - at_m;
    float distance_m = length(towards_eye);
    float worn = patchiness(at_m.xy * 1.7) + 0.5 * patchiness(at_m.xy * vec2(6.1, 4.3));
    vec3 radiance = (0.88 + 0.16 * worn) * reflectance * light.rgb;
    if (gloss > 0.0) {
        float grazing = pow(1.0 - towards_eye.z / distance_m, 5.0);
        vec2 at = gl_FragCoord.xy / picture_size;
        vec2 spread = 2.5 / vec2(textureSize(mirrored, 0));
        vec3 seen = vec3(0.0);
        for (int i = 0; i < 6; i++) {  // rough floors smear reflections towards the eye
            seen += textureLod(mirrored, at + spread * vec2(float(i & 1) - 0.5, float(i) * 1.6 - 4.0), 1.6).rgb / 6.0;
        }
        radiance += (1.1 - 0.27 * worn) * gloss * (0.04 + 0.96 * grazing) * seen;
    }
    color = vec4(radiance, distance_m);
    depth = 1.0 / gl_FragCoord.w;
}
