"""Where a camera is between and after its tracker's samples: interpolation and prediction (PROTOCOLS 7.2).

Rotations are quaternions (x, y, z, w) as rows; angular velocities are in the stage's axes, so that
``rotation_later = exp(velocity * time) * rotation``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vpengine.view.pose import Pose
from vpengine.view.quaternion import (
    Quaternion,
    Vector,
    from_rotation_vector,
    inverse,
    product,
    rotation_vector,
    rotation_vectors,
)

Array = NDArray[np.float64]

IDENTITY: Quaternion = (0.0, 0.0, 0.0, 1.0)

CAP_S = 0.1  # never further than this ahead of the newest sample
STALE_S = 0.15  # a sample older than this predicts nothing more than CAP_S
LEAST_SPREAD_S = 0.005  # standard deviation of the times of samples that can tell a velocity
KNEE = 0.2  # the part of the cap over which the velocity fades to nothing


@dataclass(frozen=True)
class Motion:
    """A camera moving steadily through ``pose`` at ``time_s``; velocities in metres and radians a second."""

    time_s: float
    pose: Pose
    velocity_m_s: Vector = (0.0, 0.0, 0.0)
    angular_velocity_rad_s: Vector = (0.0, 0.0, 0.0)


def fit_motion(times_s: Array, positions_m: Array, quaternions: Array) -> Motion:
    """The least-squares line through (n,) times, (n, 3) positions and (n, 4) quaternions, at the newest time.

    Rotations are fitted in the SO(3) logarithm of the rotation from the newest one. With fewer than three samples,
    or a burst of them within milliseconds, the motion is the newest sample at rest: a slope there would be noise.
    """
    newest: Quaternion = tuple(quaternions[-1].tolist())
    count, newest_s = len(times_s), float(times_s[-1])
    since_s = times_s - newest_s
    mean_s = float(since_s.sum()) / count
    centred_s = since_s - mean_s
    spread = float(centred_s @ centred_s)
    if count < 3 or spread < LEAST_SPREAD_S**2 * count:
        return Motion(newest_s, Pose(tuple(positions_m[-1].tolist()), product(newest, IDENTITY)))
    values = np.concatenate([positions_m, rotation_vectors(quaternions, newest)], axis=1)
    slope = centred_s @ values / spread
    x, y, z, *turn = (values.sum(axis=0) / count - slope * mean_s).tolist()
    vx, vy, vz, *spin = slope.tolist()
    rotation = product(from_rotation_vector((turn[0], turn[1], turn[2])), newest)
    return Motion(newest_s, Pose((x, y, z), rotation), (vx, vy, vz), (spin[0], spin[1], spin[2]))


def moved(motion: Motion, seconds: float) -> Pose:
    """Where the motion is ``seconds`` after its time."""
    return nudged(motion.pose, motion.velocity_m_s, motion.angular_velocity_rad_s, seconds)


def nudged(pose: Pose, offset_m: Vector, turn_rad: Vector, part: float = 1.0) -> Pose:
    """``pose`` moved by ``part`` of an offset and turned by ``part`` of a rotation vector, both in stage axes."""
    (x, y, z), (dx, dy, dz), (tx, ty, tz) = pose.position_m, offset_m, turn_rad
    turn = from_rotation_vector((tx * part, ty * part, tz * part))
    return Pose((x + dx * part, y + dy * part, z + dz * part), product(turn, pose.rotation))


def between(before: Pose, after: Pose) -> tuple[Vector, Vector]:
    """The offset and the rotation vector (shorter way) that ``nudged`` needs to lead from ``before`` to ``after``."""
    (x0, y0, z0), (x1, y1, z1) = before.position_m, after.position_m
    return (x1 - x0, y1 - y0, z1 - z0), rotation_vector(product(after.rotation, inverse(before.rotation)))


def horizon_s(ahead_s: float, age_s: float, cap_s: float = CAP_S) -> float:
    """How far to follow a motion for a time ``ahead_s`` after its newest sample, which is ``age_s`` old by now.

    As far as asked up to 0.8 of the cap; then the velocity fades, and at 1.2 of the cap the camera stands still at
    the cap: it neither flies away nor slides back. A cap beyond 100 ms shrinks to that as the sample grows stale.
    """
    if cap_s > CAP_S:
        fresh = min(max((STALE_S - age_s) / (STALE_S - CAP_S), 0.0), 1.0)
        cap_s = CAP_S + (cap_s - CAP_S) * fresh
    knee_s, width_s = (1.0 - KNEE) * cap_s, 2.0 * KNEE * cap_s
    if ahead_s <= knee_s:
        return ahead_s
    beyond_s = min(ahead_s - knee_s, width_s)
    return knee_s + beyond_s - 0.5 * beyond_s**2 / width_s


def interpolate(before: Pose, after: Pose, part: float) -> Pose:
    """Position on the line and rotation on the shorter arc (slerp), ``part`` 0..1 of the way."""
    return nudged(before, *between(before, after), part)


def smoothstep(part: float) -> float:
    part = min(max(part, 0.0), 1.0)
    return part * part * (3.0 - 2.0 * part)
