// The foreground's own light, premultiplied: the screen behind it taken out, then what the screen spilled on it.
// After color.glsl and key.glsl.

vec4 despilled(vec3 light, float share) {
    float spill = share * despill * max(screen_part(light, spill_slope), 0.0);
    return vec4(max(light - spill * (screen.rgb - luminance(screen.rgb) * replacement.rgb), 0.0), spill);
}

// Where alpha is measured too low too much screen was taken out, and an edge is magenta. With less of the screen's hue than
// the foreground has nearby, it has the foreground's.
vec3 not_less(vec3 light, vec3 alike_) {
    vec3 alike = alike_ * min(luminance(light) / max(luminance(alike_), 1e-3), 4.0);
    float lack = min(dot(along, alike), 0.0) - dot(along, light);
    return mix(light, alike, clamp(10.0 * lack, 0.0, 1.0));
}

// matte: as key_matte.frag has it; behind: the screen's light here; about: the foreground's nearby, which is smooth where
// it is asked for, for at edges it was filled in. alpha: the matte's; or, where the composite is to give
// spill back as the world's, how much of the screen was spilled.
vec4 foreground_of(vec3 picture, vec4 matte, vec3 behind, vec3 about) {
    float alpha = matte.r, whole = matte.b;
    vec3 light = max(picture - (1.0 - whole) * behind, 0.0) / max(whole, 0.02);
    light = whole < 1.0 ? not_less(light, about) : light;
    // A pixel that is hardly covered holds more noise than foreground.
    float drawn_out = clamp(max(extend * (1.0 - whole), 1.0 - whole * 20.0), 0.0, 1.0);
    vec4 own = despilled(mix(light, about, drawn_out), 1.0 - matte.a) * alpha;
    return vec4(own.rgb, mix(alpha, own.a, replacement.a));
}
