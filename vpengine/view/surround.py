"""The faces of a surround: the pictures all round a place that a generator is asked for, and which shows a direction.

Four look level (forward, right, back, left), one up, and two obliquely down, forward and back: seen straight from above
a floor is a wall like any other, and a generator that has depth but no plumb line puts no snow on it. The shader's twin
is shaders/include/surround.glsl.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from vpengine.view.lens import clip_from_view_symmetric
from vpengine.view.pose import look_at, view_from_stage
from vpengine.view.view import View

Array = NDArray[np.floating]

FACES = 7
_DOWN = np.radians(-55.0)
_DIRECTIONS = np.array(
    [
        [0.0, 1.0, 0.0],
        [1.0, 0.0, 0.0],
        [0.0, -1.0, 0.0],
        [-1.0, 0.0, 0.0],
        [0.0, 0.0, 1.0],
        [0.0, np.cos(_DOWN), np.sin(_DOWN)],
        [0.0, -np.cos(_DOWN), np.sin(_DOWN)],
    ]
)
# Each shows its side of a cube (those that look down half of the lowest), and a border in which neighbours are blended:
# a generator sees less near a picture's edge.
_FOV_DEG = (100.0, 100.0, 100.0, 100.0, 100.0, 115.0, 115.0)
SEAM = 0.88  # of the largest part of a direction: from there on the neighbour's face is blended in
FOLD = 0.12  # of the downward part of a direction: to either side of where the two that look down meet


def surround_view(eye_m: Array, face: int, resolution: int, time_s: float = 0.0) -> View:
    """What face 0 to 6 shows, ``resolution`` pixels square."""
    eye_m = np.asarray(eye_m, float)
    pose = look_at(eye_m, eye_m + _DIRECTIONS[face])
    clip_from_view = clip_from_view_symmetric(_FOV_DEG[face], 1.0)
    return View(view_from_stage(pose), clip_from_view, (resolution, resolution), time_s)


def surround_directions() -> Array:
    """(7, 3): where each looks, in stage space."""
    return _DIRECTIONS.copy()


@cache
def faces_from_stage() -> Array:
    """(7, 3, 3): from directions in stage space to (ndc x, ndc y, 1) times how far along the face's axis they go."""
    views = [surround_view(np.zeros(3), face, 1) for face in range(FACES)]
    return np.array([(view.clip_from_view[[0, 1, 3], :3] @ view.view_from_stage[:3, :3]) for view in views])


def surround_weights(direction: Array) -> Array:
    """How much each face counts for directions (..., 3) in stage space: (..., 7), 1 where it shows them alone."""
    size = np.abs(direction)
    near = _smoothstep((size / size.max(axis=-1, keepdims=True) - SEAM) / (1.0 - SEAM))
    x, y, z = (direction[..., axis] for axis in range(3))
    forward = _smoothstep(0.5 + 0.5 * y / np.maximum(FOLD * size[..., 2], 1e-9))
    side = np.where
    return np.stack(
        [
            side(y > 0.0, near[..., 1], 0.0),
            side(x > 0.0, near[..., 0], 0.0),
            side(y > 0.0, 0.0, near[..., 1]),
            side(x > 0.0, 0.0, near[..., 0]),
            side(z > 0.0, near[..., 2], 0.0),
            side(z > 0.0, 0.0, near[..., 2]) * forward,
            side(z > 0.0, 0.0, near[..., 2]) * (1.0 - forward),
        ],
        axis=-1,
    )


def _smoothstep(t: Array) -> Array:
    t = np.clip(t, 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)
