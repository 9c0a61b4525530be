"""PoseBuffer: where a tracked camera is at any time, between its packets, ahead of them, and after they stop."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vpengine.tracking.samples import POSITION, ROTATION, TIME, Samples
from vpengine.tracking.stillness import Stillness
from vpengine.view.pose import Pose
from vpengine.view.predict import (
    CAP_S,
    STALE_S,
    Motion,
    between,
    fit_motion,
    horizon_s,
    interpolate,
    moved,
    nudged,
    smoothstep,
)
from vpengine.view.quaternion import Vector

Array = NDArray[np.float64]

FIT_S, FIT_SAMPLES, FIT_AT_MOST_S = 0.07, 4, 0.2
BLEND_S = 0.25


@dataclass(frozen=True)
class TrackedPose:
    """A camera's pose at a time that was asked for.

    age_s: the newest sample's age. state: "live" between samples, "predicted" after the newest, "held" once that is
    older than 150 ms. still: the camera stands, and the pose is exactly the one before it.
    """

    pose: Pose
    age_s: float
    state: Literal["live", "predicted", "held"]
    still: bool = False


@dataclass(frozen=True)
class _Mode:
    """From ``start_s`` on the pose is ``still`` (or follows the samples, if None), with what it was off by fading."""

    start_s: float
    still: Pose | None
    offset_m: Vector = (0.0, 0.0, 0.0)
    offset_turn: Vector = (0.0, 0.0, 0.0)


class PoseBuffer:
    """A lock around a short ring by time. One thread adds, others ask; all times are of the engine's clock.

    ``refused`` counts samples that came twice or a second too late.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._samples = Samples()
        self._stillness = Stillness()
        self._motion: Motion | None = None
        self._modes = deque([_Mode(-np.inf, None)], maxlen=4)
        self.refused = 0

    def add(self, time_s: float, pose: Pose, cut: bool = False) -> bool:
        """Take a sample, in any order of time. False when it was refused.

        cut: the tracker's origin moved, and what was seen before eases into what it says now.
        """
        with self._lock:
            lost = self._where(time_s, CAP_S) if cut or self._returns_after_loss(time_s) else None
            if not self._samples.add(time_s, pose, cut):
                self.refused += 1
                return False
            self._motion = None
            if cut:
                self._stillness.release()
            if lost is not None:
                self._enter(time_s, None, lost)
            if self._stillness.judge(self._samples):
                newest_s = self._samples.newest_s
                self._enter(newest_s, self._stillness.held, self._where(newest_s, CAP_S))
            return True

    def at(self, time_s: float, now_s: float | None = None, cap_s: float = CAP_S) -> TrackedPose | None:
        """The pose at ``time_s``, as known at ``now_s`` (by default the same); None before the first sample.

        cap_s: how far ahead of the newest sample to predict at most, in seconds.
        """
        with self._lock:
            if not len(self._samples):
                return None
            newest_s = self._samples.newest_s
            age_s = max((time_s if now_s is None else now_s) - newest_s, 0.0)
            mode = self._mode_at(time_s)
            if mode.still is not None and time_s - mode.start_s >= BLEND_S:
                pose, still = mode.still, True
            else:
                pose, still = self._where(time_s, cap_s, age_s), False
        ahead: Literal["live", "predicted"] = "predicted" if time_s > newest_s else "live"
        return TrackedPose(pose, age_s, "held" if age_s > STALE_S else ahead, still)

    def _returns_after_loss(self, time_s: float) -> bool:
        moving = self._modes[-1].still is None  # a camera that stood is judged by Stillness alone
        return moving and len(self._samples) > 0 and time_s - self._samples.newest_s > STALE_S

    def _mode_at(self, time_s: float) -> _Mode:
        return next((mode for mode in reversed(self._modes) if mode.start_s <= time_s), self._modes[0])

    def _enter(self, start_s: float, still: Pose | None, before: Pose) -> None:
        """Change what is followed, from what was seen ``before``: the difference fades, so that nothing jumps."""
        self._modes.append(_Mode(start_s, still, *between(still or self._followed(start_s, CAP_S, 0.0), before)))

    def _where(self, time_s: float, cap_s: float, age_s: float = 0.0) -> Pose:
        mode = self._mode_at(time_s)
        pose = mode.still or self._followed(time_s, cap_s, age_s)
        left = 1.0 - smoothstep((time_s - mode.start_s) / BLEND_S)
        return nudged(pose, mode.offset_m, mode.offset_turn, left) if left else pose

    def _followed(self, time_s: float, cap_s: float, age_s: float) -> Pose:
        """What the samples say: between two of them, or along the line through the newest ones."""
        newest_s = self._samples.newest_s
        if time_s < newest_s:
            return self._between(time_s)
        if self._motion is None:
            rows = self._samples.window(FIT_S, FIT_SAMPLES, FIT_AT_MOST_S)
            self._motion = fit_motion(rows[:, TIME], rows[:, POSITION], rows[:, ROTATION])
        return moved(self._motion, horizon_s(time_s - newest_s, age_s, cap_s))

    def _between(self, time_s: float) -> Pose:
        rows = self._samples.rows
        after = int(np.searchsorted(rows[:, TIME], time_s, side="right"))
        if after == 0:
            return _pose(rows[0])
        before_s, after_s = rows[after - 1, TIME], rows[after, TIME]
        return interpolate(
            _pose(rows[after - 1]), _pose(rows[after]), float((time_s - before_s) / (after_s - before_s))
        )


def _pose(row: Array) -> Pose:
    _, x, y, z, qx, qy, qz, qw = row.tolist()
    return Pose((x, y, z), (qx, qy, qz, qw))
