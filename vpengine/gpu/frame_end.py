"""The end of a frame: on software OpenGL it is waited for, on a graphics card only noted, and read when it has come."""

from __future__ import annotations

import ctypes
import time
from collections import deque
from dataclasses import dataclass
from functools import cache
from typing import Any

from vpengine.gpu.library import gl_library
from vpengine.gpu.sync import FOREVER_NS, Sync, flush, has_syncs, release_sync, set_sync, sync_passed

CLOCKS_S = 1.0  # how often the card's clock is compared with ours: they part by some microseconds in that time
_TIMESTAMP, _RESULT = 0x8E28, 0x8866


@dataclass
class _End:
    sync: Sync
    query: int


class FrameEnds:
    """Ends of frames that a graphics card may not have come to yet, oldest first. ``usable`` says where there are any.

    Each is a fence, which tells that it has passed, and a timestamp, which then tells when it did: whoever looks late
    (after a swap that waited for the display) still learns what the frame's work took.
    """

    def __init__(self) -> None:
        self._gl: Any = _functions()
        self._ends: deque[_End] = deque()
        self._free: list[int] = []
        self._clocks: tuple[float, int] | None = None  # the same moment: seconds of ours, nanoseconds of the card's

    @staticmethod
    def usable() -> bool:
        return _functions() is not None

    def __len__(self) -> int:
        return len(self._ends)

    def note(self) -> None:
        """What was asked so far is a frame; it is sent off."""
        now_s = time.monotonic()
        if self._clocks is None or now_s - self._clocks[0] > CLOCKS_S:
            self._clocks = (time.monotonic(), self._card_ns())
        query = self._free.pop() if self._free else self._made()
        self._gl.glQueryCounter(query, _TIMESTAMP)
        self._ends.append(_End(set_sync(), query))
        flush()

    def wait_for_all_but(self, newest: int) -> None:
        """Until only the ``newest`` may be unfinished; other threads run meanwhile."""
        while len(self._ends) > newest:
            end = self._ends.popleft()
            sync_passed(end.sync, FOREVER_NS)
            self._forget(end)

    def done_s(self) -> float:
        """When the newest was done, in seconds of the monotonic clock; now, where it is not done yet."""
        now_s = time.monotonic()
        if not self._ends or self._clocks is None or not sync_passed(self._ends[-1].sync, 0):
            return now_s
        found = ctypes.c_uint64()
        self._gl.glGetQueryObjectui64v(self._ends[-1].query, _RESULT, ctypes.byref(found))
        ours_s, card_ns = self._clocks
        return min(ours_s + 1e-9 * (found.value - card_ns), now_s)

    def release(self) -> None:
        while self._ends:
            self._forget(self._ends.popleft())
        for query in self._free:
            self._gl.glDeleteQueries(1, ctypes.byref(ctypes.c_uint(query)))
        self._free.clear()

    def _forget(self, end: _End) -> None:
        release_sync(end.sync)
        self._free.append(end.query)

    def _made(self) -> int:
        query = ctypes.c_uint()
        self._gl.glGenQueries(1, ctypes.byref(query))
        return query.value

    def _card_ns(self) -> int:
        found = ctypes.c_int64()
        self._gl.glGetInteger64v(_TIMESTAMP, ctypes.byref(found))
        return found.value


@cache
def _functions() -> Any | None:
    """The library, with the types of what is called here; None where it has them not (Windows' opengl32)."""
    try:
        gl = gl_library()
        for name, types in {
            "glGenQueries": [ctypes.c_int, ctypes.c_void_p],
            "glDeleteQueries": [ctypes.c_int, ctypes.c_void_p],
            "glQueryCounter": [ctypes.c_uint, ctypes.c_uint],
            "glGetQueryObjectui64v": [ctypes.c_uint, ctypes.c_uint, ctypes.c_void_p],
            "glGetInteger64v": [ctypes.c_uint, ctypes.c_void_p],
        }.items():
            getattr(gl, name).argtypes = types
            getattr(gl, name).restype = None
    except (OSError, AttributeError):
        return None
    return gl if has_syncs() else None
