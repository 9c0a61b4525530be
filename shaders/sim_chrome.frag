// A mirror ball: the probe drawn around its middle, looked up where the mirrored ray meets what the probe saw.
#include "sim_probe.glsl"

in vec3 at_m;
in vec3 facing;
layout(location = 0) out vec4 color;
layout(location = 1) out float depth;

void main() {
    vec3 normal = normalize(facing);
    vec3 from_eye = normalize(at_m - eye_m);
    vec3 mirrored = reflect(from_eye, normal);
    float spread = length(fwidth(mirrored)) * probe_size * 0.5;
    float lod = clamp(log2(max(spread, 1e-3)), 0.0, 3.0);
    vec3 direction = mirrored;
    for (int i = 0; i < 3; i++) {  // the ball is not a point: walk to where the mirrored ray goes
        float away_m = probe_at(direction, 0.0).a;
        // What is nearer is left a little out of place: walking to it would draw its outline twice.
        vec3 hit = normal * radius_m + mirrored * (away_m > 0.0 ? max(away_m, 1.5) : 100.0);
        direction = normalize(hit);
    }
    float grazing = pow(1.0 - max(dot(-from_eye, normal), 0.0), 5.0);
    color = vec4(probe_at(direction, lod).rgb * mix(reflectivity, 1.0, grazing), length(eye_m - at_m));
    depth = 1.0 / gl_FragCoord.w;
}
