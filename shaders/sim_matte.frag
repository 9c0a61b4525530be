// A matte surface. With SHEEN also the glow of what lies behind it at grazing angles, which cloth and skin have.
#ifdef SHEEN
#include "sim_probe.glsl"
#endif

in vec3 at_m;
in vec3 facing;
in vec3 reflectance;
in vec4 light;
layout(location = 0) out vec4 color;
layout(location = 1) out float depth;

void main() {
    vec3 towards_eye = eye_m - at_m;
    float distance_m = length(towards_eye);
    // A card is seen from behind, too: that side is dark.
    float front = dot(facing, towards_eye) < -0.02 * distance_m ? 0.06 : 1.0;
    vec3 radiance = front * reflectance * light.rgb;
#ifdef SHEEN
    vec3 normal = normalize(facing);
    float cosine = max(dot(normal, towards_eye) / distance_m, 0.0);
    float grazing = 0.03 + 0.97 * pow(1.0 - cosine, 5.0);
    vec3 around = probe_at(reflect(-towards_eye, normal), 3.0).rgb;
    radiance += sheen * grazing * light.a * light.a * around;
#endif
    color = vec4(radiance, distance_m);
    depth = 1.0 / gl_FragCoord.w;
}
