"""When a live picture was captured: its sender's timestamps, on the engine's clock, without the network's jitter."""

from __future__ import annotations

JUMP_S = 1.0  # the sender began again, or its clock was set
DRIFT = 2e-4  # two quartz clocks differ by at most 100 parts in a million each


class Arrivals:
    """A picture comes at the earliest as late as the fastest one did: time = timestamp + the least delay seen.

    The least delay grows by ``DRIFT``, so that a sender whose clock goes slower is followed.
    """

    def __init__(self) -> None:
        self._delay_s: float | None = None
        self._last_s = 0.0

    def time_s(self, sent_s: float | None, now_s: float) -> float:
        """sent_s: the picture's timestamp in seconds of any clock; None when it has none. Never after ``now_s``."""
        if sent_s is None:
            return now_s
        delay_s = now_s - sent_s
        if self._delay_s is None or abs(delay_s - self._delay_s) > JUMP_S:
            self._delay_s = delay_s
        else:
            self._delay_s = min(delay_s, self._delay_s + DRIFT * max(now_s - self._last_s, 0.0))
        self._last_s = now_s
        return min(sent_s + self._delay_s, now_s)  # but for rounding it is
