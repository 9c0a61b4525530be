"""The clocks that say when a frame begins and when it will be seen."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from fractions import Fraction
from typing import Protocol

from vpengine.frames.frame_input import Tick
from vpengine.output.display import Display

EARLY, LATE = 0.5, 0.75  # frames: how much before it is due a number may be shown, and after, before it is left out
KEPT = 0.04  # frames; as much as jitter may move the prediction of a refresh
MARGIN = 0.25  # of a refresh period, after a refresh, in which nothing is presented


class Swapped(Protocol):
    """A swap that waited for a display: when it came back, and the number of its window."""

    @property
    def time_s(self) -> float: ...

    @property
    def window(self) -> int: ...


class Clock(Protocol):
    """next: wait until a frame is due. wait_display: wait until it may be presented. presented: it was, at ``time_s``.

    skipped: numbers that were left out.
    """

    @property
    def skipped(self) -> int: ...

    def next(self) -> Tick: ...

    def wait_display(self, tick: Tick) -> None: ...

    def presented(self, time_s: float) -> None: ...


class PacedClock:
    """Frames at the stage's rate by the monotonic clock. A frame begins one period before it is seen.

    Behind by more than a period, it goes on with the frame that is due: numbers left out are counted as skipped.
    """

    def __init__(self, rate: Fraction, latency_s: float = 0.0) -> None:
        """latency_s: from when a frame is presented until its light leaves the wall."""
        self._rate = rate
        self._latency_s = latency_s
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
        period_s = float(1 / self._rate)
        return Tick(self._number, begin_s + period_s + self._latency_s, self._rate, self._latency_s)

    def wait_display(self, tick: Tick) -> None:
        sleep_until(tick.present_s)

    def presented(self, time_s: float) -> None:
        del time_s


class DisplayClock:
    """Frames at the stage's rate on a display's own refreshes, whose swaps wait for it.

    A frame is presented for the refresh that will show it. Which refresh shows which number: the first at which the
    number is due, within half a frame, so that whole ratios have an even cadence (24 on 60: 2, 3, 2, 3). Where the
    display is slower than the stage, or not quite as fast, numbers are left out; where nothing waits for the display,
    frames are paced by the monotonic clock.
    """

    def __init__(
        self,
        rate: Fraction,
        refresh_hz: float,
        latency_s: float = 0.0,
        swapped: Callable[[], Swapped | None] | None = None,
    ) -> None:
        """refresh_hz: as the system says. latency_s: from a refresh until its light leaves the wall.

        swapped: the swap that paced this frame, where others follow it before the frame is over; None where none did.
        """
        self._swapped = swapped
        self._rate = rate
        self._latency_s = latency_s
        self._display = Display(refresh_hz)
        self._window: int | None = None  # whose swaps pace
        self._number = -1
        self._refresh = 0  # that shows the frame in work
        self._start_s = 0.0  # when number 0 was due
        self._kept = 0.0  # what was decided narrowly is decided likewise next time, so that jitter does not alternate
        self._offset = _offset(Fraction(float(rate) / refresh_hz).limit_denominator(8))
        self.skipped = 0

    def next(self) -> Tick:
        if self._display.refresh < 0:
            self._number = 0
            return self._tick(time.monotonic() + self._display.period_s)
        self._number, self._refresh = self._coming(time.monotonic())
        present_s = self._display.at(self._refresh)
        sleep_until(max(present_s - float(1 / self._rate), self._display.at(self._display.refresh)))
        return self._tick(present_s)

    def _tick(self, present_s: float) -> Tick:
        return Tick(self._number, present_s + self._latency_s, self._rate, self._latency_s)

    def _coming(self, now_s: float) -> tuple[int, int]:
        """The next frame's number, and the refresh that shows it."""
        wanted, display = self._number + 1, self._display
        refresh = display.refresh + 1
        while display.at(refresh) < now_s or self._is_early(self._due(refresh) - wanted):
            refresh += 1
        number = wanted if self._due(refresh) - wanted < LATE else math.floor(self._due(refresh) + 1.0 - LATE)
        self.skipped += number - wanted
        return number, refresh

    def _is_early(self, late: float) -> bool:
        """late: by how many frames a number would be shown after it is due."""
        beyond = late + EARLY + self._kept
        if abs(beyond) < 2.0 * KEPT:
            self._kept = -KEPT if beyond < 0.0 else KEPT
        return beyond < 0.0

    def _due(self, refresh: int) -> float:
        """How many frames are due at a refresh."""
        return (self._display.at(refresh) - self._start_s) * float(self._rate)

    def wait_display(self, tick: Tick) -> None:
        """A swap shows its picture at the next refresh: it must not come before the one that is to pass."""
        if self._display.refresh < 0:
            return
        wait_s = 0.0 if not self._display.paces else (1.0 - MARGIN) * self._display.period_s
        sleep_until(tick.present_s - wait_s)

    def presented(self, time_s: float) -> None:
        begins, swap = self._display.refresh < 0, self._swapped() if self._swapped else None
        if swap is not None:
            time_s = swap.time_s
            self._follow(swap.window)
        waited = swap is not None or self._swapped is None
        if begins or (waited and self._display.paces):
            self._display.swapped(time_s, self._refresh)
        else:
            self._display.pass_by(self._refresh)
        if begins:
            self._start_s = time_s - self._offset / float(self._rate)

    def _follow(self, window: int) -> None:
        """Another window paces: its display may refresh at other moments."""
        if self._window is not None and window != self._window:
            self._display.begin_anew()
        self._window = window


def _offset(frames_a_refresh: Fraction) -> float:
    """In frames: keeps what is due at the refreshes of a whole ratio away from where it is decided, so that no jitter
    decides. It lies on a grid of 1 / q, and is decided at a half.
    """
    q = frames_a_refresh.denominator
    return 0.5 / q if q % 2 == 0 else 0.0


class UnpacedClock:
    """Frames as fast as they can be drawn; each is for the moment at which it is drawn."""

    def __init__(self, rate: Fraction, clock: Callable[[], float] | None = None, number: int = -1) -> None:
        """clock: the monotonic one by default. number: of the tick before the first."""
        self._rate, self._clock = rate, clock or time.monotonic
        self._number = number
        self.skipped = 0

    def next(self) -> Tick:
        self._number += 1
        return Tick(self._number, self._clock(), self._rate)

    def wait_display(self, tick: Tick) -> None:
        del tick

    def presented(self, time_s: float) -> None:
        del time_s


def sleep_until(time_s: float) -> None:
    """Sleep to a moment of the monotonic clock; the last millisecond in short naps, which come back on time."""
    while (left_s := time_s - time.monotonic()) > 0.0:
        time.sleep(left_s - 0.001 if left_s > 0.002 else min(left_s, 0.0005))
