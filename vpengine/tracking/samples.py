"""The newest moments of a tracker's poses, in order of time, as rows that can be fitted without copying."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vpengine.view.pose import Pose
from vpengine.view.predict import STALE_S

Array = NDArray[np.float64]

KEEP_S = 1.5  # a camera's picture may come a second late, and the world waits for it
MOST = 2048  # samples; a tracker of 1.3 kHz fills them in KEEP_S
TIME, POSITION, ROTATION = 0, slice(1, 4), slice(4, 8)


class Samples:
    """Rows of (time_s, x, y, z, qx, qy, qz, qw); neighbouring quaternions have the same sign."""

    def __init__(self) -> None:
        self._rows: Array = np.empty((2 * MOST, 8))
        self._begin = self._end = 0
        self._unbroken_since_s = 0.0

    def __len__(self) -> int:
        return self._end - self._begin

    @property
    def rows(self) -> Array:
        """(n, 8), oldest first. Valid until the next ``add``."""
        return self._rows[self._begin : self._end]

    @property
    def newest_s(self) -> float:
        return float(self._rows[self._end - 1, TIME])

    def add(self, time_s: float, pose: Pose, cut: bool = False) -> bool:
        """Put a sample in its place. False when it is one we have, or older than all that are kept.

        cut: those before it belong to another place, and windows do not reach back to them.
        """
        row = np.array([time_s, *pose.position_m, *pose.rotation])
        rows = self.rows
        index = int(np.searchsorted(rows[:, TIME], time_s))
        if (index < len(rows) and rows[index, TIME] == time_s) or (index == 0 and len(rows)):
            return False
        if index and rows[index - 1, ROTATION] @ row[ROTATION] < 0.0:
            row[ROTATION] *= -1.0
        if cut or not index or time_s - rows[index - 1, TIME] > STALE_S:
            self._unbroken_since_s = time_s
        self._make_room()
        at = self._begin + index
        self._rows[at + 1 : self._end + 1] = self._rows[at : self._end].copy()
        self._rows[at] = row
        self._end += 1
        oldest_s = self.newest_s - KEEP_S
        self._begin += min(int(np.searchsorted(self.rows[:, TIME], oldest_s)), len(self) - 1)
        return True

    def _make_room(self) -> None:
        self._begin = max(self._begin, self._end - MOST + 1)
        if self._end == len(self._rows):
            kept = self.rows.copy()
            self._begin, self._end = 0, len(kept)
            self._rows[: self._end] = kept

    def window(self, seconds: float, at_least: int, at_most_s: float) -> Array:
        """The rows of the last ``seconds``, or ``at_least`` so many if they fit in ``at_most_s``; across no dropout."""
        rows = self.rows
        times_s = rows[:, TIME]
        first = min(int(np.searchsorted(times_s, self.newest_s - seconds)), len(rows) - at_least)
        floor_s = max(self.newest_s - at_most_s, self._unbroken_since_s)
        return rows[max(first, int(np.searchsorted(times_s, floor_s)), 0) :]
