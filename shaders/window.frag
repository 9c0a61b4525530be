// An output window: a region of a finished texture. ``origin`` is the region's lower left texel, ``size`` its texels.
in vec2 uv;
layout(location = 0) out vec4 color;

uniform sampler2D picture;

void main() {
    vec2 texel = origin + uv * size;
    color = exact == 1 ? texelFetch(picture, ivec2(floor(texel)), 0)
                       : texture(picture, texel / vec2(textureSize(picture, 0)));
}
