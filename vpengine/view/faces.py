"""The six faces of a cube around an eye: Views that together see everything."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from vpengine.view.lens import clip_from_view_symmetric
from vpengine.view.pose import look_at, view_from_stage
from vpengine.view.view import View

# Directions in stage space.
FACES = 6
_FACES = np.array([[0, 1, 0], [1, 0, 0], [0, -1, 0], [-1, 0, 0], [0, 0, 1], [0, 0, -1]], float)
_FACE_FOV_DEG = 90.5  # a little over a right angle, so that neighbours overlap by more than a texel
SURROUND_FOV_DEG = 100.0  # of generated faces: a network sees less near a picture's edge, and neighbours are blended


def face_views(
    eye_m: NDArray[np.floating], resolution: int, time_s: float = 0.0, fov_deg: float = _FACE_FOV_DEG
) -> list[View]:
    """Six Views around ``eye_m`` that together see everything."""
    return [face_view(eye_m, face, resolution, time_s, fov_deg) for face in range(FACES)]


def face_view(
    eye_m: NDArray[np.floating], face: int, resolution: int, time_s: float = 0.0, fov_deg: float = SURROUND_FOV_DEG
) -> View:
    """One of them; ``face`` is its index."""
    eye_m = np.asarray(eye_m, float)
    pose = look_at(eye_m, eye_m + _FACES[face])
    return View(view_from_stage(pose), clip_from_view_symmetric(fov_deg, 1.0), (resolution, resolution), time_s)


def face_directions() -> NDArray[np.float64]:
    """(6, 3): where each looks, in stage space."""
    return _FACES.copy()


@cache
def face_rotations() -> NDArray[np.float64]:
    """(6, 3, 3): from directions in stage space to each face's view space."""
    return np.array([view.view_from_stage[:3, :3] for view in face_views(np.zeros(3), 1)])
