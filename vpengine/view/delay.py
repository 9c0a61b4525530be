"""How much later than its tracker a camera's picture is: the pictures' motion against the poses', for every delay.

Between two pictures the camera turns and moves; far off, what it sees shifts by focal length times the turn (small
angles), and by focal length over distance times the move. Of all delays the right one explains the shifts best, and how
sharply it does says how sure that is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation, Slerp

from vpengine.view.pose import Pose

Array = NDArray[np.float64]

EARLIEST_S, LATEST_S = -0.3, 1.0  # of the picture after its tracker
STEP_S = 0.004  # between the delays that are tried first
FEWEST = 24  # shifts
LEAST_EXPLAINED = 0.6  # of the shifts' variance
LEAST_MOTION_PX = 0.04  # RMS of the shifts: below it noise is measured
COARSE, STRAY = 5, 5.0  # of the delays tried, and times the median of what is left: what is further off is mistaken
SIGMAS = 2.0  # of what is said to be sure
RIVAL = 0.9  # of the best delay's explained variance, elsewhere: a move that repeats itself


@dataclass(frozen=True)
class Shift:
    """What a picture has moved since the one before it: right and down in pixels. before_s, time_s: of both."""

    before_s: float
    time_s: float
    right_px: float
    down_px: float


@dataclass(frozen=True)
class Delay:
    """delay_s: how much later than the poses the pictures are. within_s: as sure as two standard deviations are.

    explained: of the shifts' variance, 0 to 1. fault: why it cannot be trusted, in words; empty where it can.
    """

    delay_s: float
    within_s: float
    explained: float
    fault: str = ""


class Track:
    """Poses by time, to be had at any time between them. Raises ValueError for fewer than two."""

    def __init__(self, times_s: Sequence[float], poses: Sequence[Pose]) -> None:
        kept = np.unique(np.asarray(times_s, float), return_index=True)[1]
        if len(kept) < 2:
            raise ValueError("a track of fewer than two poses")
        self.times_s = np.asarray(times_s, float)[kept]
        self._positions = np.array([poses[index].position_m for index in kept])
        self._turns = Slerp(self.times_s, Rotation.from_quat([poses[index].rotation for index in kept]))

    def at(self, times_s: Array) -> tuple[Array, Rotation]:
        """Positions (n, 3) and rotations; before the first and after the last as these are."""
        inside = np.clip(times_s, self.times_s[0], self.times_s[-1])
        positions = [np.interp(inside, self.times_s, self._positions[:, axis]) for axis in range(3)]
        return np.stack(positions, axis=-1), self._turns(inside)


def found_delay(shifts: Sequence[Shift], track: Track, focal_px: float) -> Delay:
    """The delay of the pictures that ``shifts`` are of. focal_px: the lens's focal length in the shifts' pixels."""
    if len(shifts) < FEWEST:
        return Delay(0.0, np.inf, 0.0, f"{len(shifts)} pictures that could be measured; {FEWEST} are needed")
    seen = np.array([(shift.right_px, shift.down_px) for shift in shifts])
    times = np.array([(shift.before_s, shift.time_s) for shift in shifts])
    told = _expected(times, track, focal_px, 0.0)[0]
    if min(float(np.sqrt(np.mean(moved**2))) for moved in (seen, told)) < LEAST_MOTION_PX:
        return Delay(0.0, np.inf, 0.0, "the camera hardly moves; take it in your hands and look around")
    tried = np.arange(EARLIEST_S, LATEST_S, STEP_S)
    seen, times = _without_strays(seen, times, track, focal_px, tried)
    explained = np.array([_fit(seen, times, track, focal_px, delay_s)[0] for delay_s in tried])
    best = int(np.argmax(explained))
    delay_s = _refined(seen, times, track, focal_px, float(tried[best]))
    share, within_s = _sureness(seen, times, track, focal_px, delay_s)
    period_s = float(np.median(times[:, 1] - times[:, 0]))
    return Delay(delay_s, within_s, share, _fault(tried, explained, best, share, period_s))


def _without_strays(seen: Array, times: Array, track: Track, focal_px: float, tried: Array) -> tuple[Array, Array]:
    """Without shifts that no delay explains: of a picture that was mistaken for another part of it."""
    left = [np.abs(_fit(seen, times, track, focal_px, delay_s)[1]) for delay_s in tried[::COARSE]]
    usual = min(left, key=lambda each: float(np.median(each))).reshape(-1, 2).max(axis=1)
    kept = usual <= STRAY * max(float(np.median(usual)), 1e-6)
    return seen[kept], times[kept]


def _fault(tried: Array, explained: Array, best: int, share: float, period_s: float) -> str:
    if share < LEAST_EXPLAINED:
        return (
            f"the picture's motion does not follow the tracker's ({100 * share:.0f} percent of it): is it this "
            "camera's tracker, and is there something that stands still to see"
        )
    if best in (0, len(tried) - 1):
        return f"the delay is beyond what is looked for ({EARLIEST_S:g} to {LATEST_S:g} s)"
    apart = np.abs(tried - tried[best]) > 2.5 * period_s
    rivals = explained[apart]
    if len(rivals) and float(rivals.max()) > RIVAL * float(explained[best]):
        return "the move repeats itself, and another delay fits as well; move more freely"
    return ""


def _expected(times: Array, track: Track, focal_px: float, delay_s: float) -> tuple[Array, Array]:
    """(n, 2) each: what turning shifts a far picture by, in pixels right and down; and what moving does a metre off."""
    (before, turned), (after, now) = (track.at(times[:, index] - delay_s) for index in (0, 1))
    # A direction that was straight ahead, as the camera has it now: X right, Y ahead, Z up.
    ahead = (now.inv() * turned).apply(np.array([0.0, 1.0, 0.0]))
    turn = focal_px * np.stack([ahead[:, 0] / ahead[:, 1], -ahead[:, 2] / ahead[:, 1]], axis=-1)
    moved = now.inv().apply(before - after)
    return turn, focal_px * np.stack([moved[:, 0], -moved[:, 2]], axis=-1)


def _fit(seen: Array, times: Array, track: Track, focal_px: float, delay_s: float) -> tuple[float, Array]:
    """How much of the shifts' variance is explained, and what is left. The gain on turns and the nearness of what is
    seen are fitted: a focal length that is a little off changes no delay.
    """
    turn, move = _expected(times, track, focal_px, delay_s)
    basis = np.stack([turn.ravel(), move.ravel()], axis=-1)
    weights = _fitted(basis, seen.ravel())
    left = seen.ravel() - basis @ weights
    explained = 1.0 - float(left @ left) / float(seen.ravel() @ seen.ravel())
    return explained if weights[0] > 0.0 else 0.0, left


def _fitted(basis: Array, seen: Array) -> Array:
    """Least squares, of both columns where what is seen then lies ahead, else of the first alone."""
    both = np.linalg.lstsq(basis, seen, rcond=None)[0]
    if both[1] >= 0.0:
        return np.asarray(both)
    alone = float(basis[:, 0] @ seen) / max(float(basis[:, 0] @ basis[:, 0]), 1e-12)
    return np.array([alone, 0.0])


def _refined(seen: Array, times: Array, track: Track, focal_px: float, delay_s: float) -> float:
    """Between the delays that were tried: the top of a parabola through three, in steps that become finer."""
    step_s = STEP_S
    for _ in range(3):
        left, middle, right = (_fit(seen, times, track, focal_px, delay_s + k * step_s)[0] for k in (-1, 0, 1))
        bend = left - 2.0 * middle + right
        if bend < 0.0:
            delay_s += step_s * float(np.clip(0.5 * (left - right) / bend, -1.0, 1.0))
        step_s *= 0.5
    return delay_s


def _sureness(seen: Array, times: Array, track: Track, focal_px: float, delay_s: float) -> tuple[float, float]:
    """The explained share, and SIGMAS deviations of the delay: what is left over how fast the fit changes (Cramer and
    Rao's bound for a shift in time, S. M. Kay, Fundamentals of Statistical Signal Processing, 1993, 3.11).
    """
    share, left = _fit(seen, times, track, focal_px, delay_s)
    later, earlier = (_expected(times, track, focal_px, delay_s + k * STEP_S)[0] for k in (1, -1))
    slope = (later - earlier).ravel() / (2.0 * STEP_S)
    return share, SIGMAS * float(np.sqrt(np.mean(left**2) / max(float(slope @ slope), 1e-12)))
