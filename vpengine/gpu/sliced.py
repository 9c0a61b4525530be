"""A large texture that goes up a few rows a frame, so that no wall waits for it."""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Iterator, Sequence

import moderngl
import numpy as np
from numpy.typing import NDArray

from vpengine.errors import UserError
from vpengine.gpu.context import is_software
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.library import gl_library

log = logging.getLogger(__name__)

SLICE_BYTES = 2**23  # a frame's share: 1 to 3 ms
# Software GL fills a new texture with zeros in the frame that makes it, 0.4 to 1 s a GB; graphics cards do not.
SOFTWARE_BYTES = 400_000_000

_TEXTURE_2D, _MAX_LEVEL, _UNPACK_ALIGNMENT = 0x0DE1, 0x813D, 0x0CF5
_RGBA16F, _RGBA, _HALF_FLOAT = 0x881A, 0x1908, 0x140B


class SlicedTexture:
    """RGBA half float with its smaller levels, from images (height, width, 4), largest first, row 0 at the top."""

    def __init__(self, levels: Sequence[NDArray[np.float16]], what: str) -> None:
        """what: what errors are said to be about."""
        self._levels = list(levels)
        self._what = what
        self._steps: Iterator[None] | None = None
        self._texture: moderngl.Texture | None = None

    @property
    def texture(self) -> moderngl.Texture:
        assert self._texture is not None
        return self._texture

    def upload(self, gpu: Gpu) -> bool:
        """Do a frame's share; True while there is more to do. Raises UserError for what the driver cannot take."""
        self._steps = self._steps or self._upload(gpu)
        return next(self._steps, "done") is None

    def release(self) -> None:
        if self._texture is not None:
            _delete(self._texture)
        self._texture, self._steps, self._levels = None, None, []

    def _upload(self, gpu: Gpu) -> Iterator[None]:
        """Whatever is small goes up in one call."""
        self._refuse_too_large(gpu.context)
        if is_software(gpu.context):
            self._levels = self._affordable()
        left = SLICE_BYTES
        gpu.forget_errors()
        self._texture = _made(gpu.context, self._levels)
        gpu.refuse_errors(self._what)
        for number, level in enumerate(self._levels):
            step = max(1, SLICE_BYTES // level[0].nbytes)
            for top in range(0, len(level), step):
                rows = level[top : top + step]
                if rows.nbytes > left:
                    gpu.refuse_errors(self._what)
                    yield
                    gpu.forget_errors()
                    left = SLICE_BYTES
                _write(self.texture, rows, number, len(level) - top - len(rows))
                left -= rows.nbytes
        gpu.refuse_errors(self._what)
        self._levels = []  # the GPU has them now

    def _refuse_too_large(self, context: moderngl.Context) -> None:
        height, width = self._levels[0].shape[:2]
        largest = context.info["GL_MAX_TEXTURE_SIZE"]
        if max(width, height) > largest:
            raise UserError(
                f"{self._what}: {width} x {height} pixels (this graphics driver takes up to {largest} on a side)"
            )

    def _affordable(self) -> list[NDArray[np.float16]]:
        """The levels but for those that would stop the wall."""
        levels = self._levels
        while sum(level.nbytes for level in levels) > SOFTWARE_BYTES:
            levels = levels[1:]
        if len(levels) < len(self._levels):
            (height, width), (h, w) = self._levels[0].shape[:2], levels[0].shape[:2]
            log.warning("%s: %d x %d pixels are shown at %d x %d on software OpenGL.", self._what, width, height, w, h)
        return levels


def _made(context: moderngl.Context, levels: Sequence[NDArray[np.float16]]) -> moderngl.Texture:
    """All levels, with nothing in them: moderngl makes the first alone, and the others of what it has."""
    gl, name = gl_library(), ctypes.c_uint()
    gl.glGenTextures(1, ctypes.byref(name))
    height, width = levels[0].shape[:2]
    texture = context.external_texture(name.value, (width, height), 4, 0, "f2")
    texture.use(0)
    if _has_storage(context) and hasattr(gl, "glTexStorage2D"):
        gl.glTexStorage2D(_TEXTURE_2D, len(levels), _RGBA16F, width, height)
    else:  # OpenGL 4.1 of macOS; Windows' own library
        for number, level in enumerate(levels):
            rows, columns = level.shape[:2]
            gl.glTexImage2D(_TEXTURE_2D, number, _RGBA16F, columns, rows, 0, _RGBA, _HALF_FLOAT, None)
    gl.glTexParameteri(_TEXTURE_2D, _MAX_LEVEL, len(levels) - 1)
    texture.filter = (moderngl.LINEAR_MIPMAP_LINEAR, moderngl.LINEAR)
    texture.repeat_x = texture.repeat_y = False
    return texture


def _has_storage(context: moderngl.Context) -> bool:
    """A library has the function's name also where its driver does nothing at it."""
    return context.version_code >= 420 or "GL_ARB_texture_storage" in context.extensions


def _write(texture: moderngl.Texture, rows: NDArray[np.float16], level: int, bottom: int) -> None:
    """rows: from the top down; bottom: how many of the level's rows are below them."""
    gl, turned = gl_library(), np.ascontiguousarray(rows[::-1])
    texture.use(0)
    gl.glPixelStorei(_UNPACK_ALIGNMENT, 1)
    height, width = turned.shape[:2]
    pixels = ctypes.c_void_p(turned.ctypes.data)
    gl.glTexSubImage2D(_TEXTURE_2D, level, 0, bottom, width, height, _RGBA, _HALF_FLOAT, pixels)


def _delete(texture: moderngl.Texture) -> None:
    """moderngl leaves textures to their makers that it did not make."""
    gl_library().glDeleteTextures(1, ctypes.byref(ctypes.c_uint(texture.glo)))
    texture.release()
