// The light on a vertex of the stage (vpengine/compose/stage_light.py), divided by pi, so that it only wants a
// reflectance to be radiance; in alpha, how open it is to the walls. The table holds it row by row.
vec4 light_on(sampler3D irradiance, int vertex) {
    int width = textureSize(irradiance, 0).x;
    return texelFetch(irradiance, ivec3(vertex % width, vertex / width, 0), 0);
}
