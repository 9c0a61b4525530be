"""From a file's own primaries and white to ACEScg: red, green, blue and white, x and y of each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

AP1 = (0.713, 0.293, 0.165, 0.830, 0.128, 0.044, 0.32168, 0.33767)
REC709 = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)
P3_D65 = (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.3127, 0.3290)
ADOBE_RGB = (0.64, 0.33, 0.21, 0.71, 0.15, 0.06, 0.3127, 0.3290)
REC2020 = (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, 0.3127, 0.3290)
AP0 = (0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.077, 0.32168, 0.33767)
D50_XYZ = np.array([0.9642, 1.0, 0.8249])  # what ICC profiles are relative to

KNOWN = {
    "ACEScg": AP1,
    "ACES2065-1": AP0,
    "Linear Rec.709 (sRGB)": REC709,
    "Linear P3-D65": P3_D65,
    "Linear Rec.2020": REC2020,
}

# Bradford's cone responses: as OpenColorIO's ACES configurations adapt.
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def known_space(chromaticities: Sequence[float]) -> str | None:
    """The OpenColorIO name of the linear space with these chromaticities, or None."""
    for name, known in KNOWN.items():
        if np.allclose(chromaticities, known, atol=1e-3):
            return name
    return None


def acescg_from(chromaticities: Sequence[float]) -> Array:
    """(3, 3): linear light of these primaries to ACEScg, white to white. Raises ValueError where they make no space."""
    xyz_from_rgb, white = _xyz_from_rgb(chromaticities)
    return acescg_from_xyz(white) @ xyz_from_rgb


def acescg_from_xyz(white: Array) -> Array:
    """(3, 3): XYZ under a white (its XYZ) to ACEScg, adapted to its white."""
    ap1, ap1_white = _xyz_from_rgb(AP1)
    scale = np.diag((_BRADFORD @ ap1_white) / (_BRADFORD @ white))
    return np.asarray(np.linalg.inv(ap1) @ np.linalg.inv(_BRADFORD) @ scale @ _BRADFORD)


def _xyz_from_rgb(chromaticities: Sequence[float]) -> tuple[Array, Array]:
    """(3, 3) and the white's XYZ, of luminance 1."""
    x, y = np.asarray(chromaticities, float).reshape(4, 2).T
    if not (np.isfinite(x).all() and np.isfinite(y).all()) or y[3] < 0.05:
        raise ValueError("chromaticities that are no colours")
    xyz = np.stack([x, y, 1.0 - x - y])
    white = xyz[:, 3] / y[3]
    primaries = xyz[:, :3]
    if abs(float(np.linalg.det(primaries))) < 1e-4:
        raise ValueError("chromaticities that are no colours")
    return primaries * np.linalg.solve(primaries, white), white


def luminance_weights(chromaticities: Sequence[float]) -> Array:
    """(3,): the part of red, green and blue in Y. Raises ValueError where the chromaticities make no space."""
    return _xyz_from_rgb(chromaticities)[0][1]
