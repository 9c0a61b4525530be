// A glTF scene's light; the twins of the first two are vpengine/plates/gltf/environment.py. MIRROR_SIDE, ROUGHEST: the
// mirrors' size, and the number of the last of them. CLOUDED_GROUND: below the horizon, of the zenith under clouds.
uniform sampler3D mirrors;

// Irradiance over pi towards a direction and away from it, as their half sum and half difference (Ramamoorthi &
// Hanrahan 2001): the odd band alone changes sign.
vec3 irradiance_even(vec3 n) {
    return 0.282095 * irradiance[0] + 1.092548 * (n.x * n.y * irradiance[4] + n.y * n.z * irradiance[5] +
        n.x * n.z * irradiance[7]) + 0.315392 * (3.0 * n.z * n.z - 1.0) * irradiance[6] +
        0.546274 * (n.x * n.x - n.y * n.y) * irradiance[8];
}

vec3 irradiance_odd(vec3 n) {
    return 0.488603 * (n.y * irradiance[1] + n.z * irradiance[2] + n.x * irradiance[3]);
}

vec2 octahedral(vec3 direction) {
    vec3 at = direction / (abs(direction.x) + abs(direction.y) + abs(direction.z));
    vec2 sides = vec2(at.x >= 0.0 ? 1.0 : -1.0, at.y >= 0.0 ? 1.0 : -1.0);
    return at.z >= 0.0 ? at.xy : (1.0 - abs(at.yx)) * sides;
}

// What a mirror of a roughness shows in a direction, under the View's light.
vec3 mirrored(vec3 direction, float roughness) {
    vec2 at = (octahedral(direction) * 0.5 + 0.5) * (MIRROR_SIDE - 1.0) / MIRROR_SIDE + 0.5 / MIRROR_SIDE;
    float layer = (roughness * ROUGHEST + 0.5) / (ROUGHEST + 1.0);
    vec3 clear = textureLod(mirrors, vec3(at, layer), 0.0).rgb;
    vec3 clouds = overcast * (direction.z > 0.0 ? 0.6 + 0.4 * direction.z : CLOUDED_GROUND);
    return mix(clear, clouds, covered) * sky_tint + sky_glow;
}

// The split sum's second factor: scale and bias of the reflectance (Karis, "Physically Based Shading on Mobile", 2014).
vec2 split_sum(float facing, float roughness) {
    vec4 r = roughness * vec4(-1.0, -0.0275, -0.572, 0.022) + vec4(1.0, 0.0425, 1.04, -0.04);
    float a = min(r.x * r.x, exp2(-9.28 * facing)) * r.x + r.y;
    return vec2(-1.04, 1.04) * a + r.zw;
}
