// Lines of a constant width on the screen: two triangles along each.
in vec3 line_end_side;  // which line, which end (0, 1), which side (-1, 1)
out float across;

void main() {
    int index = int(line_end_side.x + 0.5);
    vec4 start = clip_from_stage * vec4(starts_m[index].xyz, 1.0);
    vec4 end = clip_from_stage * vec4(ends_m[index].xyz, 1.0);
    // Points behind the eye are pulled in front of it along the line.
    float near = 0.05;
    if (start.w < near) start = mix(end, start, (end.w - near) / (end.w - start.w));
    else if (end.w < near) end = mix(start, end, (start.w - near) / (start.w - end.w));
    vec2 along = (end.xy / end.w - start.xy / start.w) * picture_size;
    vec2 aside = vec2(-along.y, along.x) / max(length(along), 1e-6);
    vec4 at = line_end_side.y < 0.5 ? start : end;
    at.xy += aside * line_end_side.z * width_px / picture_size * at.w;
    across = line_end_side.z;
    gl_Position = at;
}
