// Looks a pixel up in the grade's table (neural/grade.py explains it) and applies its 3x4 transform in ACEScct.
// ``grade`` holds the three rows of the transforms one above the other along the luminance axis.
vec3 grade_coordinates(float distance_m, float sine, vec3 cct) {
    float distance = distance_m > 60000.0 ? 1.0 : log2(clamp(distance_m, 1.0, 512.0)) / 10.0;
    float elevation = 0.5 + 0.5 * sign(sine) * sqrt(abs(sine));
    float brightness = clamp((dot(cct, vec3(1.0 / 3.0)) - GRADE_LOW) / (GRADE_HIGH - GRADE_LOW), 0.0, 1.0);
    return vec3(distance, elevation, brightness);
}

vec3 apply_grade(sampler3D grade, vec3 cct, float distance_m, float sine) {
    vec3 size = vec3(GRADE_DISTANCES, GRADE_ELEVATIONS, GRADE_LUMINANCES);
    vec3 texel = grade_coordinates(distance_m, sine, cct) * (size - 1.0) + 0.5;
    vec4 x = vec4(cct, 1.0);
    vec3 unit = 1.0 / vec3(size.x, size.y, size.z * 3.0);
    vec3 at = texel * unit;
    float row = size.z * unit.z;
    return vec3(
        dot(texture(grade, at), x),
        dot(texture(grade, at + vec3(0.0, 0.0, row)), x),
        dot(texture(grade, at + vec3(0.0, 0.0, 2.0 * row)), x));
}
