"""A wall's highlight roll-off on numpy: hue stays while light nears the panel's peak. GLSL: include/rolloff.glsl.

The curve is Reinhard's with a white point (Reinhard et al. 2002, equation 4) above a knee. As in the Khronos PBR
Neutral tone mapper (2024) it works on the brightest channel, so that ratios stay, and what is beyond turns white. There
that is in linear light, which moves blue by 20 degrees; here in cone responses bent nearly as Oklab's are (Ottosson
2020), in which constant hue is nearly straight: light is c^2 (1 + c^2) / 2 instead of c^3, whose inverse is two square
roots. Colours outside the panel's gamut go towards grey there, of the same lightness, until no channel is below 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

KNEE = 0.5  # of the panel's peak: what is below is shown as it is
PEAK_REACHED = 16.0  # times peak: what the panel's peak shows
WHITENING = 0.3  # Khronos PBR Neutral has 0.15; with twice that a sun and the sky in the trees are white by eye
OUTSIDE = 0.002  # of the brightest channel: less negative light than that is rounding
INWARD = 2.5  # how much chroma negative light costs: AP1's own primaries just come inside

LMS_FROM_REC709 = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
REC709_FROM_LMS = np.linalg.inv(LMS_FROM_REC709)
LIGHTNESS = np.array([0.2104542553, 0.7936177850, -0.0040720468])  # Oklab's, of bent cones


@dataclass(frozen=True)
class RollOff:
    """What the shader is told. share: 1 the whole, 0 none: light is clipped at the peak, channel by channel.

    Between the two (a chart dissolves into a picture) the knee is nearer to the peak.
    """

    knee: float
    peak_reached: float
    shoulder: tuple[float, float]
    whitening: float
    outside: float

    @classmethod
    def of(cls, share: float) -> RollOff:
        if share <= 0.0:
            return cls(1e30, PEAK_REACHED, (0.0, 0.0), 0.0, 1e30)
        knee = 1.0 - share * (1.0 - KNEE)
        rest = 1.0 - knee
        return cls(knee, PEAK_REACHED, (rest / (PEAK_REACHED - knee) ** 2, 1.0 / rest), share * WHITENING, OUTSIDE)


WHOLE = RollOff.of(1.0)


def rolled_peak(level: NDArray[Any], to: RollOff = WHOLE) -> Array:
    """What share of the peak is shown where the brightest channel asks for ``level`` times peak; smooth at the knee."""
    level = np.asarray(level, np.float64)
    over = np.maximum(np.minimum(level, to.peak_reached) - to.knee, 0.0)
    return np.minimum(level, to.knee) + over * (1.0 + over * to.shoulder[0]) / (1.0 + over * to.shoulder[1])


def rolled_off(rec709: NDArray[Any], share: float = 1.0) -> Array:
    """Light (..., 3) in times the panel's peak, of its Rec.709 primaries, as it can show it: of the same hue.

    What is neither above the knee nor out of gamut comes back as it is. Of the most saturated colours that a camera's
    gamut has, a little stays below 0, which the panel clips.
    """
    to, rgb = RollOff.of(share), np.asarray(rec709, np.float64)
    high, low = rgb.max(axis=-1, keepdims=True), rgb.min(axis=-1, keepdims=True)
    touched = (high > 0.0) & ((high > to.knee) | (low < -to.outside * high))
    high = np.where(touched, np.minimum(high, 65504.0), 1.0)
    return np.where(touched, _rolled_off(np.minimum(rgb, 65504.0) / high, high, to), rgb)


def _rolled_off(rgb: Array, high: Array, to: RollOff) -> Array:
    """rgb: over ``high``, its brightest channel."""
    peak = rolled_peak(high, to)
    whiter = 1.0 + to.whitening * (high - peak)
    cones = np.sqrt(np.sqrt(0.25 + 2.0 * np.maximum(rgb @ LMS_FROM_REC709.T, 0.0)) - 0.5)
    grey = (cones @ LIGHTNESS)[..., None]
    whole = 0.5 * grey**2 * (1.0 + grey**2)
    inside = whole / (whole - INWARD * np.minimum(rgb.min(axis=-1, keepdims=True), 0.0))
    squares = (1.0 + (grey - 1.0) / whiter + (cones - grey) * inside / whiter) ** 2
    shown = (0.5 * squares * (1.0 + squares)) @ REC709_FROM_LMS.T
    return shown * peak / np.maximum(shown.max(axis=-1, keepdims=True), 1.0)
