"""Recorded camera tracks in RealEstate10K's text format: a video's URL, then a line for each sample.

A sample: its time in microseconds, the lens (fx fy cx cy, shares of the picture's sides), two zeros, and the 3x4 matrix
from the world to the camera, row by row; both have OpenCV's axes. It was found from pictures alone, so its scale is
unknown: it is taken as metres. Its samples are a quarter of a second apart.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from vpengine.errors import UserError
from vpengine.tracking.tracks import CV_FROM_STAGE_CAMERA, Track, lines_of, numbers_in, rising

COLUMNS = "time_us fx fy cx cy 0 0 and a 3x4 matrix"
LOST_S = 0.5


def is_realestate10k(lines: list[str]) -> bool:
    """Whether a file that has these lines begins as one of its tracks does."""
    return bool(lines) and lines[0].lstrip("\ufeff").startswith(("http://", "https://"))


def read_realestate10k(path: Path) -> Track:
    """The track of a file, in the stage's axes. Raises UserError with file:line."""
    lines = lines_of(path)
    if not is_realestate10k(lines):
        raise UserError(f"{path}:1: no URL, expected that of the video that the track was found in")
    rows = [_row(f"{path}:{number}", line) for number, line in enumerate(lines[1:], start=2) if line.strip()]
    if len(rows) < 2:
        raise UserError(f"{path}: {len(rows)} poses, expected at least two lines of {COLUMNS}")
    table = np.array(rows)
    table = table[rising(table[:, 0])]
    camera_from_world = table[:, 7:].reshape(-1, 3, 4)
    world_from_camera = Rotation.from_matrix(camera_from_world[..., :3]).inv()
    stage_from_world = CV_FROM_STAGE_CAMERA.inv()
    positions_m = stage_from_world.apply(-world_from_camera.apply(camera_from_world[..., 3]))
    rotations = (stage_from_world * world_from_camera * CV_FROM_STAGE_CAMERA).as_quat()
    return Track((table[:, 0] - table[0, 0]) / 1e6, positions_m, rotations, LOST_S)


def _row(where: str, line: str) -> list[float]:
    values = numbers_in(where, line, 19, COLUMNS)
    matrix = np.array(values[7:]).reshape(3, 4)[:, :3]
    if np.abs(matrix @ matrix.T - np.eye(3)).max() > 0.01 or np.linalg.det(matrix) < 0.0:
        raise UserError(f"{where}: a 3x4 matrix that does not begin with a rotation")
    return values
