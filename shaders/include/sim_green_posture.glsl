// How the actor stands now (vpengine/sim/green_actor.py): feet where they are, the rest leaning, turned, breathing.
const float NECK_M = 1.47, JAW_M = 1.56;

mat3 about_up(float angle) {
    float c = cos(angle), s = sin(angle);
    return mat3(c, s, 0.0, -s, c, 0.0, 0.0, 0.0, 1.0);
}

mat3 about_right(float angle) {
    float c = cos(angle), s = sin(angle);
    return mat3(1.0, 0.0, 0.0, 0.0, c, s, 0.0, -s, c);
}

// What a direction is turned by at a height.
mat3 turned_at(float height_m) {
    float head = smoothstep(NECK_M, JAW_M, height_m), body = smoothstep(0.1, 1.0, height_m);
    return about_up(turn_rad * body + head_turn_rad * head) * about_right(nod_rad * head);
}

vec3 stood(vec3 at_m) {
    vec3 away = at_m - pivot_m;
    float height_m = away.z;
    float chest = exp(-pow((height_m - 1.28) / 0.17, 2.0));
    away.xy *= 1.0 + 0.012 * breath * chest;
    away.z += 0.004 * breath * smoothstep(1.1, 1.4, height_m);
    vec3 neck = vec3(0.0, 0.0, NECK_M);
    away = turned_at(height_m) * (away - neck) + neck;
    away.xy += lean_m * smoothstep(0.05, 1.65, height_m);
    return pivot_m + away;
}
