// A film's or monitor's view of scene-linear light: OpenColorIO's, baked (vpengine/gpu/view_lut.py).
uniform sampler3D lut;

vec3 viewed(vec3 scene) {
    vec3 cct = clamp(acescct_from_linear(max(scene, vec3(0.0))), 0.0, 1.0);
    return texture(lut, (cct * (LUT_SIDE - 1.0) + 0.5) / LUT_SIDE).rgb;
}
