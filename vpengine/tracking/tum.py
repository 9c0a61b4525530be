"""Recorded camera tracks in TUM's text format (t tx ty tz qx qy qz qw), put on the stage and played as a move.

TUM's world has Z up; its camera's axes are OpenCV's: X right, Y down, Z forward.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from vpengine.errors import UserError
from vpengine.tracking.moves import Move
from vpengine.view.pose import Pose, pose_from
from vpengine.view.predict import interpolate

Array = NDArray[np.float64]

COLUMNS = "t tx ty tz qx qy qz qw"
LOST_S = 0.1  # a longer gap between samples is a dropout: nothing is sent

# An OpenCV camera's axes from a stage camera's (X right, Y forward, Z up).
_CV_FROM_STAGE_CAMERA = Rotation.from_matrix([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])


@dataclass(frozen=True, eq=False)
class Track:
    """times_s: (n,), from 0, rising. positions_m: (n, 3). rotations: (n, 4) quaternions; poses in stage space."""

    times_s: Array
    positions_m: Array
    rotations: Array

    @property
    def seconds(self) -> float:
        return float(self.times_s[-1])

    def pose(self, number: int) -> Pose:
        return pose_from(self.positions_m[number], Rotation.from_quat(self.rotations[number]))


def read_tum(path: Path) -> Track:
    """The track of a file, its world's axes taken as the stage's. Raises UserError with file:line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as a camera track: {error}") from None
    rows = [
        _row(f"{path}:{number}", line)
        for number, line in enumerate(lines, start=1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if len(rows) < 2:
        raise UserError(f"{path}: {len(rows)} poses, expected at least two lines of {COLUMNS!r}")
    table = np.array(rows)
    rising = np.concatenate([[True], np.diff(np.maximum.accumulate(table[:, 0])) > 0.0])
    table = table[rising]
    rotation = Rotation.from_quat(table[:, 4:]) * _CV_FROM_STAGE_CAMERA
    return Track(table[:, 0] - table[0, 0], table[:, 1:4], rotation.as_quat())


def _row(where: str, line: str) -> list[float]:
    words = line.split()
    if len(words) != 8:
        raise UserError(f"{where}: {len(words)} columns, expected 8: {COLUMNS}")
    try:
        values = [float(word) for word in words]
    except ValueError as error:
        raise UserError(f"{where}: {error}, expected numbers: {COLUMNS}") from None
    if not all(map(math.isfinite, values)):
        raise UserError(f"{where}: a number that is not finite, expected {COLUMNS}")
    length = math.hypot(*values[4:])
    if not 0.7 < length < 1.4:
        raise UserError(f"{where}: a quaternion of length {length:.3g}, expected 1")
    return values


def placed(track: Track, first: Pose, keep_level: bool = True) -> Track:
    """The track moved so that it begins at ``first``.

    keep_level: turn about the vertical only, so that its first heading is ``first``'s and gravity stays down;
    otherwise the whole first pose is ``first``, tilt and roll too.
    """
    was, wanted = Rotation.from_quat(track.rotations[0]), Rotation.from_quat(first.rotation)
    turn = wanted * was.inv()
    if keep_level:
        turn = Rotation.from_euler("z", _heading_rad(wanted) - _heading_rad(was))
    positions_m = turn.apply(track.positions_m - track.positions_m[0]) + np.asarray(first.position_m)
    return Track(track.times_s, positions_m, (turn * Rotation.from_quat(track.rotations)).as_quat())


def _heading_rad(rotation: Rotation) -> float:
    forward = rotation.apply([0.0, 1.0, 0.0])
    return math.atan2(-forward[0], forward[1])


def played(track: Track) -> Move:
    """The track in its own time, interpolated; nothing during its dropouts, before it or after it."""

    def at(time_s: float) -> Pose | None:
        after = int(np.searchsorted(track.times_s, time_s))
        if after == len(track.times_s) or time_s < 0.0:
            return None
        if track.times_s[after] == time_s:
            return track.pose(after)
        before_s, after_s = track.times_s[after - 1], track.times_s[after]
        if after_s - before_s > LOST_S:
            return None
        part = float((time_s - before_s) / (after_s - before_s))
        return interpolate(track.pose(after - 1), track.pose(after), part)

    return at
