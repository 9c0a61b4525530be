"""Lenses from OpenCV's calibration, and to it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vpengine.view.distortion import U_D, Distortion
from vpengine.view.lens import Lens

Array = NDArray[np.floating]


def from_opencv(camera_matrix: Array, coefficients: Sequence[float], size: tuple[int, int], width_mm: float) -> Lens:
    """The lens of a camera matrix (3, 3) and k1 k2 p1 p2 [k3 [k4 k5 k6]], for a picture of ``size`` (width, height)
    pixels on a sensor ``width_mm`` wide. Its height follows from fx and fy, so that one focal length does for both.

    OpenCV's pixel (0, 0) is the middle of the first one; in OpenLensIO's millimetres the picture's middle is (0, 0).
    Its k4 to k6 are the denominator's. p1 and p2 are over F, not F^2 as SMPTE's paper has them (PROTOCOLS 1.5).
    """
    fx, fy, cx, cy = (float(camera_matrix[i][j]) for i, j in ((0, 0), (1, 1), (0, 2), (1, 2)))
    width, height = size
    mm_x = width_mm / width
    mm_y = mm_x * fx / fy
    focal = fx * mm_x
    k1, k2, p1, p2, k3, k4, k5, k6 = (*map(float, coefficients), *(0.0,) * (8 - len(coefficients)))
    radial = (k1 / focal**2, k4 / focal**2, k2 / focal**4, k5 / focal**4, k3 / focal**6, k6 / focal**6)
    offset = (mm_x * (cx + 0.5 - 0.5 * width), mm_y * (cy + 0.5 - 0.5 * height))
    distortion = Distortion(radial, (p1 / focal, p2 / focal), model=U_D)
    return Lens((width_mm, mm_y * height), focal, offset, distortion=distortion)


def to_opencv(lens: Lens, size: tuple[int, int]) -> tuple[Array, Array]:
    """(3, 3) camera matrix and (8,) k1 k2 p1 p2 k3 k4 k5 k6 of a lens whose distortion is U-D, or is none.

    Raises ValueError for any other: OpenCV has the one direction only, and no centre beside the axis.
    """
    distortion = lens.distortion if lens.distortion is not None else Distortion(model=U_D)
    if not isinstance(distortion, Distortion) or distortion.model != U_D or any(distortion.offset_mm):
        raise ValueError("OpenCV has Brown-Conrady U-D alone, around the lens's axis")
    focal, (width, height) = lens.pinhole_focal_length_mm, size
    px_x, px_y = width / lens.sensor_mm[0], height / lens.sensor_mm[1]
    k1, k4, k2, k5, k3, k6 = (k * focal**power for k, power in zip(distortion.radial, (2, 2, 4, 4, 6, 6), strict=True))
    p1, p2 = (p * focal for p in distortion.tangential)
    cx = 0.5 * width - 0.5 + lens.projection_offset_mm[0] * px_x
    cy = 0.5 * height - 0.5 + lens.projection_offset_mm[1] * px_y
    matrix = np.array([[focal * px_x, 0.0, cx], [0.0, focal * px_y, cy], [0.0, 0.0, 1.0]])
    return matrix, np.array([k1, k2, p1, p2, k3, k4, k5, k6])
