"""Lenses: from OpenTrackIO's lens fields to a projection, with overscan."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vpengine.view.distortion import AnyDistortion

Array = NDArray[np.floating]

NEAR_M = 0.1
FAR_M = 4000.0


@dataclass(frozen=True)
class Lens:
    """A pinhole with OpenTrackIO's terms; sensor and projection_offset in millimetres, +y down as there.

    distortion: what the glass does to the pinhole's picture; None where nobody says.
    """

    sensor_mm: tuple[float, float]
    pinhole_focal_length_mm: float
    projection_offset_mm: tuple[float, float] = (0.0, 0.0)
    entrance_pupil_offset_m: float = 0.0
    focus_distance_m: float = 0.0
    t_stop: float = 0.0
    distortion: AnyDistortion | None = None


def vertical_fov_deg(lens: Lens) -> float:
    """The angle from the sensor's upper edge to its lower one, as if the lens's axis met its middle."""
    return math.degrees(2.0 * math.atan(lens.sensor_mm[1] / (2.0 * lens.pinhole_focal_length_mm)))


def clip_from_view(lens: Lens, overscan_percent: float = 0.0) -> Array:
    """(4, 4) for a lens, widened by ``overscan_percent`` of the picture on each side (15 makes it 1.3 times as wide).

    OpenLensIO's projection: left = near (-w/2 - dPx) / F, top = near (h/2 + dPy) / F (PROTOCOLS 7.3).
    """
    scale = 1.0 + 2.0 * overscan_percent / 100.0
    half_width, half_height = (0.5 * side * scale for side in lens.sensor_mm)
    focal = lens.pinhole_focal_length_mm
    offset_x, offset_y = lens.projection_offset_mm
    return frustum(
        NEAR_M * (-half_width - offset_x) / focal,
        NEAR_M * (half_width - offset_x) / focal,
        NEAR_M * (-half_height + offset_y) / focal,
        NEAR_M * (half_height + offset_y) / focal,
        NEAR_M,
        FAR_M,
    )


def frustum(left: float, right: float, bottom: float, top: float, near_m: float, far_m: float) -> Array:
    """OpenGL's glFrustum matrix, (4, 4); edges in metres on the near plane."""
    out = np.zeros((4, 4))
    out[0, 0] = 2.0 * near_m / (right - left)
    out[1, 1] = 2.0 * near_m / (top - bottom)
    out[0, 2] = (right + left) / (right - left)
    out[1, 2] = (top + bottom) / (top - bottom)
    out[2, 2] = -(far_m + near_m) / (far_m - near_m)
    out[2, 3] = -2.0 * far_m * near_m / (far_m - near_m)
    out[3, 2] = -1.0
    return out


def clip_from_view_symmetric(horizontal_fov_deg: float, aspect: float) -> Array:
    """(4, 4) for a field of view across the picture's width."""
    half_width = NEAR_M * float(np.tan(np.radians(horizontal_fov_deg) / 2.0))
    return frustum(-half_width, half_width, -half_width / aspect, half_width / aspect, NEAR_M, FAR_M)
