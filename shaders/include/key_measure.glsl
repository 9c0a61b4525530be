// The edge matte as it is measured, with the camera's noise: below 0 and above 1 too.
float measured(vec4 axis, vec3 light) {
    return 1.0 - axis.a - dot(axis.rgb, light);
}

// A measure is of 4 x 4 pixels: what a marker makes darker in some of them is made up for, whatever is before it.
vec3 evened(vec3 light, vec3 here, vec2 pixel) {
#ifdef PLATE
    vec3 there = screen_base((floor(pixel / 4.0) * 4.0 + 2.0) / picture_size);
    return light * clamp(there / here, 0.25, 4.0);
#else
    return light;
#endif
}
