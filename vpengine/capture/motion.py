"""How far a picture has shifted since the one before: phase correlation, on small pictures of luminance."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from vpengine.frames.captured import CapturedFrame

SIDE = 256  # pixels across that are looked at, at most
SHARPENED_PX = 1.2  # a picture less its blur: what is lit unevenly has no edges, and would hold the peak at 0
LEAST_PEAK = 7.0  # deviations: of two pictures that have nothing in common, none of 30,000 places reaches 5

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

    C. D. Kuglin, D. C. Hines, The phase correlation image alignment method, 1975; between pixels by a parabola.
    """
    window = np.outer(np.hanning(before.shape[0]), np.hanning(before.shape[1]))
    one, other = (fft.rfft2((part - part.mean()) * window) for part in (before, after))
    cross = other * np.conj(one)
    strength = np.abs(cross)
    # Weak frequencies are noise: they count by what they have, as far as the median.
    found = fft.irfft2(cross / np.maximum(strength, np.median(strength)) * _smooth(before.shape), before.shape)
    row, column = np.unravel_index(int(np.argmax(found)), found.shape)
    if found[row, column] < LEAST_PEAK * found.std():
        return None
    down = row + _between(found[:, column], int(row))
    right = column + _between(found[row], int(column))
    return _signed(right, found.shape[1]), _signed(down, found.shape[0])


def _smooth(shape: tuple[int, ...]) -> Array:
    """A Gaussian over frequencies: the peak is as wide as a parabola can be laid through."""
    down, across = fft.fftfreq(shape[0])[:, None], fft.rfftfreq(shape[1])[None, :]
    smooth: Array = np.exp(-2.0 * (np.pi * SHARPENED_PX) ** 2 * (down**2 + across**2))
    return smooth


def _between(line: Array, top: int) -> float:
    left, middle, right = line[top - 1], line[top], line[(top + 1) % len(line)]
    bend = left - 2.0 * middle + right
    return float(0.5 * (left - right) / bend) if bend < 0.0 else 0.0


def _signed(at: float, length: int) -> float:
    return at - length if at > length / 2 else at
