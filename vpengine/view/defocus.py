"""Defocus by the thin lens: how large a circle a point becomes on the sensor."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from vpengine.view.lens import NEAR_M, Lens

Array = NDArray[np.floating]


def blur_mm_m(lens: Lens) -> float:
    """What a point's distance in 1/m from the plane of focus is multiplied with for its circle's diameter in mm; 0
    where the T-stop or the focus is not known (0) or without end.

    c = f / N * v * |1/s - 1/d|, with f = v s / (v + s) for a picture plane v behind the lens, which the pinhole's focal
    length is: the textbook's f^2 / (N (s - f)) * |d - s| / d. The T-stop stands for N. All from the entrance pupil.
    """
    known = all(0.0 < value < math.inf for value in (lens.t_stop, lens.focus_distance_m))
    if not known:
        return 0.0
    behind_mm, focus_mm = lens.pinhole_focal_length_mm, 1e3 * lens.focus_distance_m
    focal_mm = behind_mm * focus_mm / (behind_mm + focus_mm)
    return focal_mm / lens.t_stop * behind_mm * 1e-3


def circle_mm(lens: Lens, depth_m: Array) -> Array:
    """Diameters of the circles of confusion of points at ``depth_m``, which may be infinite."""
    scale = blur_mm_m(lens)
    if scale == 0.0:
        return np.zeros_like(np.asarray(depth_m, float))
    return np.asarray(scale * np.abs(1.0 / lens.focus_distance_m - 1.0 / np.asarray(depth_m, float)))


def largest_circle_mm(lens: Lens) -> float:
    """Of anything that can be drawn: at the near plane, or infinitely far."""
    return float(circle_mm(lens, np.array([NEAR_M, np.inf])).max())
