// How much of a pixel is covered by what of the world is nearer than the mark. Depth says it of a pixel's centre alone:
// where the edge runs within the pixel is found from the centres around it. What includes this has ``foreground``, of
// the picture's size, ``world_depth``, of any, and ``mark_m``.

const int FRONT_REACH = 3;
const float FRONT_SIGMA = 1.5;  // in pixels: a step of a staircase is a few pixels long
const float NO_SIDE = 1e-3;  // a slope below which what is thin has no inside

struct Front {
    float cover;
    ivec2 inward;  // to a pixel further within what is in front; 0 where the pixel is on no edge, or there is none
};

float front_depth(ivec2 at) {
    ivec2 size = textureSize(foreground, 0);
    return textureLod(world_depth, (vec2(clamp(at, ivec2(0), size - 1)) + 0.5) / vec2(size), 0.0).r;
}

bool is_front(ivec2 at) {
    return front_depth(at) < mark_m;
}

// The part of a pixel that lies on the side to which ``normal`` shows of a line, so far from the pixel's centre.
float half_plane_cover(float distance, vec2 normal) {
    float most = max(abs(normal.x), abs(normal.y)), least = max(min(abs(normal.x), abs(normal.y)), 1e-3);
    vec4 beyond = max(distance + 0.5 * vec4(most + least, most - least, least - most, -most - least), 0.0);
    return clamp(dot(beyond * beyond, vec4(1.0, -1.0, -1.0, 1.0)) / (2.0 * most * least), 0.0, 1.0);
}

// How far ``at`` is within what is in front, along ``inward``, where one surface passes through the mark: along a line
// over a plane 1 / depth is linear. ``otherwise`` where depth jumps.
float crossing(ivec2 at, ivec2 inward, vec2 normal, float otherwise) {
    float here = 1.0 / front_depth(at);
    float within = 1.0 / front_depth(at + inward), without = 1.0 / front_depth(at - inward);
    bool jumps = abs(within - 2.0 * here + without) >= 0.5 * abs(within - without);
    return jumps ? otherwise : (here - 1.0 / mark_m) / (0.5 * (within - without)) * dot(vec2(inward), normal);
}

bool on_front_edge(ivec2 at, bool own) {
    bool found = false;
    for (int y = -1; y <= 1; y++) {
        for (int x = -1; x <= 1; x++) found = found || is_front(at + ivec2(x, y)) != own;
    }
    return found;
}

// The mean and the slope of what is in front around a pixel, both weighted by a Gaussian, say where a straight edge is.
Front front_at(ivec2 at) {
    bool own = is_front(at);
    Front whole = Front(own ? 1.0 : 0.0, ivec2(0));
    if (!on_front_edge(at, own)) return whole;
    float total = 0.0, share = 0.0;
    vec2 slope = vec2(0.0);
    for (int y = -FRONT_REACH; y <= FRONT_REACH; y++) {
        for (int x = -FRONT_REACH; x <= FRONT_REACH; x++) {
            vec2 away = vec2(x, y);
            float weight = exp(-0.5 * dot(away, away) / (FRONT_SIGMA * FRONT_SIGMA));
            total += weight;
            if (is_front(at + ivec2(x, y))) {
                share += weight;
                slope += weight * away;
            }
        }
    }
    slope /= total * FRONT_SIGMA * FRONT_SIGMA;
    float steepness = length(slope);
    if (steepness < NO_SIDE) return whole;
    vec2 normal = slope / steepness;
    ivec2 inward = ivec2(round(normal / max(abs(normal.x), abs(normal.y))));
    float distance = crossing(at, inward, normal, (share / total - 0.5) / steepness);
    bool straight = (distance > 0.0) == own;  // else it is a corner, or thin, and as hard as depth is
    float cover = straight ? half_plane_cover(distance, normal) : whole.cover;
    return Front(cover, is_front(at + inward) ? inward : ivec2(0));
}
