"""The shape of a grade's table, shared by those who fit it (neural) and those who look it up (compose, shaders)."""

from __future__ import annotations

import numpy as np

from vpengine.frames.keyframe import Grade

DISTANCES, ELEVATIONS, LUMINANCES = 12, 16, 8
SHAPE = (DISTANCES, ELEVATIONS, LUMINANCES)
LUMINANCE_RANGE = (0.1, 0.75)  # ACEScct: 1/6 of a percent to 7 times diffuse white


def neutral_grade() -> Grade:
    """The table that changes nothing."""
    return Grade(np.broadcast_to(np.eye(3, 4, dtype=np.float32), (*SHAPE, 3, 4)).copy())
