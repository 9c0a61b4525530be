"""Pixels come down without anybody waiting: a copy is begun, a fence tells when it is there, and then it is taken.

A graphics card copies into a pixel pack buffer while the frame goes on. Software OpenGL does not: it waits for the
draws and copies at once when asked to (1920 x 1080 RGBA16F and R32F on llvmpipe: 3.6 ms to begin, and all that is drawn
before it, and 3.5 ms again to take). There only the fence is set, and the texture itself is read when it has passed:
0.05 ms to begin, 3.7 ms to take, which is what reading it cost before, without the wait. But it reads only when it
draws nothing: what is ready is best taken first in a frame, when nothing of the frame is drawn yet.

Where OpenGL and CUDA share the card's memory, the card itself carries a buffer on into page-locked memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import moderngl
import numpy as np
from numpy.typing import NDArray

from vpengine.frames.pixels import Pixels
from vpengine.gpu.context import is_software
from vpengine.gpu.cuda import CudaError, SharedBuffer
from vpengine.gpu.fence import Fence
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.transfer import DTYPES

RING = 2  # read-backs in flight; the generator takes one while the next is drawn


@dataclass
class _Copy:
    """One read-back in flight; ``read`` puts its pixels into an array of the texture's shape."""

    read: Callable[[NDArray[Any]], None]
    fence: Fence
    buffer: moderngl.Buffer | None = None  # where they are meanwhile


class ReadBack:
    """Brings down textures of one size and type, in the order in which they were begun. Main thread only."""

    def __init__(
        self, gpu: Gpu, size: tuple[int, int], dtype: str = "f2", components: int = 4, ring: int = RING
    ) -> None:
        """size: (width, height). dtype, components: the textures', as moderngl names them."""
        self._gpu = gpu
        self._kind = (size, dtype, components)
        self._ring = ring
        self._copies: deque[_Copy] = deque()
        self._shape = (size[1], size[0], components)
        self._pixels: deque[NDArray[Any]] = deque(maxlen=ring)
        self._buffers: deque[moderngl.Buffer] = deque()
        self._carrying: dict[int, SharedBuffer] = {}  # by the buffers' names
        self._lends_texture = is_software(gpu.context)

    def begin(self, texture: moderngl.Texture) -> bool:
        """Ask for a texture's pixels as they are after all draws so far; False when as many are in flight as may be.

        The texture must stay as it is until it has been taken: where copies are made only then (see above).
        Raises ValueError for a texture of another size or type.
        """
        kind = (texture.size, texture.dtype, texture.components)
        if kind != self._kind:
            raise ValueError(f"read-back of {self._kind}, given {kind}")
        if len(self._copies) >= self._ring:
            return False
        buffer = None if self._lends_texture else self._copied(texture)
        read = self._read_of(texture) if buffer is None else _read_from(buffer)
        self._copies.append(_Copy(read, Fence(self._gpu), buffer))
        return True

    def ready(self) -> bool:
        """Whether the one begun first is there, so that ``take`` will not wait."""
        return bool(self._copies) and self._copies[0].fence.passed()

    def take(self, into: NDArray[Any] | None = None) -> NDArray[Any]:
        """The pixels (height, width, components) of the one begun first; waits when it is not ``ready``.

        On software OpenGL also for all that is being drawn: take before a frame's first draw.

        into: an array of that shape, filled with row 0 at the top. Without it the rows are as they lie, row 0 at the
        bottom, in an array that is used again for the ``ring``-th read-back after this one.
        Raises ValueError when none was begun.
        """
        copy = self._next()
        pixels = self._array()
        copy.read(pixels)
        if into is None:
            return pixels
        np.copyto(into, pixels[::-1])
        return into

    def take_rows(self, into: Pixels) -> None:
        """As ``take``, with the rows as they lie, row 0 at the bottom: ``into`` (C order) is all that they pass.

        They are in page-locked memory only after ``Cuda.wait``, which is for who reads them there: this does not wait.
        """
        copy = self._next()
        if into.lives != "pinned memory" or copy.buffer is None or not self._carried(copy.buffer, into.stored):
            copy.read(into.stored)

    def _carried(self, buffer: moderngl.Buffer, into: NDArray[Any]) -> bool:
        """Whether the card does it; not where it shares nothing, nor any more when it fails."""
        cuda = self._gpu.cuda
        if cuda is None:
            return False
        try:
            if buffer.glo not in self._carrying:
                self._carrying[buffer.glo] = cuda.share(buffer)
            with self._carrying[buffer.glo].mapped() as memory:
                cuda.fetch(memory, into.reshape(-1).view(np.uint8))
        except CudaError as error:
            self._gpu.stop_sharing(str(error))
            return False
        return True

    def _next(self) -> _Copy:
        """The one begun first, once it is there."""
        if not self._copies:
            raise ValueError("no read-back was begun")
        copy = self._copies.popleft()
        copy.fence.wait()
        copy.fence.release()
        return copy

    def forget(self) -> None:
        """Nobody wants those in flight any more."""
        while self._copies:
            self._copies.popleft().fence.release()

    def release(self) -> None:
        self.forget()
        for shared in self._carrying.values():
            with suppress(CudaError):  # the card has gone
                shared.release()
        self._carrying.clear()
        while self._buffers:
            self._buffers.popleft().release()

    def _array(self) -> NDArray[Any]:
        """The oldest again, once there are as many as the ring is long: making one anew costs as much as filling it."""
        if len(self._pixels) < self._ring:
            self._pixels.append(np.empty(self._shape, DTYPES[self._kind[1]]))
        else:
            self._pixels.rotate(-1)
        return self._pixels[-1]

    def _copied(self, texture: moderngl.Texture) -> moderngl.Buffer:
        """Begin the copy into a buffer, the one that was taken longest ago."""
        if len(self._buffers) < self._ring:
            nbytes = int(np.prod(self._shape)) * np.dtype(DTYPES[self._kind[1]]).itemsize
            self._buffers.append(self._gpu.context.buffer(reserve=nbytes, dynamic=True))
        else:
            self._buffers.rotate(-1)
        buffer = self._buffers[-1]
        texture.read_into(buffer, alignment=1)
        return buffer

    def _read_of(self, texture: moderngl.Texture) -> Callable[[NDArray[Any]], None]:
        return lambda pixels: texture.read_into(pixels.data.cast("B"), alignment=1)


def _read_from(buffer: moderngl.Buffer) -> Callable[[NDArray[Any]], None]:
    return lambda pixels: buffer.read_into(pixels.data.cast("B"))
