"""FeedReader: finished pictures come down, in order, up to three frames after they were shown, without a wait."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from vpengine.frames.pixels import Pixels
from vpengine.gpu.context import is_software
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.readback import ReadBack
from vpengine.gpu.transfer import DTYPES

IN_FLIGHT = 3  # pixel buffers: a card that is further behind than that leaves pictures out
SPARE = 4  # arrays that wait to be filled again: a new one costs as much as filling it

T = TypeVar("T")


class FeedReader(Generic[T]):
    """Reads the same textures' kinds over and over, several at once (color and depth). Main thread only.

    Once a frame, when it has been drawn: ``begin`` with what the picture is for, then ``collect``. On software OpenGL
    the end of a frame has been waited for by then, and the next one draws over the texture: it is read at once.
    """

    def __init__(self, gpu: Gpu) -> None:
        self._gpu = gpu
        self._now = is_software(gpu.context)
        self._reading: tuple[ReadBack, ...] = ()
        self._kinds: tuple[Any, ...] = ()
        self._for: deque[T] = deque()
        self._spare: deque[tuple[NDArray[Any], ...]] = deque(maxlen=SPARE)

    @property
    def pending(self) -> tuple[T, ...]:
        """What those in flight are for."""
        return tuple(self._for)

    def begin(self, what: T, textures: Sequence[Any]) -> bool:
        """Ask for the textures as they are; False when as many are in flight as may be.

        Textures of another size or type than before wait for those that are in flight: see ``fits``.
        """
        if not self.fits(textures):
            self._make(textures)
        if len(self._for) >= IN_FLIGHT:
            return False
        for reading, texture in zip(self._reading, textures, strict=True):
            reading.begin(texture)
        self._for.append(what)
        return True

    def fits(self, textures: Sequence[Any]) -> bool:
        """Whether they are of the kinds that are being read."""
        return self._kinds == tuple((each.size, each.dtype, each.components) for each in textures)

    def collect(self, wait: bool = False) -> Iterator[tuple[T, tuple[NDArray[Any], ...]]]:
        """What has come: what it is for, and arrays (height, width, components), row 0 at the bottom, to be kept.

        wait: for all that is in flight, at the end.
        """
        while self._for and (wait or self._now or all(reading.ready() for reading in self._reading)):
            arrays = self._arrays()
            for reading, array in zip(self._reading, arrays, strict=True):
                reading.take_rows(Pixels(array))
            yield self._for.popleft(), arrays

    def give_back(self, arrays: tuple[NDArray[Any], ...]) -> None:
        """They have been used, in any thread, and may be filled again."""
        self._spare.append(arrays)

    def _arrays(self) -> tuple[NDArray[Any], ...]:
        wanted = [((size[1], size[0], components), DTYPES[dtype]) for size, dtype, components in self._kinds]
        while self._spare:
            try:
                arrays = self._spare.popleft()
            except IndexError:  # the encoder's thread gave one back, and the oldest went, just now
                break
            if [(array.shape, array.dtype) for array in arrays] == [(shape, np.dtype(kind)) for shape, kind in wanted]:
                return arrays
        return tuple(np.empty(shape, kind) for shape, kind in wanted)

    def _make(self, textures: Sequence[Any]) -> None:
        self.release()
        self._kinds = tuple((each.size, each.dtype, each.components) for each in textures)
        self._reading = tuple(
            ReadBack(self._gpu, size, dtype, components, IN_FLIGHT) for size, dtype, components in self._kinds
        )

    def release(self) -> None:
        """What is in flight is given up; it may be used again after it."""
        for reading in self._reading:
            reading.release()
        self._reading, self._kinds = (), ()
        self._for.clear()
