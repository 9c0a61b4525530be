"""What each job costs: milliseconds of the main thread, and of the graphics card where it has a clock of its own."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

from vpengine.gpu.gpu import Gpu

KEPT = 240  # of each job, the newest: ten seconds at 24 frames a second
MOST_NAMES = 256
LATER = 4  # frames until a query is read: drivers queue three, and reading an unfinished one would wait for it
_LONG_NUMBER = re.compile(r"\d{3,}")


class JobTimes:
    """cpu_ms, gpu_ms: the newest KEPT, oldest first."""

    def __init__(self) -> None:
        self.cpu_ms: deque[float] = deque(maxlen=KEPT)
        self.gpu_ms: deque[float] = deque(maxlen=KEPT)

    def summary(self) -> dict[str, float | None]:
        return {"cpu_ms_p50": _p50(self.cpu_ms), "gpu_ms_p50": _p50(self.gpu_ms)}


class Timings(dict[str, JobTimes]):
    """By job name. Names that differ in a long number share a row; of too many, those not seen for longest go."""

    def of(self, name: str) -> JobTimes:
        row = _LONG_NUMBER.sub("#", name)
        times = self.pop(row, None) or JobTimes()
        if len(self) >= MOST_NAMES:
            del self[next(iter(self))]
        self[row] = times  # at the end: the first is the one not seen for longest
        return times

    def summary(self) -> dict[str, dict[str, float | None]]:
        """{name: {"cpu_ms_p50", "gpu_ms_p50"}}; None where nothing was measured."""
        return {name: times.summary() for name, times in self.items()}


class GpuTimers:
    """Timer queries that are read some frames later, so that nobody waits for them."""

    def __init__(self, gpu: Gpu) -> None:
        self._gpu = gpu
        self._frame = 0
        self._free: list[Any] = []
        self._running: deque[tuple[int, str, Any]] = deque()

    @contextmanager
    def around(self, name: str) -> Iterator[None]:
        """What is drawn inside is timed. Not to be nested: OpenGL has one such clock."""
        query = self._free.pop() if self._free else self._gpu.context.query(time=True)
        self._running.append((self._frame, name, query))
        with query:
            yield

    def collect(self) -> list[tuple[str, float]]:
        """A new frame begins; (name, milliseconds) of those that were drawn LATER frames ago."""
        self._frame += 1
        found = []
        while self._running and self._running[0][0] <= self._frame - LATER:
            _, name, query = self._running.popleft()
            found.append((name, query.elapsed / 1e6))
            self._free.append(query)
        return found


def _p50(values: deque[float]) -> float | None:
    return round(median(values), 3) if values else None
