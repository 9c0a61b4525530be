"""When a display shows its pictures: its refresh period and phase, learned from when swaps come back."""

from __future__ import annotations

MEMORY = 240  # swaps: what was before counts ever less
LEAK = 0.005  # of the way: how fast the earliest swap is forgotten
LATE_S = 0.003  # a swap that comes back so much later was kept waiting by the system, not by the display
SETTLED = 30  # swaps after which that can be told
ODD, MOST_ODD = 0.5, 8  # of a period; swaps in a row that came back so early: nothing waits for the display here
DRIFT = 0.01  # by how much a refresh rate may differ from what the system says: 60 is often 59.94


class Display:
    """Counts refreshes from the first swap on, number 0.

    ``paces``: whether swaps wait for the display at all; a virtual screen's and some drivers' do not.
    """

    def __init__(self, refresh_hz: float) -> None:
        self.period_s = self._nominal_s = 1.0 / refresh_hz
        self.refresh = -1  # the newest that a swap came back at
        self.paces = True
        self._time_s = 0.0  # of that refresh
        self._early_s = 0.0  # how much before the line the earliest swaps come back: no swap comes before its refresh
        self._seen = 0
        self._odd = 0
        self._anew = False

    def at(self, refresh: int) -> float:
        """When refresh ``refresh`` is, was or will be, in seconds of the monotonic clock."""
        return self._time_s + self._early_s + (refresh - self.refresh) * self.period_s

    def swapped(self, time_s: float, awaited: int) -> None:
        """A swap came back at ``time_s``; it was begun to be shown at the refresh ``awaited``."""
        if self.refresh < 0:
            self.refresh, self._time_s = 0, time_s
            return
        if self._anew:
            self._anew, self.refresh, self._time_s = False, awaited, time_s
            return
        early = (self.at(awaited) - time_s) / self.period_s > ODD
        self._odd = self._odd + 1 if early else 0
        if self._odd >= MOST_ODD:
            self.paces = False
        steps = awaited - self.refresh if early else max(round((time_s - self._time_s) / self.period_s), 1)
        self._follow(steps, 0.0 if early else time_s - self._time_s - steps * self.period_s)

    def begin_anew(self) -> None:
        """Another display as fast as this one: when it refreshes is learned from its next swap."""
        self.paces, self._anew, self._seen, self._odd, self._early_s = True, True, 0, 0, 0.0

    def pass_by(self, refresh: int) -> None:
        """Where nothing waits for the display, its refreshes are the monotonic clock's."""
        self._time_s, self._early_s, self.refresh = self.at(refresh), 0.0, refresh

    def _follow(self, steps: int, error_s: float) -> None:
        """A least-squares line through all refreshes that fades into one through the newest MEMORY: the growing-memory
        filter of first order (Brookner, Tracking and Kalman Filtering Made Easy, 1998, 1.2.10), with its gains held.
        """
        self._seen = min(self._seen + 1, MEMORY)
        if self._seen > SETTLED and error_s > LATE_S:
            error_s = 0.0
        self._early_s = min(self._early_s * (1.0 - LEAK), error_s)
        n = self._seen + 1
        alpha, beta = 2.0 * (2 * n - 1) / (n * (n + 1)), 6.0 / (n * (n + 1))
        self._time_s += steps * self.period_s + alpha * error_s
        if self._seen > 1:  # the second refresh tells no more than the first of a period that is known well already
            low_s, high_s = self._nominal_s * (1.0 - DRIFT), self._nominal_s * (1.0 + DRIFT)
            self.period_s = min(max(self.period_s + beta * error_s / steps, low_s), high_s)
        self.refresh += steps
