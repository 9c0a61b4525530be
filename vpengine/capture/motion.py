"""How far a picture has shifted since the one before: found by phase correlation, then measured by its gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from vpengine.frames.captured import CapturedFrame

SIDE = 400  # pixels across that are looked at, at most
BLUR_PX = 1.2  # noise has no gradients then
WIDE_PX = 20.0  # what is blurred more than that is light, not things
LEAST_PEAK = 7.0  # deviations: of two pictures that have nothing in common, none of 30,000 places reaches 5
FLAT = 0.85  # of the picture, the flattest, has nothing to say
ROUNDS, STILL_PX = 10, 0.001
MOVED_ALONE = 2.5  # times the usual difference: what differs more, such as an actor, hardly counts

Array = NDArray[np.float64]


def small(frame: CapturedFrame) -> tuple[Array, int]:
    """(rows, columns) luminance, -0.5 to 0.5 and without what changes slowly; and how many pixels one of it spans."""
    luma: NDArray[Any] = frame.planes[0] if frame.format.model == "yuv" else frame.planes[0][..., 1]
    times = max(-(-frame.size[0] // SIDE), 1)
    rows, columns = luma.shape[0] // times, luma.shape[1] // times
    blocks = luma[: rows * times, : columns * times].reshape(rows, times, columns, times)
    return blocks.mean(axis=(1, 3)) / (1 << (frame.format.bits + frame.format.shift)) - 0.5, times


def shift_between(before: Array, after: Array) -> tuple[float, float] | None:
    """Right and down in pixels of ``small``; None where nothing is recognised.

    To a pixel by phase correlation (C. D. Kuglin, D. C. Hines, The phase correlation image alignment method, 1975),
    then as B. D. Lucas and T. Kanade have it (An iterative image registration technique, 1981), without what moves by
    itself.
    """
    one, other = (_things(part) for part in (before, after))
    start = _nearest(one, other)
    if start is None:
        return None
    # Markers on a screen stand in rows: one may be taken for its neighbour, and a small shift is likelier than a large.
    found = [_measured(one, other, begun) for begun in ([np.zeros(2), start] if start.any() else [start])]
    return min(found, key=lambda each: each[1])[0]


def _things(picture: Array) -> Array:
    sharp: Array = ndimage.gaussian_filter(picture, BLUR_PX) - ndimage.gaussian_filter(picture, WIDE_PX)
    return sharp


def _nearest(one: Array, other: Array) -> Array | None:
    """(2,) down and right, whole pixels."""
    window = np.outer(np.hanning(one.shape[0]), np.hanning(one.shape[1]))
    first, second = fft.rfft2(one * window), fft.rfft2(other * window)
    cross = second * np.conj(first)
    strength = np.abs(cross)
    # Weak frequencies are noise: they count by what they have, as far as the median.
    found = fft.irfft2(cross / np.maximum(strength, np.median(strength)), one.shape)
    if found.max() < LEAST_PEAK * found.std():
        return None
    at = np.array(np.unravel_index(int(np.argmax(found)), found.shape))
    size = np.array(found.shape)
    return np.where(at > size / 2, at - size, at).astype(float)


def _measured(one: Array, other: Array, start: NDArray[Any]) -> tuple[tuple[float, float], float]:
    """Right and down, and how much is left over: the shift of ``one`` that leaves the least, by weighted least squares.

    Where there are no edges there is only noise: it says neither how far anything moved nor what differs too much.
    """
    moved = start.copy()
    edge = int(max(np.abs(start).max(), 1.0)) + 4
    inside = (slice(edge, -edge),) * 2
    slopes = np.stack([np.gradient(other, axis=axis)[inside].ravel() for axis in (0, 1)], axis=-1)
    steep = np.hypot(*slopes.T)
    edges = steep > np.quantile(steep, FLAT)
    slopes = slopes[edges]
    for _ in range(ROUNDS):
        left = (other - ndimage.shift(one, moved, order=3, mode="nearest"))[inside].ravel()[edges]
        usual = 1.4826 * float(np.median(np.abs(left))) + 1e-6
        weights = 1.0 / (1.0 + (left / (MOVED_ALONE * usual)) ** 2)
        weighted = slopes * weights[:, None]
        step: Array = np.linalg.lstsq(weighted.T @ slopes, -weighted.T @ left, rcond=None)[0]
        moved = moved + step
        if float(np.abs(step).max()) < STILL_PX:
            break
    return (float(moved[1]), float(moved[0])), usual
