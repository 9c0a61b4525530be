"""What a camera's lens was a moment ago: its picture comes late, and the world is drawn with the picture's lens."""

from __future__ import annotations

from collections import deque

from vpengine.view.lens import Lens
from vpengine.view.lens_between import lens_between

MOST = 256  # one a frame at most: a second at 240 Hz, and a picture comes no later
GAP_S = 0.25  # a lens of which nothing was said for longer stood, for many senders speak only of what changes


class LensHistory:
    """A short ring by time, of the loop alone. ``stated``: the lens until a tracker says something of it."""

    def __init__(self, stated: Lens) -> None:
        self._moments: deque[tuple[float, Lens]] = deque(maxlen=MOST)
        self._newest = stated

    @property
    def newest(self) -> Lens:
        """As it is now, as far as anybody knows."""
        return self._newest

    def add(self, time_s: float, lens: Lens) -> None:
        """What was heard last holds: what is later by a clock that was set back since is forgotten."""
        while self._moments and self._moments[-1][0] >= time_s:
            self._moments.pop()
        self._moments.append((time_s, lens))
        self._newest = lens

    def at(self, time_s: float) -> Lens:
        """What it was then. After the newest moment it stands, before the first one it stood there, as a pose does."""
        after_s, after = float("inf"), self._newest
        for before_s, before in reversed(self._moments):
            if before_s <= time_s:
                if after_s - before_s > GAP_S:
                    return before
                return lens_between(before, after, (time_s - before_s) / (after_s - before_s))
            after_s, after = before_s, before
        return after
