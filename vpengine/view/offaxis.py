"""Off-axis views through a rectangle in space (R. Kooima, Generalized Perspective Projection, 2009)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vpengine.view.lens import FAR_M, NEAR_M, frustum
from vpengine.view.view import View

Array = NDArray[np.floating]


def view_through(
    lower_left_m: Array,
    lower_right_m: Array,
    upper_left_m: Array,
    eye_m: Array,
    resolution: tuple[int, int],
    time_s: float = 0.0,
) -> View:
    """The View whose picture, put on the rectangle, is right for an eye at ``eye_m``; corners in stage space.

    Raises ValueError when the eye lies on or behind the rectangle's plane.
    """
    right = _unit(lower_right_m - lower_left_m)
    up = _unit(upper_left_m - lower_left_m)
    towards_eye = _unit(np.cross(right, up))
    to_left, to_right, to_top = lower_left_m - eye_m, lower_right_m - eye_m, upper_left_m - eye_m
    distance_m = float(-to_left @ towards_eye)
    if distance_m <= 1e-6:
        raise ValueError("the eye lies on or behind the surface")
    scale = NEAR_M / distance_m
    clip_from_view = frustum(
        float(right @ to_left) * scale,
        float(right @ to_right) * scale,
        float(up @ to_left) * scale,
        float(up @ to_top) * scale,
        NEAR_M,
        FAR_M,
    )
    view_from_stage = np.eye(4)
    view_from_stage[:3, :3] = [right, up, towards_eye]
    view_from_stage[:3, 3] = -view_from_stage[:3, :3] @ eye_m
    return View(view_from_stage, clip_from_view, resolution, time_s)


def _unit(vector: Array) -> Array:
    return vector / np.linalg.norm(vector)
