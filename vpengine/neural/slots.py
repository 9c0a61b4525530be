"""Shared memory between the engine and the neural process: a request and its answer, side by side in one slot."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from multiprocessing.shared_memory import SharedMemory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vpengine.frames.grade_table import SHAPE


@dataclass(frozen=True)
class SlotLayout:
    """Arrays of one slot for pictures of ``resolution`` (width, height): name, shape, type."""

    resolution: tuple[int, int]

    @property
    def arrays(self) -> tuple[tuple[str, tuple[int, ...], type[np.generic]], ...]:
        width, height = self.resolution
        return (
            ("color", (height, width, 3), np.float16),
            ("depth_m", (height, width), np.float32),
            ("noise", (height, width), np.float16),
            ("gain", (height, width, 3), np.float16),
            ("bias", (height, width, 3), np.float16),
            ("grade", (*SHAPE, 3, 4), np.float32),
            ("evidence", SHAPE, np.float32),
        )

    @property
    def size(self) -> int:
        return sum(_aligned(prod(shape) * np.dtype(kind).itemsize) for _, shape, kind in self.arrays)


def _aligned(size: int) -> int:
    return -(-size // 64) * 64


class Slot:
    """One slot, mapped into this process. The engine creates and unlinks it, the worker attaches by name."""

    def __init__(self, layout: SlotLayout, name: str | None = None) -> None:
        self._memory = SharedMemory(name, create=name is None, size=0 if name else layout.size)
        self._owner = name is None
        self.name = self._memory.name
        self._arrays: dict[str, NDArray[Any]] = {}
        offset = 0
        for array, shape, kind in layout.arrays:
            self._arrays[array] = np.ndarray(shape, kind, self._memory.buf, offset)
            offset += _aligned(self._arrays[array].nbytes)

    def __getitem__(self, array: str) -> NDArray[Any]:
        return self._arrays[array]

    def close(self) -> None:
        """Unmap; the owner gives the memory back. A second call does nothing."""
        self._arrays.clear()  # the views must go before the memory can
        self._memory.close()
        if self._owner:
            self._owner = False
            self._memory.unlink()
