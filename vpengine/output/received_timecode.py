"""A clock whose ticks carry the timecode that comes in from outside, for the moment at which they are seen."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from vpengine.frames.frame_input import Tick
from vpengine.output.clock import Clock
from vpengine.view.timecode import Timecode

LOG = logging.getLogger(__name__)


class ReceivedTimecode:
    """Any clock, and ``timecode``: the label of a moment of the monotonic clock, None while none comes in.

    Frames keep the clock's own pace: a timecode says what they are called.
    """

    def __init__(self, clock: Clock, timecode: Callable[[float], Timecode | None]) -> None:
        self._clock = clock
        self._timecode = timecode
        self._running = False

    @property
    def skipped(self) -> int:
        return self._clock.skipped

    def next(self) -> Tick:
        tick = self._clock.next()
        received = self._timecode(tick.display_time_s)
        self._tell(received)
        return replace(tick, received=received)

    def _tell(self, received: Timecode | None) -> None:
        running = received is not None
        if running and not self._running:
            LOG.info("timecode: %s comes in, and frames are called by it", received)
        elif self._running and not running:
            LOG.warning("timecode: none comes in any more; frames count from the start of the run until it does")
        self._running = running

    def wait_display(self, tick: Tick) -> None:
        self._clock.wait_display(tick)

    def presented(self, time_s: float) -> None:
        self._clock.presented(time_s)
