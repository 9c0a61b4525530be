"""What a trained look does to a plate: by zone a curve of luminance, a map of colour, and a gain of fine contrast.

All of it in ACEScct, on luminance (the mean of the three channels) and two axes of colour across it. The curves rise
everywhere, with a slope between SLOPES, and colour is mapped by a positive matrix: nothing is inverted. A pixel takes
the transforms of its zones in proportion (``look_zones``), so that nothing steps where zones meet.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from vpengine.neural.generator import Generated, Planes
from vpengine.neural.look_zones import ZONES

LOW, HIGH, KNOTS = 0.0, 1.2, 61  # of luminance; beyond it the curves go on as they end
SLOPES = (0.45, 1.5)
SATURATIONS = (0.4, 1.6)
DETAILS = (0.75, 1.4)
FURTHEST_OFFSET = 0.07  # of colour, 1.7 stops between red and blue: a light's, and not a meadow's
_FURTHEST = 3.0  # of a curve's ends
BLACK, BRIGHTEST = 0.0729055341958355, 1.468  # ACEScct of no light, and of half float's most
# (channels, axes): warm to cool, green to magenta; with luminance they are the whole of a colour.
COLOR_AXES = np.array([[1 / sqrt(2), -1 / sqrt(6)], [0.0, 2 / sqrt(6)], [-1 / sqrt(2), -1 / sqrt(6)]], np.float32)
_BASE_SHARE = 1 / 40  # of the picture's width: the radius within which fine contrast is seen
_EDGE = 0.05  # ACEScct: steps above this are edges, and no fine contrast

Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class LookTransform:
    """curve (zones, KNOTS): luminance out, over luminance in from LOW to HIGH. offset (zones, KNOTS, 2): colour that is
    added. color (zones, 2, 2): the matrix of colour. detail (zones,): the gain of fine contrast.
    """

    curve: Array
    offset: Array
    color: Array
    detail: Array

    def arrays(self) -> dict[str, Array]:
        return {"curve": self.curve, "offset": self.offset, "color": self.color, "detail": self.detail}


SHAPES = {
    "curve": (len(ZONES), KNOTS),
    "offset": (len(ZONES), KNOTS, 2),
    "color": (len(ZONES), 2, 2),
    "detail": (len(ZONES),),
}


def knots() -> Array:
    return np.linspace(LOW, HIGH, KNOTS, dtype=np.float32)


def plain_transform() -> LookTransform:
    """The one that changes nothing."""
    zones = len(ZONES)
    return LookTransform(
        np.repeat(knots()[None], zones, 0),
        np.zeros((zones, KNOTS, 2), np.float32),
        np.repeat(np.eye(2, dtype=np.float32)[None], zones, 0),
        np.ones(zones, np.float32),
    )


def bounds_fault(transform: LookTransform) -> str:
    """What it does that no look may, in words; "" for a good one."""
    if not all(np.isfinite(array).all() for array in transform.arrays().values()):
        return "it holds NaN or infinity"
    slope = np.diff(transform.curve, axis=-1) / np.diff(knots())
    if slope.min() < SLOPES[0] - 0.01 or slope.max() > SLOPES[1] + 0.01:
        return f"a curve has slopes of {slope.min():.2f} to {slope.max():.2f}, allowed {SLOPES[0]} to {SLOPES[1]}"
    if not np.allclose(transform.color, np.swapaxes(transform.color, 1, 2), atol=1e-4):
        return "a colour matrix is not symmetric"
    saturation = np.linalg.eigvalsh(transform.color)
    if saturation.min() < SATURATIONS[0] - 0.01 or saturation.max() > SATURATIONS[1] + 0.01:
        return f"a colour matrix scales by {saturation.min():.2f} to {saturation.max():.2f}, allowed {SATURATIONS}"
    farthest = np.linalg.norm(transform.offset, axis=-1).max()
    if farthest > FURTHEST_OFFSET + 0.001 or np.abs(transform.curve).max() > _FURTHEST:
        return "it shifts colours too far"
    if transform.detail.min() < DETAILS[0] - 0.01 or transform.detail.max() > DETAILS[1] + 0.01:
        return f"fine contrast is scaled beyond {DETAILS}"
    return ""


def applied(transform: LookTransform, color_cct: Planes, zones: Array, mix: float = 1.0) -> Generated:
    """The change of a picture (height, width, 3) with its zones (height, width, zones), by ``mix`` of 0 to 1.

    The gain is the curves' slope: what a keyframe does not resolve of its plate is scaled as the like of it was.
    """
    height, width, _ = color_cct.shape
    color, part = color_cct.reshape(-1, 3), zones.reshape(-1, len(ZONES))
    luminance = color @ np.full(3, 1 / 3, np.float32)
    fine = luminance - base_of(luminance.reshape(height, width)).reshape(-1)
    curve, slope, offset = _looked_up(transform, luminance + fine * (part @ (transform.detail - 1.0)), part)
    across = color @ COLOR_AXES  # the axes of colour lie across luminance
    matrix = part @ transform.color.reshape(-1, 4)
    colored = across[:, :1] * matrix[:, :2] + across[:, 1:] * matrix[:, 2:] + offset
    changed = np.clip(colored @ COLOR_AXES.T + curve[:, None], BLACK, BRIGHTEST)
    gain = np.repeat(np.float32(1.0 - mix) + np.float32(mix) * slope[:, None], 3, axis=1)
    bias = color + np.float32(mix) * (changed - color) - gain * color
    return Generated(gain.reshape(color_cct.shape), bias.reshape(color_cct.shape))


def _looked_up(transform: LookTransform, guide: Array, zones: Array) -> tuple[Array, Array, Array]:
    """Of n pixels: luminance (n,), the curve's slope there (n,), and the offset (n, 2), zones in proportion."""
    step = (HIGH - LOW) / (KNOTS - 1)
    place = (guide - np.float32(LOW)) / np.float32(step)
    at = np.clip(place, 0, KNOTS - 2).astype(np.int32)
    beyond = place - at  # beyond the table it is below 0 or above 1: curves go on as they end, and colour stays
    inside = np.clip(beyond, 0.0, 1.0)
    curve, slope, warm, green = (np.zeros_like(guide) for _ in range(4))
    for zone in np.flatnonzero(zones.max(axis=0)):
        weight = zones[:, zone]
        rise = np.diff(transform.curve[zone])[at] * weight
        curve += transform.curve[zone][at] * weight + beyond * rise
        slope += rise
        for out, values in ((warm, transform.offset[zone, :, 0]), (green, transform.offset[zone, :, 1])):
            out += (values[at] + inside * np.diff(values)[at]) * weight
    return curve, slope / np.float32(step), np.stack([warm, green], axis=1)


def base_of(luminance: Array) -> Array:
    """The picture without its fine contrast, but with its edges: K. He et al., Guided Image Filtering, 2013."""
    side = 2 * max(1, round(_BASE_SHARE * luminance.shape[1])) + 1
    mean = ndimage.uniform_filter(luminance, side, mode="nearest")
    variance = np.maximum(ndimage.uniform_filter(luminance * luminance, side, mode="nearest") - mean * mean, 0.0)
    share = variance / (variance + _EDGE**2)
    rest = ndimage.uniform_filter(mean * (1.0 - share), side, mode="nearest")
    base: Array = ndimage.uniform_filter(share, side, mode="nearest") * luminance + rest
    return base
