// Skin, cloth and hair in the lamps' light, and as much of the screen's as ``spill_share`` says: from all around it on
// what faces it, and mirrored along outlines, where everything is glossy.
in vec3 at_m;
in vec3 made_m;  // where it is at rest
in vec3 facing;
in vec3 reflectance;
in vec4 lit;
in vec3 spilled;
layout(location = 0) out vec4 color;

float grain(vec3 at) {  // value noise, 0 to 1: skin, wool and knit are no clay
    vec3 cell = floor(at), t = at - cell;
    t *= t * (3.0 - 2.0 * t);
    vec4 low = vec4(0.0, 1.0, 57.0, 58.0) + dot(cell, vec3(1.0, 57.0, 113.0)), high = low + 113.0;
    low = fract(sin(low) * 43758.5453);
    high = fract(sin(high) * 43758.5453);
    vec4 level = mix(low, high, t.z);
    return mix(mix(level.x, level.y, t.x), mix(level.z, level.w, t.x), t.y);
}

void main() {
    vec3 towards_eye = normalize(eye_m - at_m), normal = normalize(facing);
    float cosine = clamp(dot(normal, towards_eye), 0.0, 1.0);
    float grazing = pow(1.0 - cosine, 4.0);
    vec3 between = normalize(towards_eye + key_towards);
    float glint = pow(max(dot(normal, between), 0.0), 28.0) * lit.a;
    vec3 own = reflectance * (0.84 + 0.2 * grain(made_m * 260.0) + 0.12 * grain(made_m * vec3(70.0, 70.0, 35.0)));
    vec3 radiance = own * lit.rgb + key_color * (gloss * glint * (0.6 + 0.8 * grazing));
    radiance += 0.10 * grazing * lit.rgb;
    vec3 mirrored = reflect(-towards_eye, normal);
    float sees_screen = smoothstep(0.0, 0.7, dot(mirrored, screen_towards));
    radiance += spill_share * (0.75 * own * spilled + 0.20 * grazing * sees_screen * screen_light);
    color = vec4(radiance, 1.0);
}
