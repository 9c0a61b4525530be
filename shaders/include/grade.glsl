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
    // A light goes where its like of the level GRADE_LIGHT goes, and what it has beyond that on top: frames/grade_table.py.
    float above = max(max(cct.r, max(cct.g, cct.b)) - GRADE_LIGHT, 0.0);
    vec4 x = vec4(cct - above, 1.0);
    vec3 unit = 1.0 / vec3(size.x, size.y, size.z * 3.0);
    vec3 at = texel * unit;
    float row = size.z * unit.z;
    vec4 red = texture(grade, at), green = texture(grade, at + vec3(0.0, 0.0, row));
    vec4 blue = texture(grade, at + vec3(0.0, 0.0, 2.0 * row));
    float slope = clamp(dot(red.rgb + green.rgb + blue.rgb, vec3(1.0 / 3.0)), GRADE_LEAST_SLOPE, 1.0);
    return vec3(dot(red, x), dot(green, x), dot(blue, x)) + slope * above;
}
