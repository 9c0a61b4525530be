"""A picture's smaller levels, made on the CPU in the loader thread: a driver would make them within a frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Half = NDArray[np.float16]

_STRIPE_ROWS = 256


def mip_levels(pixels: Half) -> list[Half]:
    """(height, width, channels), then levels of half the size, rounded down, to 1 x 1; each the mean of the last."""
    levels = [pixels]
    while max(levels[-1].shape[:2]) > 1:
        levels.append(_halved(levels[-1]))
    return levels


def _halved(pixels: Half) -> Half:
    """In stripes, for single precision takes twice the memory."""
    height, width, channels = pixels.shape
    out = np.empty((max(1, height // 2), max(1, width // 2), channels), np.float16)
    for top in range(0, len(out), _STRIPE_ROWS):
        bottom = min(top + _STRIPE_ROWS, len(out))
        rows = _rows_halved(pixels, top, bottom)
        out[top:bottom] = np.swapaxes(_rows_halved(np.swapaxes(rows, 0, 1), 0, out.shape[1]), 0, 1)
    return out


def _rows_halved(pixels: NDArray[np.floating], top: int, bottom: int) -> NDArray[np.float32]:
    """Rows top to bottom of the next level. Of an odd number of rows, three overlap in each, so that none is lost."""
    count = len(pixels)
    if count == 1:
        return pixels.astype(np.float32)
    first = pixels[2 * top : 2 * bottom : 2].astype(np.float32)
    second = pixels[2 * top + 1 : 2 * bottom : 2].astype(np.float32)
    if count % 2 == 0:
        return (first + second) * np.float32(0.5)
    third = pixels[2 * top + 2 : 2 * bottom + 1 : 2].astype(np.float32)
    half = count // 2
    index = np.arange(top, bottom, dtype=np.float32).reshape(-1, *(1,) * (pixels.ndim - 1))
    total: NDArray[np.float32] = (half - index) * first + half * second + (index + 1) * third
    return total / np.float32(count)
