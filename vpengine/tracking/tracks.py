"""Recorded camera tracks: as they were read, put on the stage, and played as a move."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from vpengine.errors import UserError
from vpengine.tracking.moves import Move
from vpengine.view.pose import Pose, pose_from
from vpengine.view.predict import interpolate

Array = NDArray[np.float64]

LOST_S = 0.1  # a tracker that says nothing for longer has dropped out

# An OpenCV camera's axes (X right, Y down, Z forward) from a stage camera's (X right, Y forward, Z up).
CV_FROM_STAGE_CAMERA = Rotation.from_matrix([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])


@dataclass(frozen=True, eq=False)
class Track:
    """times_s: (n,), from 0, rising. positions_m: (n, 3). rotations: (n, 4) quaternions; poses in stage space.

    lost_s: a longer gap between two samples is a dropout.
    """

    times_s: Array
    positions_m: Array
    rotations: Array
    lost_s: float = LOST_S

    @property
    def seconds(self) -> float:
        return float(self.times_s[-1])

    def pose(self, number: int) -> Pose:
        return pose_from(self.positions_m[number], Rotation.from_quat(self.rotations[number]))


def lines_of(path: Path) -> list[str]:
    """Of a track's file. Raises UserError."""
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as a camera track: {error}") from None


def numbers_in(where: str, line: str, count: int, columns: str) -> list[float]:
    """The ``count`` finite numbers of a line. Raises UserError that says ``where``, and which ``columns`` there are."""
    words = line.split()
    if len(words) != count:
        raise UserError(f"{where}: {len(words)} columns, expected {count}: {columns}")
    try:
        values = [float(word) for word in words]
    except ValueError as error:
        raise UserError(f"{where}: {error}, expected numbers: {columns}") from None
    if not all(map(math.isfinite, values)):
        raise UserError(f"{where}: a number that is not finite, expected {columns}")
    return values


def rising(times_s: Array) -> NDArray[np.bool_]:
    """Which samples (n,) are later than all before them."""
    return np.concatenate([[True], np.diff(np.maximum.accumulate(times_s)) > 0.0])


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
    rotations = (turn * Rotation.from_quat(track.rotations)).as_quat()
    return replace(track, positions_m=positions_m, rotations=rotations)


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
        if after_s - before_s > track.lost_s:
            return None
        part = float((time_s - before_s) / (after_s - before_s))
        return interpolate(track.pose(after - 1), track.pose(after), part)

    return at
