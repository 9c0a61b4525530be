"""When a live picture was captured: its sender's timestamps, on the engine's clock, without the network's jitter."""

from __future__ import annotations

import math

JUMP_S = 1.0  # the sender began again, or its clock was set
RECENT_S = 3.0  # no congestion of a network that pictures pass delays all of them for so long
FELL_BACK_S = 0.1  # all that came in RECENT_S were later by more: the sender's clock was set back, or it stood still
DRIFT = 2e-4  # two quartz clocks differ by at most 100 parts in a million each


class Arrivals:
    """A picture comes at the earliest as late as the fastest one did: time = timestamp + the least delay seen.

    The least delay grows by ``DRIFT``, so that a sender whose clock goes slower is followed. One whose clock fell
    back is followed in twice RECENT_S at most.
    """

    def __init__(self) -> None:
        self._delay_s: float | None = None
        self._last_s = 0.0
        self._recent_s, self._since_s = math.inf, 0.0  # the least delay of those that came since then

    def time_s(self, sent_s: float | None, now_s: float) -> float:
        """sent_s: the picture's timestamp in seconds of any clock; None when it has none. Never after ``now_s``."""
        if sent_s is None:
            return now_s
        delay_s = now_s - sent_s
        if self._delay_s is None or abs(delay_s - self._delay_s) > JUMP_S:
            self._delay_s = delay_s
            self._recent_s, self._since_s = math.inf, now_s
        else:
            self._delay_s = min(delay_s, self._delay_s + DRIFT * max(now_s - self._last_s, 0.0))
            self._delay_s = self._fallen_back(self._delay_s, delay_s, now_s)
        self._last_s = now_s
        return min(sent_s + self._delay_s, now_s)  # but for rounding it is

    def _fallen_back(self, held_s: float, delay_s: float, now_s: float) -> float:
        """What is to be held: where it was too little for RECENT_S, the least that came."""
        self._recent_s = min(self._recent_s, delay_s)
        if now_s - self._since_s < RECENT_S:
            return held_s
        least_s, self._recent_s, self._since_s = self._recent_s, math.inf, now_s
        return least_s if least_s - held_s > FELL_BACK_S else held_s
