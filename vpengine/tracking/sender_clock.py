"""A sender's own clock, mapped to ours: its stamps have no jitter, but an origin and a drift of their own."""

from __future__ import annotations

import math

HALF_S = 5.0  # the offset is the least of the last 5 to 10 seconds
BELIEVED_S = 0.5


class SenderClock:
    """The offset is the running minimum of (arrival - stamp): the packet that travelled fastest (PROTOCOLS 7.2)."""

    def __init__(self) -> None:
        self._least_s = self._least_before_s = math.inf
        self._half_began_s = -math.inf

    def engine_time_s(self, stamp_s: float, arrival_s: float) -> float:
        """When the sample was taken, plus the shortest travel; never after its arrival."""
        offset_s = arrival_s - stamp_s
        if arrival_s - self._half_began_s > HALF_S:
            self._least_before_s, self._least_s = self._least_s, math.inf
            self._half_began_s = arrival_s
        self._least_s = min(self._least_s, offset_s)
        mapped_s = stamp_s + min(self._least_s, self._least_before_s)
        if arrival_s - mapped_s > BELIEVED_S:  # the sender's clock was set, or it began again
            self._least_s, self._least_before_s = offset_s, math.inf
            return arrival_s
        return mapped_s
