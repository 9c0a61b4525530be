"""When pictures are due: the engine's clock for threads that wait by it, and the schedule of what is played."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from fractions import Fraction

LONGEST_WAIT_S = 0.25  # of one call, so that a reader can be stopped
LEAD_S = 0.08  # so far ahead of its time a played picture is given out: a thread's jitter then moves no picture
BEHIND_S = 0.5  # what is further behind is not caught up with: its schedule begins later


class Pace:
    """The engine's monotonic clock, and waits that end at once when a reader stops."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._stop = threading.Event()

    def now_s(self) -> float:
        return self._clock()

    def wait_until(self, time_s: float) -> bool:
        """Wait, at most LONGEST_WAIT_S. Whether it is ``time_s`` now."""
        wait_s = time_s - self.now_s()
        if wait_s > 0.0:
            self._stop.wait(min(wait_s, LONGEST_WAIT_S))
        return self.now_s() >= time_s

    def stop(self) -> None:
        self._stop.set()

    @property
    def stopped(self) -> bool:
        return self._stop.is_set()


class Schedule:
    """Picture ``index`` (a fraction between two, where a file's rate varies) is due at start + index / rate.

    The time of each is reckoned from the start and never from the one before, so that ten hours drift by nothing.
    """

    def __init__(self, rate: Fraction, pace: Pace) -> None:
        self.rate = rate
        self._pace = pace
        self.start_s = pace.now_s() + LEAD_S  # the first can be there in time
        self.shifted_s = 0.0

    def time_s(self, index: Fraction | int) -> float:
        return self.start_s + float(index / self.rate)

    def wait(self, index: Fraction | int) -> bool:
        """Wait a while for when ``index`` is to be given out; whether it is."""
        behind_s = self._pace.now_s() - self.time_s(index)
        if behind_s > BEHIND_S:  # the machine slept, or decodes slower than this is played
            self.start_s += behind_s
            self.shifted_s += behind_s
        return self._pace.wait_until(self.time_s(index) - LEAD_S)

    def newest(self) -> int:
        """The whole index whose time it is, or was last: what a camera that cannot keep up goes on with."""
        return int((self._pace.now_s() - self.start_s) * self.rate)
