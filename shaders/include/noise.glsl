// World-anchored detail noise: value noise on an integer lattice fixed in stage space, at the octave whose cells are
// about four pixels wide, so that it neither shimmers far away nor blurs near by, and never moves with the camera.
// The numpy twin is vpengine/view/noise.py.
uint hash_lattice(ivec3 cell, int level, uint seed) {
    uint h = seed + uint(level) * 0x9E3779B1u;
    h = (h ^ uint(cell.x)) * 0x85EBCA6Bu;
    h ^= h >> 13;
    h = (h ^ uint(cell.y)) * 0xC2B2AE35u;
    h ^= h >> 16;
    h = (h ^ uint(cell.z)) * 0x27D4EB2Fu;
    h ^= h >> 15;
    h *= 0x85EBCA6Bu;
    return h ^ (h >> 13);
}

float lattice_noise(vec3 position_m, int level, uint seed) {
    vec3 p = position_m * exp2(-float(level));
    vec3 base = floor(p);
    vec3 t = p - base;
    t = t * t * (3.0 - 2.0 * t);
    ivec3 c = ivec3(base);
    float n[8];
    for (int i = 0; i < 8; i++) {
        n[i] = float(hash_lattice(c + ivec3(i & 1, (i >> 1) & 1, i >> 2), level, seed) >> 8) / 16777216.0;
    }
    vec4 x = mix(vec4(n[0], n[2], n[4], n[6]), vec4(n[1], n[3], n[5], n[7]), t.x);
    vec2 y = mix(x.xz, x.yw, t.y);
    return mix(y.x, y.y, t.z);
}

// footprint_m: a pixel's width at that distance. Result 0..1, mean 0.5.
float detail_noise(vec3 position_m, float footprint_m, uint seed) {
    float level = log2(max(footprint_m, 1e-4) * 4.0);
    float lower = floor(level);
    float t = level - lower;
    return mix(lattice_noise(position_m, int(lower), seed), lattice_noise(position_m, int(lower) + 1, seed), t);
}
