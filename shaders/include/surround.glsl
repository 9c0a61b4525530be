// What a location's surround shows of a surface: faces all round one or two stations, in an atlas (compose/surround.py).
// Which face shows a direction is view/surround.py's.
uniform sampler2D surround_gain;
uniform sampler2D surround_bias;
uniform sampler2D surround_depth;

// direction: from the station, in stage space; times depth_m it is in metres.
void add_face(inout Sum sum, int s, int face, float near, vec3 direction, float depth_m, bool sky, float now) {
    vec3 seen = face_from_stage[face] * direction;
    vec2 cell = vec2(face % COLUMNS, ROWS * int(station[s].w) + face / COLUMNS);
    vec2 place = (cell + seen.xy / seen.z * 0.5 + 0.5) * FACE_PX;
    vec2 size = vec2(textureSize(surround_gain, 0));
    float trust = near * face_trust[FACES * s + face].x;
#ifdef MOVES
    Lookup at = Lookup(place / size, seen.z * depth_m, station_share[s].x * trust, trust, 0.0);
#else
    Lookup at = Lookup(place / size, seen.z * depth_m, station_share[s].x * trust, trust);
#endif
    add(sum, surround_gain, surround_bias, surround_depth, size, at, sky, now);
}

// Along one axis of the stage; downwards two faces meet.
void add_side(inout Sum sum, int s, int axis, float near, vec3 direction, float depth_m, bool sky, float now) {
    float forward = smoothstep(-1.0, 1.0, direction.y / max(FOLD * abs(direction.z), 1e-9));
    bool down = axis == 2 && direction.z <= 0.0;
    int side = axis == 2 ? 4 : axis == 1 ? (direction.y > 0.0 ? 0 : 2) : (direction.x > 0.0 ? 1 : 3);
    int first = down ? (forward > 0.0 ? 5 : 6) : side;
    int last = down ? (forward < 1.0 ? 6 : 5) : side;
    for (int face = first; face <= last; face++) {
        float part = !down ? 1.0 : face == 5 ? forward : 1.0 - forward;
        add_face(sum, s, face, near * part, direction, depth_m, sky, now);
    }
}

// Loops and no branches: software GL leaves a loop that no pixel of it is in, but executes both sides of a branch.
Sum surround(vec3 ray, float inverse_depth, float depth_m, bool sky, float now) {
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
            add_side(sum, s, axes[i], near[axes[i]], direction, depth_m, sky, now);
        }
    }
    return sum;
}
