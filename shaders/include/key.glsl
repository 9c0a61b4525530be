// What the keyer's passes share: chroma along the screen's own hue, and what the screen's light is at a pixel.
// The numpy twin of these is vpengine/compose/key_settings.py, and of the whole matte tests/keying.py.

// 1 at the picked screen, 0 for greys and for hues too far from the screen's; slope: the cotangent of half their angle.
float screen_part(vec3 light, float slope) {
    return dot(along, light) - slope * abs(dot(across, light));
}

#ifdef PLATE
uniform sampler2D clean_plate;
#endif

// at: 0..1 over the picture. A ratio is told of this, so that what a screen has of its own is filled in where it is hid.
vec3 screen_base(vec2 at) {
#ifdef PLATE
    return max(texture(clean_plate, at).rgb, vec3(1e-3));
#else
    return max(screen.rgb, vec3(1e-3));
#endif
}
