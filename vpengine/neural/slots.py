"""What a request and its answer lie in, side by side: shared memory for another process, or the engine's own."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import prod
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from secrets import token_hex
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vpengine.frames.grade_table import SHAPE
from vpengine.frames.images import Room
from vpengine.frames.pixels import Pixels, Where

if sys.platform == "linux":
    import fcntl

FOLDER = Path("/dev/shm")  # where Linux shows its shared memory
PREFIX = "vpengine-"
YOUNG_S = 10.0  # a segment may be seen before its engine has locked it


@dataclass(frozen=True)
class SlotLayout:
    """Arrays of one slot for pictures of ``resolution`` (width, height), or with fewer pixels: name, shape, type.

    current: also for what is on the walls already.

    Pictures lie as textures do, row 0 at the bottom and with four channels, so that the frame need only move them: the
    worker has the time to turn them.
    """

    resolution: tuple[int, int]
    current: bool = False

    @property
    def arrays(self) -> tuple[tuple[str, tuple[int, ...], type[np.generic]], ...]:
        width, height = self.resolution
        return (
            ("color_noise", (height, width, 4), np.float16),
            ("depth", (height, width, 1), np.float32),
            ("gain", (height, width, 4), np.float16),
            ("bias", (height, width, 4), np.float16),
            ("grade", (*SHAPE, 3, 4), np.float32),
            ("evidence", SHAPE, np.float32),
            *([("current", (height, width, 4), np.float16)] if self.current else []),
        )

    @property
    def size(self) -> int:
        return sum(_aligned(prod(shape) * np.dtype(kind).itemsize) for _, shape, kind in self.arrays)


def _aligned(size: int) -> int:
    return -(-size // 64) * 64


class AnySlot(Protocol):
    """Arrays by the names in ``layout``. lives: where, as Pixels say it."""

    @property
    def name(self) -> str: ...

    @property
    def layout(self) -> SlotLayout: ...

    @property
    def lives(self) -> Where: ...

    def __getitem__(self, array: str) -> NDArray[Any]: ...

    def close(self) -> None: ...


Slots = Sequence[AnySlot]
Memory = Callable[[int], NDArray[np.uint8]]  # so many bytes, that stay while somebody has the array


class LentSlot:
    """One slot in memory of this process, for a worker that is a thread of it."""

    name = ""

    def __init__(self, layout: SlotLayout, memory: Memory, lives: Where = "lent") -> None:
        """memory: gives it, which ``lives`` says the kind of. Raises MemoryError when it is not to be had."""
        self.layout, self.lives = layout, lives
        self._arrays, offset, whole = dict[str, NDArray[Any]](), 0, memory(layout.size)
        for array, shape, kind in layout.arrays:
            nbytes = prod(shape) * np.dtype(kind).itemsize
            self._arrays[array] = whole[offset : offset + nbytes].view(kind).reshape(shape)
            offset += _aligned(nbytes)

    def __getitem__(self, array: str) -> NDArray[Any]:
        return self._arrays[array]

    def close(self) -> None:
        """It goes with the last who has an array of it: a thread that hangs still may."""


class Slot:
    """One slot, mapped into this process. The engine creates and unlinks it, the worker attaches by name."""

    lives: Where = "shared memory"

    def __init__(self, layout: SlotLayout, name: str | None = None) -> None:
        """Raises OSError when the memory is not to be had."""
        self._owner = name is None
        self.name = name or f"{PREFIX}{os.getpid()}-{token_hex(4)}"
        self._memory = SharedMemory(self.name, create=self._owner, size=layout.size if self._owner else 0)
        self._lock = self._reserve(layout.size) if self._owner and sys.platform == "linux" else None
        self.layout = layout
        self._arrays: dict[str, NDArray[Any]] = {}
        offset = 0
        for array, shape, kind in layout.arrays:
            self._arrays[array] = np.ndarray(shape, kind, self._memory.buf, offset)
            offset += _aligned(self._arrays[array].nbytes)

    def _reserve(self, size: int) -> int:
        """All of it now: Linux promises memory, and kills who writes where there is none. The file keeps a lock."""
        file = os.open(FOLDER / self.name, os.O_RDWR)
        try:
            os.posix_fallocate(file, 0, size)
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            self._memory.close()
            self._memory.unlink()
            raise
        return file

    def __getitem__(self, array: str) -> NDArray[Any]:
        return self._arrays[array]

    def close(self) -> None:
        """Unmap; the owner gives the memory back. A second call does nothing."""
        self._arrays.clear()  # the views must go before the memory can
        with suppress(BufferError):  # somebody has one still: then it goes with him
            self._memory.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
        if self._owner:
            self._owner = False
            self._memory.unlink()


def pixels_of(slot: AnySlot, array: str, resolution: tuple[int, int]) -> Pixels:
    """One of a slot's pictures, of ``resolution``. Raises ValueError where the slot is too small for it."""
    return Pixels(slot[array], bottom_up=True, lives=slot.lives).sized(resolution)


def room_of(slot: AnySlot, resolution: tuple[int, int]) -> Room:
    """Where a request's plate lies in a slot."""
    current = pixels_of(slot, "current", resolution) if slot.layout.current else None
    return Room(pixels_of(slot, "color_noise", resolution), pixels_of(slot, "depth", resolution), current)


def clear_stale() -> int:
    """Give back the shared memory of engines that were killed; how many pieces of it. Those at work hold a lock."""
    if sys.platform != "linux":  # elsewhere it ends with the processes that use it
        return 0
    return sum(_cleared(path) for path in FOLDER.glob(f"{PREFIX}*"))


def _cleared(path: Path) -> bool:
    with suppress(OSError):  # in use, or another user's
        if time.time() - path.stat().st_mtime < YOUNG_S:
            return False
        file = os.open(path, os.O_RDWR)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
        finally:
            os.close(file)
        return True
    return False
