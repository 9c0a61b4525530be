"""What is drawn into: a colour texture, optionally a depth texture (metres along the view axis) and a z-buffer."""

from __future__ import annotations

import moderngl

Texture = moderngl.Texture | moderngl.TextureArray | moderngl.Texture3D | moderngl.TextureCube

FAR_DEPTH = float("inf")


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
    ) -> None:
        self.size = size
        self.color = context.texture(size, components, dtype=dtype)
        self.color.filter = (moderngl.LINEAR, moderngl.LINEAR)
        self.color.repeat_x = self.color.repeat_y = False
        self.depth: moderngl.Texture | None = None
        attachments = [self.color]
        if depth:
            self.depth = context.texture(size, 1, dtype="f4")
            self.depth.filter = (moderngl.NEAREST, moderngl.NEAREST)
            self.depth.repeat_x = self.depth.repeat_y = False
            attachments.append(self.depth)
        self._z_buffer = context.depth_renderbuffer(size) if depth or z_buffer else None
        self.framebuffer = context.framebuffer(attachments, self._z_buffer)
        self._depth_only = context.framebuffer([self.depth]) if self.depth is not None else None

    def clear(self) -> None:
        """Colour to zero, depth to +inf (sky), z-buffer to far."""
        self.framebuffer.clear()
        if self._depth_only is not None:  # moderngl clears all of a framebuffer's attachments to one value
            self._depth_only.clear(red=FAR_DEPTH)

    def clear_marks(self) -> None:
        """The z-buffer alone to far."""
        self.framebuffer.color_mask = (False,) * 4
        self.framebuffer.clear()
        self.framebuffer.color_mask = (True,) * 4

    def release(self) -> None:
        for part in (self.framebuffer, self._depth_only, self.color, self.depth, self._z_buffer):
            if part is not None:
                part.release()
