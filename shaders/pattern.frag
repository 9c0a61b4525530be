// Test patterns: colour is a formula of the direction from the pattern's middle. Twin: vpengine/plates/pattern.py.
in vec2 uv;

layout(location = 0) out vec4 out_color;
layout(location = 1) out float out_depth;

const float CELLS = 8.0;

vec3 waves(vec3 direction) {
    return 0.35 + 0.22 * sin(normalize(direction) * wave + vec3(0.0, 1.0, 2.0));
}

vec3 checker(vec3 direction) {
    vec3 size = abs(direction);
    int axis = size.x >= size.y && size.x >= size.z ? 0 : size.y >= size.z ? 1 : 2;
    float a = direction[axis == 0 ? 1 : 0] / size[axis];
    float b = direction[axis == 2 ? 1 : 2] / size[axis];
    float cell = mod(floor(a * CELLS / 2.0) + floor(b * CELLS / 2.0), 2.0);
    bool arrow = abs(a) < (0.5 - b) * 0.5 && abs(b) < 0.5;
    return faces[2 * axis + (direction[axis] < 0.0 ? 1 : 0)] * (arrow ? 1.4 : 0.55 + 0.45 * cell);
}

// The far side of the sphere or box from inside it; nothing where an eye outside looks past it.
float reach(vec3 start, vec3 ray) {
#if CHECKER
    vec3 far = (sign(ray) * radius_m - start) / ray;
    return min(min(ray.x == 0.0 ? 1e9 : far.x, ray.y == 0.0 ? 1e9 : far.y), ray.z == 0.0 ? 1e9 : far.z);
#else
    float a = dot(ray, ray), b = dot(ray, start), c = dot(start, start) - radius_m * radius_m;
    float inside = b * b - a * c;
    return inside < 0.0 ? -1.0 : (-b + sqrt(inside)) / a;
#endif
}

void main() {
    vec3 ray = stage_ray_from_ndc * vec3(uv * 2.0 - 1.0, 1.0);
    vec3 start = eye_m - center_m;
    float depth = radius_m > 0.0 ? reach(start, ray) : -1.0;
    vec3 direction = depth > 0.0 ? start + ray * depth : ray;
#if CHECKER
    out_color = vec4(checker(direction), 1.0);
#else
    out_color = vec4(waves(direction), 1.0);
#endif
    out_depth = depth > 0.0 ? depth : uintBitsToFloat(0x7F800000u);
}
