"""Uniform buffers of one pass: none is rewritten between two draws of a frame, nor while the last frame may read it.

A driver that is asked to rewrite a buffer which a draw still reads waits for the draw, or copies behind one's back.
"""

from __future__ import annotations

from collections import deque

import moderngl

IN_FLIGHT = 2  # frames: a buffer is written again when the frame after its own has begun and ended
MOST = 64  # buffers of a pass; with more draws in two frames than that, the oldest is given new memory by the driver


class FrameCount:
    """Which frame is being drawn: one for all passes of a rendering context."""

    number = 0


class UniformRing:
    """Buffers of one size, oldest first; grows to what two frames need."""

    def __init__(self, context: moderngl.Context, size: int, frames: FrameCount) -> None:
        self._context = context
        self._size = size
        self._frames = frames
        self._used: deque[tuple[int, moderngl.Buffer]] = deque()

    def __len__(self) -> int:
        return len(self._used)

    def next(self) -> moderngl.Buffer:
        """A buffer for one draw of this frame."""
        buffer = self._free()
        self._used.append((self._frames.number, buffer))
        return buffer

    def _free(self) -> moderngl.Buffer:
        free = bool(self._used) and self._used[0][0] <= self._frames.number - IN_FLIGHT
        if not free and len(self._used) < MOST:
            return self._context.buffer(reserve=self._size, dynamic=True)
        _, buffer = self._used.popleft()
        if not free:
            buffer.orphan()  # the draw in flight keeps what it was given
        return buffer
