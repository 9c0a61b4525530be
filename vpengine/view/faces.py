"""The six faces of a cube around an eye: Views that together see everything."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vpengine.view.lens import clip_from_view_symmetric
from vpengine.view.pose import look_at, view_from_stage
from vpengine.view.view import View

FACES = 6
# Directions in stage space.
_FACES = np.array([[0, 1, 0], [1, 0, 0], [0, -1, 0], [-1, 0, 0], [0, 0, 1], [0, 0, -1]], float)
_FACE_FOV_DEG = 90.5  # a little over a right angle, so that neighbours overlap by more than a texel


def face_views(eye_m: NDArray[np.floating], resolution: int, time_s: float = 0.0) -> list[View]:
    """Six Views around ``eye_m`` that together see everything."""
    eye_m, clip_from_view = np.asarray(eye_m, float), clip_from_view_symmetric(_FACE_FOV_DEG, 1.0)
    return [
        View(view_from_stage(look_at(eye_m, eye_m + direction)), clip_from_view, (resolution, resolution), time_s)
        for direction in _FACES
    ]
