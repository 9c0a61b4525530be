"""A network's depth at a photograph's size: its edges are drawn to the photograph's, and made steep."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from vpengine.neural.depth import Estimate, resized

_GUIDED_PIXELS = 1024  # the longer side at which edges are found
_SMOOTHEST = 2e-4  # of luma's variance (0..1): what is less is no edge
_STEEPENED, _STEP = 12, 0.25  # rounds, and how far one goes

Array = NDArray[np.float32]


def at_size(estimate: Estimate, picture: Array) -> Array:
    """(height, width) of depth in metres for a picture (height, width, 3), sRGB-encoded; +inf for sky."""
    height, width = picture.shape[:2]
    scale = min(1.0, _GUIDED_PIXELS / max(height, width))
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    luma = resized(picture.mean(-1), size)
    radius = max(2, round(0.75 * size[0] / estimate.inverse.shape[1]) + 1)
    log = guided(resized(np.log(estimate.inverse), size), luma, radius)
    sky = guided(resized(estimate.sky, size), luma, radius)
    inverse = steepened(np.exp(log))
    depth = 1.0 / np.maximum(resized(inverse, (width, height)), 1e-6)
    return np.where(resized(sky, (width, height)) > 0.5, np.inf, depth).astype(np.float32)


def guided(values: Array, guide: Array, radius: int) -> Array:
    """He, Sun and Tang 2013 (Guided image filtering): in each window the values are a linear function of the guide."""

    def mean(x: Array) -> Array:
        return ndimage.uniform_filter(x.astype(np.float64), 2 * radius + 1, mode="nearest")

    of_guide, of_values = mean(guide), mean(values)
    slope = (mean(guide * values) - of_guide * of_values) / (mean(guide * guide) - of_guide**2 + _SMOOTHEST)
    return np.asarray(mean(slope) * guide + mean(of_values - slope * of_guide), np.float32)


def steepened(inverse: Array) -> Array:
    """Soft steps of inverse depth become steep (Osher and Rudin 1990); planes, where it is linear, stay as they are."""
    # Beyond the picture it goes on as it does at its border, so that a plane's border is no turn either.
    out = np.pad(inverse.astype(np.float32), _STEEPENED, mode="reflect", reflect_type="odd")
    for _ in range(_STEEPENED):
        smooth = ndimage.gaussian_filter(out, 1.0)
        dy, dx = np.gradient(smooth)
        steep = np.hypot(dx, dy)
        turn = ndimage.laplace(smooth)
        share = np.clip(steep / (0.03 * smooth + 1e-3) - 0.5, 0.0, 1.0)  # only where it is a step
        low, high = ndimage.minimum_filter(out, 3), ndimage.maximum_filter(out, 3)
        towards = np.where(turn > 0.0, low, high)
        strength = np.minimum(np.abs(turn) / (0.1 * steep + 1e-6), 1.0)
        out = out + _STEP * share * strength * (towards - out)
    return np.asarray(out[_STEEPENED:-_STEEPENED, _STEEPENED:-_STEEPENED], np.float32)
