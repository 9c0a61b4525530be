// The edge matte as it is measured, with the camera's noise: below 0 and above 1 too.
float measured(vec4 axis, vec3 light) {
    return 1.0 - axis.a - dot(axis.rgb, light);
}

// With a clean plate light is measured by the plate's: what a marker makes darker is made up for, whatever is before it.
// base: the screen's, as key.glsl has it.
vec3 evened(vec3 light, vec3 base) {
#ifdef PLATE
    return light / max(base, 0.1 * screen.rgb);
#else
    return light;
#endif
}
