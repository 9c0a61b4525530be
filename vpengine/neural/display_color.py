"""From the working space to the pictures that image models know, and back: display-referred sRGB.

A model has never seen a value above 1, so highlights are rolled off into the last stretch below it, and unrolled again
where its picture comes back: a lamp in the plate that the model leaves alone is as bright as it was, up to PEAK.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vpengine.view.color import REC709_FROM_ACESCG, acescct_from_linear, linear_from_acescct

KNEE = 0.6  # of linear display light: below it nothing is changed
PEAK = 16.0  # four stops above white; brighter is not told apart from it
_ACESCG_FROM_REC709 = np.linalg.inv(REC709_FROM_ACESCG)
_TOP = (PEAK - KNEE) / (1.0 - KNEE)  # PEAK on the roll-off's own scale


def display_from_acescct(color_cct: NDArray[Any]) -> NDArray[np.float32]:
    """(..., 3) ACEScct to (..., 3) sRGB, 0 to 1; what is outside of sRGB's gamut is clipped to it."""
    linear = linear_from_acescct(color_cct) @ REC709_FROM_ACESCG.T.astype(np.float32)
    light = np.clip(linear, 0.0, PEAK)
    above = np.maximum(light - KNEE, 0.0) / (1.0 - KNEE)
    # Hyperbolic, with slope 1 at the knee, scaled so that PEAK is 1.
    rolled = KNEE + (1.0 - KNEE) * above * (1.0 + 1.0 / _TOP) / (1.0 + above)
    return _encoded(np.where(light > KNEE, rolled, light)).astype(np.float32)


def acescct_from_display(srgb: NDArray[Any]) -> NDArray[np.float32]:
    """The inverse, for (..., 3) of 0 to 1; what is beyond is clipped."""
    light = _decoded(np.clip(srgb, 0.0, 1.0))
    rolled = np.maximum(light - KNEE, 0.0) / (1.0 - KNEE) / (1.0 + 1.0 / _TOP)
    above = rolled / np.maximum(1.0 - rolled, 1e-6)
    linear = np.where(light > KNEE, KNEE + (1.0 - KNEE) * above, light)
    return acescct_from_linear(linear @ _ACESCG_FROM_REC709.T)


def _encoded(linear: NDArray[Any]) -> NDArray[Any]:
    """IEC 61966-2-1."""
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-9) ** (1.0 / 2.4) - 0.055)


def _decoded(srgb: NDArray[Any]) -> NDArray[Any]:
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
