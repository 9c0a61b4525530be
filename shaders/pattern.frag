// Test patterns: colour is a formula of the direction from the pattern's middle. Twin: vpengine/plates/pattern.py.
in vec2 uv;

layout(location = 0) out vec4 out_color;
layout(location = 1) out float out_depth;

const float TURN = 6.283185307179586;

vec3 waves(vec3 direction) {
    return 0.35 + 0.22 * sin(normalize(direction) * wave + vec3(0.0, 1.0, 2.0));
}

// Which face of the box a direction meets, and where on it, -1 to 1 each way.
int face(vec3 direction, out vec2 place) {
    vec3 size = abs(direction);
    int axis = size.x >= size.y && size.x >= size.z ? 0 : size.y >= size.z ? 1 : 2;
    place = vec2(direction[axis == 0 ? 1 : 0], direction[axis == 2 ? 1 : 2]) / size[axis];
    return 2 * axis + (direction[axis] < 0.0 ? 1 : 0);
}

vec3 checker(vec3 direction) {
    vec2 place;
    int side = face(direction, place);
    float a = place.x, b = place.y;
    float cell = mod(floor(a * CELLS / 2.0) + floor(b * CELLS / 2.0), 2.0);
    bool arrow = abs(a) < (0.5 - b) * 0.5 && abs(b) < 0.5;
    return faces[side] * (arrow ? 1.4 : 0.55 + 0.45 * cell);
}

float ramp(vec3 direction) {
    float along = clamp(degrees(atan(direction.x, direction.y)) / span_deg + 0.5, 0.0, 1.0);
    return steps > 0.0 ? min(floor(along * steps), steps - 1.0) / (steps - 1.0) : along;
}

float lines(float phase) {
    return BLACK + (1.0 - BLACK) * (0.5 + 0.5 * sin(TURN * fract(phase)));
}

float star(vec2 at) {
    float radius = length(at);
    return radius > STAR_HUB && radius < STAR ? lines(atan(at.y, at.x) * SECTORS / TURN) : GROUND;
}

float pairs(vec2 at) {
    float along = (at.x + PAIRS_SIDE) / (2.0 * PAIRS_SIDE) * PAIRS;
    float column = clamp(floor(along), 0.0, PAIRS - 1.0);
    float period_deg = finest_deg * exp2(PAIRS - 1.0 - column);
    float across_deg = (at.y > 0.0 ? at.x : at.y) * degrees(2.0 / FOCUS_CELLS);
    bool inside = max(abs(at.x), abs(at.y)) < PAIRS_SIDE && abs(at.y) > PAIRS_GAP;
    inside = inside && abs(along - column - 0.5) < 0.5 - PAIRS_GAP * PAIRS;
    return inside ? lines(across_deg / period_deg) : GROUND;
}

float focus(vec3 direction) {
    vec2 place;
    face(direction, place);
    place = (place + 1.0) * FOCUS_CELLS / 2.0;
    vec2 cell = clamp(floor(place), 0.0, FOCUS_CELLS - 1.0);
    return mod(cell.x + cell.y, 2.0) == 0.0 ? star(place - cell - 0.5) : pairs(place - cell - 0.5);
}

vec3 pattern(vec3 direction) {
#if STYLE == 0
    return waves(direction);
#elif STYLE == 1
    return checker(direction);
#elif STYLE == 2
    return vec3(level);
#elif STYLE == 3
    return vec3(level * ramp(direction));
#else
    return vec3(level * focus(direction));
#endif
}

// The far side of the sphere or box from inside it; nothing where an eye outside looks past it.
float reach(vec3 start, vec3 ray) {
#if BOX
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
    out_color = vec4(pattern(direction), 1.0);
    out_depth = depth > 0.0 ? depth : uintBitsToFloat(0x7F800000u);
}
