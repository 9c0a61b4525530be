// A shadow map: 0 near, 1 far.
layout(location = 0) out float distance_ratio;

void main() {
    distance_ratio = gl_FragCoord.z;
}
