// Where a picture ends it goes on as a colour, or mirrored, and the softer the farther out: from the edge itself, which
// is as sharp as the picture, to a sixteenth of it. No seam, and nothing to read.
vec3 mirrored_at(sampler2D picture, vec2 place, vec2 outside) {
    vec2 turned = 1.0 - abs(1.0 - mod(min(place, vec2(64.0)) + 64.0, 2.0));
    vec2 size = vec2(textureSize(picture, 0));
    float out_px = length(min(outside, vec2(1.0)) * size);
    float sharp = textureQueryLod(picture, place).y;
    float softest = log2(max(max(size.x, size.y) / 16.0, 1.0));
    return textureLod(picture, turned, clamp(log2(1.0 + 0.25 * out_px), sharp, max(softest, sharp))).rgb;
}
