"""Colour curves on numpy: ACEScct (S-2016-001) and ACEScg luminance. The GLSL twin is shaders/include/color.glsl."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LUMINANCE = np.array([0.2722287168, 0.6740817658, 0.0536895174])  # ACEScg (AP1) to CIE Y

# ACEScg to linear Rec.709 (D60 to D65, Bradford), as OpenColorIO's built-in ACES configurations convert; tested there.
REC709_FROM_ACESCG = np.array(
    [
        [1.70505, -0.62179, -0.08326],
        [-0.13026, 1.14080, -0.01055],
        [-0.02400, -0.12897, 1.15297],
    ]
)


def acescct_from_linear(linear: NDArray[Any]) -> NDArray[np.float32]:
    linear = np.asarray(linear, np.float32)
    curve = (np.log2(np.maximum(linear, np.float32(1e-6))) + 9.72) / 17.52
    toe = 10.5402377416545 * linear + 0.0729055341958355
    return np.where(linear <= 0.0078125, toe, curve).astype(np.float32)


def linear_from_acescct(cct: NDArray[Any]) -> NDArray[np.float32]:
    cct = np.asarray(cct, np.float32)
    curve = np.exp2(np.minimum(cct, np.float32(1.468)) * 17.52 - 9.72)
    toe = (cct - 0.0729055341958355) / 10.5402377416545
    return np.where(cct <= 0.155251141552511, toe, curve).astype(np.float32)


def srgb_encoded(linear: NDArray[Any]) -> NDArray[Any]:
    """Light in 0..1 as sRGB's code values in 0..1 (IEC 61966-2-1)."""
    curve = 1.055 * np.maximum(linear, 0.0031308) ** (1.0 / 2.4) - 0.055
    return np.where(linear <= 0.0031308, 12.92 * linear, curve)


def bt709_encoded(linear: NDArray[Any]) -> NDArray[Any]:
    """Light in 0..1 as a camera's code values in 0..1 (Rec. ITU-R BT.709-6, item 1.2)."""
    return np.where(linear < 0.018, 4.5 * linear, 1.099 * np.maximum(linear, 0.018) ** 0.45 - 0.099)


def luminance(acescg: NDArray[Any]) -> NDArray[Any]:
    """(..., 3) to (...)."""
    return acescg @ LUMINANCE.astype(acescg.dtype)
