// What is around a point of the stage: six faces, three by two, in one picture; alpha is the distance in metres.
uniform sampler2D probe;

// face_from_stage turns a direction into a face's clip space; the faces look along +y, +x, -y, -x, +z, -z.
vec4 probe_at(vec3 direction, float lod) {
    vec3 along = abs(direction);
    int face = direction.z > 0.0 ? 4 : 5;
    if (along.y >= along.x && along.y >= along.z) face = direction.y > 0.0 ? 0 : 2;
    else if (along.x >= along.z) face = direction.x > 0.0 ? 1 : 3;
    vec4 clip = face_from_stage[face] * vec4(direction, 0.0);
    float inside = 1.0 - exp2(lod) / probe_size;  // neighbours in the picture are not neighbours on the stage
    vec2 ndc = clamp(clip.xy / clip.w, -inside, inside);
    return textureLod(probe, (ndc * 0.5 + 0.5 + vec2(face % 3, face / 3)) / vec2(3.0, 2.0), lod);
}
