// ACEScct (S-2016-001) and luminance; ACEScg in, ACEScg out. The numpy twin is vpengine/view/color.py.
vec3 acescct_from_linear(vec3 linear) {
    vec3 toe = 10.5402377416545 * linear + 0.0729055341958355;
    vec3 curve = (log2(max(linear, vec3(1e-6))) + 9.72) / 17.52;
    return mix(curve, toe, lessThanEqual(linear, vec3(0.0078125)));
}

vec3 linear_from_acescct(vec3 cct) {
    vec3 toe = (cct - 0.0729055341958355) / 10.5402377416545;
    vec3 curve = exp2(min(cct, vec3(1.468)) * 17.52 - 9.72);
    return mix(curve, toe, lessThanEqual(cct, vec3(0.155251141552511)));
}

float luminance(vec3 acescg) {
    return dot(acescg, vec3(0.2722287168, 0.6740817658, 0.0536895174));
}
