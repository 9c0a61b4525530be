"""The clocks that say when a frame begins and when it will be seen."""

from __future__ import annotations

import time
from fractions import Fraction
from typing import Protocol

from vpengine.frames.frame_input import Tick


class Clock(Protocol):
    """next: wait until a frame is due. wait_display: wait until it is to be seen."""

    skipped: int

    def next(self) -> Tick: ...

    def wait_display(self, tick: Tick) -> None: ...


class PacedClock:
    """Frames at the stage's rate by the monotonic clock. A frame begins one period before it is seen.

    Behind by more than a period, it goes on with the frame that is due: numbers left out are counted as skipped.
    """

    def __init__(self, rate: Fraction) -> None:
        self._rate = rate
        self._start_s: float | None = None
        self._number = -1
        self.skipped = 0

    def next(self) -> Tick:
        now_s = time.monotonic()
        if self._start_s is None:
            self._start_s = now_s
        self._number += 1
        due = int((now_s - self._start_s) * self._rate)
        if due > self._number:
            self.skipped += due - self._number
            self._number = due
        begin_s = self._start_s + float(self._number / self._rate)
        sleep_until(begin_s)
        return Tick(self._number, begin_s + float(1 / self._rate), self._rate)

    def wait_display(self, tick: Tick) -> None:
        sleep_until(tick.display_time_s)


class VsyncClock(PacedClock):
    """As PacedClock, but the output's own swap waits for the display."""

    def wait_display(self, tick: Tick) -> None:
        del tick


class UnpacedClock:
    """Frames as fast as they can be drawn; each is for the moment at which it is drawn."""

    def __init__(self, rate: Fraction) -> None:
        self._rate = rate
        self._number = -1
        self.skipped = 0

    def next(self) -> Tick:
        self._number += 1
        return Tick(self._number, time.monotonic(), self._rate)

    def wait_display(self, tick: Tick) -> None:
        del tick


def sleep_until(time_s: float) -> None:
    """Sleep to a moment of the monotonic clock; the last millisecond in short naps, which come back on time."""
    while (left_s := time_s - time.monotonic()) > 0.0:
        time.sleep(left_s - 0.001 if left_s > 0.002 else min(left_s, 0.0005))
