"""Holds back a sample that no camera could have moved to, until those after it agree that it is there.

A tracker that mistakes one marker for another sends a pose metres off, or turned about, for a frame or three.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from vpengine.view.pose import Pose
from vpengine.view.predict import STALE_S, between, interpolate

FASTEST_M_S, FASTEST_DEG_S = 6.0, 1000.0  # a whip pan by hand is 700 degrees a second
NOISE_M, NOISE_DEG = 0.03, 2.0
LEAST_INTERVAL_S = 0.015  # samples that arrive together were not taken together
KNOWN, KNOWN_S = 5, 1.0  # so many samples in so long make a way that can be left
RUNNING_S = 0.1  # a sender's samples that are nearer than this make a way too, if one that is easily proved wrong
CONFIRM_S, CONFIRM = 0.09, 2  # for how long, and for how many samples after it, a jump must be agreed with

SILENT_FOR = 3.0  # of its own intervals: a longer silence ends the way
FURTHEST = 6.0  # steps of the way from one sample to the next, by which it is followed ahead

Judgement = Literal["taken", "held", "cut", "found"]


@dataclass(frozen=True)
class _Sample:
    time_s: float
    pose: Pose


@dataclass(frozen=True)
class Distance:
    """Between two poses."""

    metres: float
    degrees: float

    def within(self, seconds: float) -> bool:
        """Whether a camera can go as far in ``seconds``."""
        in_place = self.metres <= NOISE_M + FASTEST_M_S * seconds
        return in_place and self.degrees <= NOISE_DEG + FASTEST_DEG_S * seconds

    @property
    def part(self) -> float:
        """A single measure of how far it is, to compare by."""
        return self.metres / FASTEST_M_S + self.degrees / FASTEST_DEG_S


class Jumps:
    """The samples of one camera, in the order in which they come. ``last_jump`` is how far the newest one went."""

    def __init__(self) -> None:
        self._way: deque[_Sample] = deque(maxlen=2 * KNOWN)
        self._apart: list[_Sample] = []
        self._heard_s: deque[float] = deque(maxlen=2 * KNOWN)
        self.last_jump = Distance(0.0, 0.0)

    def judge(self, time_s: float, pose: Pose) -> Judgement:
        """Whether a sample lies on the camera's way, is held back, or proves that the way goes on elsewhere ("cut").

        "found": it proves that a way which had only begun was none, as where a tracker's first sample is wild.
        """
        sample = _Sample(time_s, pose)
        silent_s = time_s - self._heard_s[-1] if self._heard_s else 0.0
        silent = silent_s > max(STALE_S, SILENT_FOR * self._interval_s())
        if silent_s > KNOWN_S:
            self._heard_s.clear()
        self._heard_s.append(time_s)
        if self._is_known(time_s):
            interval_s = self._interval_s()
            jump = _distance(self._way[-1], sample)
            if not self._goes_on(jump, sample, interval_s):
                return self._hold(jump, sample, interval_s)
        if silent:  # the way begins anew: what a tracker says first may be wrong
            self._way.clear()
        self._apart = []
        self._way.append(sample)
        return "taken"

    def _goes_on(self, jump: Distance, sample: _Sample, interval_s: float) -> bool:
        """A sample nearer to those held back than to the way is one of theirs, if it has time enough to reach both."""
        if not jump.within(_since(self._way[-1], sample, interval_s)):
            return False
        if not self._apart:
            return True
        ahead = _distance(self._ahead(sample.time_s, interval_s), sample)
        return min(jump.part, ahead.part) <= _distance(self._apart[-1], sample).part

    def _ahead(self, time_s: float, interval_s: float) -> _Sample:
        """Where the way leads at ``time_s``, if the camera went on as in its last two samples."""
        before, last = self._way[-2 if len(self._way) > 1 else -1], self._way[-1]
        step_s = last.time_s - before.time_s
        if step_s < interval_s / 2.0:
            return last
        part = min(max((time_s - before.time_s) / step_s, 1.0), FURTHEST)
        return _Sample(time_s, interpolate(before.pose, last.pose, part))

    def _hold(self, jump: Distance, sample: _Sample, interval_s: float) -> Judgement:
        before = self._apart[-1] if self._apart else None
        if before and not _distance(before, sample).within(_since(before, sample, interval_s)):
            self._apart = []
        if not self._apart:
            self.last_jump = jump
        self._apart.append(sample)
        begun = len(self._way)
        if begun < KNOWN and len(self._apart) >= begun:
            return self._leave("found")
        agreed_s = sample.time_s - self._apart[0].time_s
        return "held" if agreed_s < CONFIRM_S or len(self._apart) < CONFIRM else self._leave("cut")

    def _leave(self, judgement: Judgement) -> Judgement:
        self._way = deque(self._apart, maxlen=2 * KNOWN)
        self._apart = []
        return judgement

    def _is_known(self, now_s: float) -> bool:
        if self._apart:
            return True
        recent = _recent(self._way, now_s)
        return len(recent) >= KNOWN or (bool(recent) and now_s - recent[-1].time_s < RUNNING_S)

    def _interval_s(self) -> float:
        """Of all samples heard, those held back too; the mean, as networks bring several at a time."""
        span_s = max(self._heard_s, default=0.0) - min(self._heard_s, default=0.0)
        return max(span_s / max(len(self._heard_s) - 1, 1), LEAST_INTERVAL_S)


def _recent(samples: Iterable[_Sample], now_s: float) -> list[_Sample]:
    return [sample for sample in samples if now_s - sample.time_s < KNOWN_S]


def _since(before: _Sample, sample: _Sample, interval_s: float) -> float:
    return max(abs(sample.time_s - before.time_s), interval_s)


def _distance(before: _Sample, after: _Sample) -> Distance:
    offset_m, turn_rad = between(before.pose, after.pose)
    return Distance(math.hypot(*offset_m), math.degrees(math.hypot(*turn_rad)))
