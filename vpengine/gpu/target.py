"""What is drawn into: a colour texture, optionally a depth texture (metres along the view axis) and a z-buffer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import moderngl

from vpengine.errors import UserError
from vpengine.gpu.commands import Texture as Texture
from vpengine.gpu.commands import do, mask_each

FAR_DEPTH = float("inf")


@dataclass(frozen=True)
class Layer:
    """One of a target's textures, to be read."""

    color: moderngl.Texture
    size: tuple[int, int]


class Target:
    """Colour (RGBA half float by default) and, with ``depth``, R32F depth cleared to +inf, and a z-buffer."""

    def __init__(
        self,
        context: moderngl.Context,
        size: tuple[int, int],
        depth: bool = False,
        dtype: str = "f2",
        components: int = 4,
        z_buffer: bool = False,
        samples: int = 0,
        colors: int = 1,
    ) -> None:
        """samples: of each pixel, to be resolved into another target; 0 is one, which can be sampled itself.
        colors: how many textures of colour are drawn at once.

        Raises UserError for a size that the driver has no room for, or does not take at all.
        """
        self.size = size
        made: list[Any] = []  # given back where the rest cannot be made: it is tried again and again
        try:
            refuse_too_large(context, size)
            self.colors = [
                _texture(context, size, components, dtype, moderngl.LINEAR, made, samples) for _ in range(colors)
            ]
            self.color = self.colors[0]
            self.depth = _texture(context, size, 1, "f4", moderngl.NEAREST, made, samples) if depth else None
            self._z_buffer = context.depth_renderbuffer(size, samples=samples) if depth or z_buffer else None
            made += [self._z_buffer] if self._z_buffer is not None else []
            attachments = [*self.colors] if self.depth is None else [*self.colors, self.depth]
            self.framebuffer = context.framebuffer(attachments, self._z_buffer)
            made.append(self.framebuffer)
            self._depth_only = context.framebuffer([self.depth]) if self.depth is not None else None
        except Exception:  # whatever it is goes on up, and what was made before it is given back
            for part in made:
                (release_framebuffer if isinstance(part, moderngl.Framebuffer) else _release)(part)
            raise

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Each of the textures of colour that are drawn at once."""
        return tuple(Layer(color, self.size) for color in self.colors)

    def clear(self) -> None:
        """Colour to zero, depth to +inf (sky), z-buffer to far."""
        do(self.framebuffer.clear)
        if self._depth_only is not None:  # moderngl clears all of a framebuffer's attachments to one value
            do(partial(self._depth_only.clear, red=FAR_DEPTH))

    def copy(self, other: Target) -> None:
        """All of another's colour; it has the same size and format."""
        do(partial(self.framebuffer.ctx.copy_framebuffer, self.framebuffer, other.framebuffer))

    def wipe(self) -> None:
        """All to zero and the z-buffer to far, in one command: for who draws every pixel."""
        do(self.framebuffer.clear)

    def clear_marks(self) -> None:
        """The z-buffer alone to far."""
        do(self._clear_marks)

    def _clear_marks(self) -> None:
        kept = self.framebuffer.color_mask
        count = len(self.colors) + (self.depth is not None)
        mask_each(self.framebuffer, (False,) * 4 if count == 1 else ((False,) * 4,) * count)
        self.framebuffer.clear()
        self.framebuffer.color_mask = kept

    def release(self) -> None:
        for framebuffer in (self.framebuffer, self._depth_only):
            if framebuffer is not None:
                release_framebuffer(framebuffer)
        for part in (*self.colors, self.depth, self._z_buffer):
            if part is not None:
                part.release()


def largest_side(context: moderngl.Context) -> int:
    """Of a texture, in pixels."""
    return int(context.info["GL_MAX_TEXTURE_SIZE"])


def refuse_too_large(context: moderngl.Context, size: tuple[int, int]) -> None:
    """Raises UserError for (width, height) beyond the driver's limit: moderngl would make a texture that is none."""
    largest = largest_side(context)
    if max(size) > largest:
        raise UserError(f"{size[0]} x {size[1]} pixels; this graphics driver takes up to {largest} on a side")


def _texture(
    context: moderngl.Context,
    size: tuple[int, int],
    components: int,
    dtype: str,
    sampling: int,
    made: list[Any],
    samples: int = 0,
) -> moderngl.Texture:
    texture = context.texture(size, components, dtype=dtype, samples=samples)
    made.append(texture)
    if not samples:  # else it is only ever fetched
        texture.filter = (sampling, sampling)
        texture.repeat_x = texture.repeat_y = False
    return texture


def _release(part: Any) -> None:
    part.release()


class Atlas:
    """Several RGBA half-float textures of one size that are drawn together, part by part; all zero at first."""

    def __init__(self, context: moderngl.Context, size: tuple[int, int], textures: int) -> None:
        """Raises UserError for a size that the driver does not take."""
        self.size = size
        refuse_too_large(context, size)
        made: list[Any] = []
        try:
            self.colors = [_texture(context, size, 4, "f2", moderngl.LINEAR, made) for _ in range(textures)]
            self.framebuffer = context.framebuffer(self.colors)
            made.append(self.framebuffer)
            self.clear()
        except Exception:  # whatever it is goes on up, and what was made before it is given back
            for part in made:
                (release_framebuffer if isinstance(part, moderngl.Framebuffer) else _release)(part)
            raise

    def clear(self) -> None:
        """All of it to zero."""
        do(self.framebuffer.clear)

    def release(self) -> None:
        release_framebuffer(self.framebuffer)
        for color in self.colors:
            color.release()


class ShadowMap:
    """What a light sees: its z-buffer as a texture that compares, 1 where a point is lit and 0 where it is not."""

    def __init__(self, context: moderngl.Context, size: tuple[int, int]) -> None:
        self.texture = context.depth_texture(size)
        self.texture.compare_func = "<="
        self.texture.filter = (moderngl.LINEAR, moderngl.LINEAR)
        self.texture.repeat_x = self.texture.repeat_y = False
        self.framebuffer = context.framebuffer(depth_attachment=self.texture)

    def clear(self) -> None:
        """To far: everything is lit."""
        do(partial(self.framebuffer.clear, depth=1.0))

    def release(self) -> None:
        release_framebuffer(self.framebuffer)
        self.texture.release()


def release_framebuffer(framebuffer: moderngl.Framebuffer) -> None:
    """moderngl binds the last one again after it has made another: if that is gone, OpenGL notes an error.

    Nobody could tell it from a job's own, so a small one that stays is bound first.
    """
    context = framebuffer.ctx
    if context.fbo is framebuffer:
        if not isinstance(context.extra, moderngl.Framebuffer):
            context.extra = context.framebuffer([context.renderbuffer((1, 1))])
        context.extra.use()
    framebuffer.release()
