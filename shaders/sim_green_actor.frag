// Skin, cloth and hair in the lamps' light, and as much of the screen's as ``spill_share`` says: from all around it on
// what faces it, and mirrored along outlines, where everything is glossy.
in vec3 at_m;
in vec3 facing;
in vec3 reflectance;
in vec4 lit;
in vec3 spilled;
layout(location = 0) out vec4 color;

void main() {
    vec3 towards_eye = normalize(eye_m - at_m), normal = normalize(facing);
    float cosine = clamp(dot(normal, towards_eye), 0.0, 1.0);
    float grazing = pow(1.0 - cosine, 4.0);
    vec3 between = normalize(towards_eye + key_towards);
    float glint = pow(max(dot(normal, between), 0.0), 28.0) * lit.a;
    vec3 radiance = reflectance * lit.rgb + key_color * (gloss * glint * (0.6 + 0.8 * grazing));
    radiance += 0.10 * grazing * lit.rgb;
    vec3 mirrored = reflect(-towards_eye, normal);
    float sees_screen = smoothstep(0.0, 0.7, dot(mirrored, screen_towards));
    radiance += spill_share * (reflectance * spilled + 0.20 * grazing * sees_screen * screen_light);
    color = vec4(radiance, 1.0);
}
