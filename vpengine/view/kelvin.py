"""The colour of a lamp by its colour temperature."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vpengine.view.color import LUMINANCE

# CIE XYZ to ACEScg, without adaptation: both are lights (S-2014-004, annex A).
ACESCG_FROM_XYZ = np.array(
    [
        [1.6410233797, -0.3248032942, -0.2364246952],
        [-0.6636628587, 1.6153315917, 0.0167563477],
        [0.0117218943, -0.0082844420, 0.9883948585],
    ]
)


def xy_of_kelvin(kelvin: float) -> tuple[float, float]:
    """CIE 1931 (x, y) of a black body of 1000 to 15000 K, within 1e-4 in (u, v).

    M. Krystek, An Algorithm to Calculate Correlated Colour Temperature, Color Research and Application 10 (1985).
    """
    t = float(kelvin)
    u = (0.860117757 + 1.54118254e-4 * t + 1.28641212e-7 * t**2) / (1.0 + 8.42420235e-4 * t + 7.08145163e-7 * t**2)
    v = (0.317398726 + 4.22806245e-5 * t + 4.20481691e-8 * t**2) / (1.0 - 2.89741816e-5 * t + 1.61456053e-7 * t**2)
    scale = 2.0 * u - 8.0 * v + 4.0
    return 3.0 * u / scale, 2.0 * v / scale


def acescg_of_kelvin(kelvin: float) -> NDArray[np.float64]:
    """(3,): a black body's light of luminance 1. About 6000 K is near ACEScg's own white, and hence near neutral."""
    x, y = xy_of_kelvin(kelvin)
    rgb = ACESCG_FROM_XYZ @ np.array([x / y, 1.0, (1.0 - x - y) / y])
    out: NDArray[np.float64] = rgb / (rgb @ LUMINANCE)
    return out
