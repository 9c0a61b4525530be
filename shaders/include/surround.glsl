// What a location's surround shows of a surface: faces all round one or two stations, in an atlas (compose/surround.py).
uniform sampler2D surround_gain;
uniform sampler2D surround_bias;
uniform sampler2D surround_depth;

const float SEAM = 0.88;  // of the larger component of a direction: from there on the neighbour's face is blended in

// The face (view/faces.py) that a direction in stage space points to along an axis.
int face_along(int axis, vec3 direction) {
    return axis == 2 ? (direction.z > 0.0 ? 4 : 5) : axis == 1 ? (direction.y > 0.0 ? 0 : 2) : (direction.x > 0.0 ? 1 : 3);
}

// direction: from the station, in stage space; times depth_m it is in metres.
void add_face(inout Sum sum, int s, int face, float near, vec3 direction, float depth_m, bool sky) {
    vec3 seen = face_from_stage[face] * direction;
    vec2 ndc = seen.xy / (-seen.z * FACE_TAN);
    ivec2 cell = ivec2(face % 3, 2 * int(station[s].w) + face / 3);
    vec2 size = vec2(textureSize(surround_gain, 0));
    float trust = near * face_trust[6 * s + face].x;
    vec2 place = (vec2(cell) + ndc * 0.5 + 0.5) * FACE_PX;
    Lookup at = Lookup(place / size, -seen.z * depth_m, station_share[s].x * trust, trust);
    add(sum, surround_gain, surround_bias, surround_depth, size, at, sky);
}

// Loops and no branches: software GL leaves a loop that no pixel of it is in, but executes both sides of a branch.
Sum surround(vec3 ray, float inverse_depth, float depth_m, bool sky) {
    Sum sum = Sum(vec3(0.0), vec3(0.0), 0.0, 0.0);
    for (int s = 0; s < stations; s++) {
        vec3 direction = stage_from_ray * (ray - station[s].xyz * inverse_depth);
        vec3 size = abs(direction);
        vec3 near = smoothstep(SEAM, 1.0, size / max(max(size.x, size.y), size.z));
        int first = near.x >= 1.0 ? 0 : near.y >= 1.0 ? 1 : 2;
        int second = (first + 1) % 3, third = (first + 2) % 3;
        if (near[second] < near[third]) { int swapped = second; second = third; third = swapped; }
        ivec3 axes = ivec3(first, second, third);
        int count = 1 + int(near[second] > 0.0) + int(near[third] > 0.0);
        for (int i = 0; i < count; i++) {
            add_face(sum, s, face_along(axes[i], direction), near[axes[i]], direction, depth_m, sky);
        }
    }
    return sum;
}
