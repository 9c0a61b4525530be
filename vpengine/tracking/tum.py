"""Recorded camera tracks in TUM's text format: t tx ty tz qx qy qz qw.

TUM's world has Z up; its camera's axes are OpenCV's: X right, Y down, Z forward.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from vpengine.errors import UserError
from vpengine.tracking.tracks import CV_FROM_STAGE_CAMERA, Track, lines_of, numbers_in, rising

COLUMNS = "t tx ty tz qx qy qz qw"


def read_tum(path: Path) -> Track:
    """The track of a file, its world's axes taken as the stage's. Raises UserError with file:line."""
    rows = [
        _row(f"{path}:{number}", line)
        for number, line in enumerate(lines_of(path), start=1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if len(rows) < 2:
        raise UserError(f"{path}: {len(rows)} poses, expected at least two lines of {COLUMNS!r}")
    table = np.array(rows)
    table = table[rising(table[:, 0])]
    rotation = Rotation.from_quat(table[:, 4:]) * CV_FROM_STAGE_CAMERA
    return Track(table[:, 0] - table[0, 0], table[:, 1:4], rotation.as_quat())


def write_tum(path: Path, track: Track) -> None:
    """Poses in stage space, with a line that says so; ``read_tum`` reads them back. Raises OSError."""
    turned = (Rotation.from_quat(track.rotations) * CV_FROM_STAGE_CAMERA.inv()).as_quat(canonical=True)
    rows = np.column_stack([track.times_s, track.positions_m, turned])
    lines = [" ".join(f"{value:.9f}" for value in row) for row in rows]
    path.write_text("\n".join([f"# {COLUMNS}", *lines]) + "\n", encoding="utf-8")


def _row(where: str, line: str) -> list[float]:
    values = numbers_in(where, line, 8, COLUMNS)
    length = math.hypot(*values[4:])
    if not 0.7 < length < 1.4:
        raise UserError(f"{where}: a quaternion of length {length:.3g}, expected 1")
    return values
