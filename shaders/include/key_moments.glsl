// What a place adds to a field: the mean light (0), its squares (1), its products RG, RB, GB (2).
vec3 moment(vec3 light, int field) {
    return field == 0 ? light : field == 1 ? light * light : light.rrg * light.gbb;
}
