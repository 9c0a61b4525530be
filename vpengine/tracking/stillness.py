"""Tells a camera that is locked off from one that moves, so that a tracker's noise does not make the light breathe.

Made for noise of 0.5 mm and 0.02 degrees a sample, white, at 60 Hz and more: the limits lie at least three of its
standard deviations from rest for starting to hold, and five for letting go. A noisier tracker is never held.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vpengine.tracking.samples import POSITION, ROTATION, TIME, Samples
from vpengine.view.pose import Pose
from vpengine.view.predict import nudged
from vpengine.view.quaternion import rotation_vectors

Array = NDArray[np.float64]

WINDOW_S = 0.75
RECENT_S, RECENT_SAMPLES, RECENT_AT_MOST_S = 0.1, 6, 0.3
SETTLE_EVERY_S, WAKE_EVERY_S = 0.05, 0.007  # how often to look: a second's delay is nothing, a late start is seen


@dataclass(frozen=True)
class Limits:
    """Metres and radians. A slow creep or a turning point shows in the means of a window's thirds, a hand's tremor
    in their spread; a move that starts shows in the mean of the last 100 ms.
    """

    thirds: tuple[float, float] = (0.0006, float(np.radians(0.025)))
    spread: tuple[float, float] = (0.0010, float(np.radians(0.04)))
    departure: tuple[float, float] = (0.0012, float(np.radians(0.05)))


class Stillness:
    """``held`` is the pose a camera stands at, the mean of the window that was found still, or None."""

    def __init__(self, limits: Limits = Limits()) -> None:
        self.held: Pose | None = None
        self._limits = limits
        self._judged_s = -np.inf

    def release(self) -> None:
        """The camera is somewhere else now."""
        self.held = None

    def judge(self, samples: Samples) -> bool:
        """Judge the newest samples; True when ``held`` changed."""
        before = self.held
        if samples.newest_s - self._judged_s < (WAKE_EVERY_S if before else SETTLE_EVERY_S):
            return False
        self._judged_s = samples.newest_s
        if before is None:
            self.held = self._found_still(samples)
        elif self._departed(samples, before):
            self.held = None
        return self.held is not before

    def _found_still(self, samples: Samples) -> Pose | None:
        rows = samples.window(WINDOW_S, 0, WINDOW_S)
        if len(rows) < 3 * RECENT_SAMPLES or rows[-1, TIME] - rows[0, TIME] < 0.9 * WINDOW_S:
            return None
        _, x, y, z, qx, qy, qz, qw = rows[0].tolist()
        first = Pose((x, y, z), (qx, qy, qz, qw))
        offsets = _offsets(rows, first)
        edges = np.searchsorted(rows[:, TIME], rows[-1, TIME] - WINDOW_S * np.array([2.0, 1.0]) / 3.0)
        means = np.array([third.mean(axis=0) for third in np.split(offsets, edges)])
        apart, spread = means - np.roll(means, 1, axis=0), offsets.std(axis=0)[None] / 3**0.5
        if not (_within(apart, self._limits.thirds) and _within(spread, self._limits.spread)):
            return None
        dx, dy, dz, tx, ty, tz = offsets.mean(axis=0).tolist()
        return nudged(first, (dx, dy, dz), (tx, ty, tz))

    def _departed(self, samples: Samples, held: Pose) -> bool:
        rows = samples.window(RECENT_S, RECENT_SAMPLES, RECENT_AT_MOST_S)
        if len(rows) < RECENT_SAMPLES:
            return False
        return not _within(_offsets(rows, held).mean(axis=0)[None], self._limits.departure)


def _offsets(rows: Array, reference: Pose) -> Array:
    """(n, 6): metres and radians by which each row differs from ``reference``."""
    turned = rotation_vectors(rows[:, ROTATION], reference.rotation)
    return np.concatenate([rows[:, POSITION] - reference.position_m, turned], axis=1)


def _within(values: Array, limit: tuple[float, float]) -> bool:
    """Whether each row's (metres, radians) has lengths inside the two limits."""
    lengths = np.linalg.norm(values.reshape(-1, 2, 3), axis=2)
    return bool(np.all(lengths <= limit))
