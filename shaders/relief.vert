// A picture's relief: its pixels at their depths, seen from another eye. A place of the picture and an inverse depth are
// a point in homogeneous coordinates, so that the sky is a direction and needs no distance.
in vec3 in_place; // across and down the picture, 0..1 within it; inverse depth in 1/m
in float in_edge;

out vec2 place;
out float edge;
out vec2 scaled_depth;

const float NEAREST_M = 0.05; // there is no far plane: the sky is just before what was cleared

void main() {
    vec3 ray = ray_origin + ray_right * (in_place.x - 0.5) - ray_up * (in_place.y - 0.5);
    vec4 clip = clip_from_stage * vec4(eye_m * in_place.z + ray, in_place.z);
    place = vec2(in_place.x, 1.0 - in_place.y);
    edge = in_edge;
    scaled_depth = vec2(clip.w, in_place.z);
    gl_Position = vec4(clip.xy, 0.99999 * clip.w - 2.0 * NEAREST_M * in_place.z, clip.w);
}
