"""A picture's smaller levels, made on the CPU in the loader thread: a driver would make them within a frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Half = NDArray[np.float16]

_STRIPE_ROWS = 256
_THIN = 1e-3  # an alpha of which no colour can be told


def mip_levels(pixels: Half) -> list[Half]:
    """(height, width, channels), then levels of half the size, rounded down, to 1 x 1; each the mean of the last."""
    levels = [pixels]
    while max(levels[-1].shape[:2]) > 1:
        levels.append(_halved(levels[-1]))
    return levels


def mip_levels_cut(pixels: Half) -> list[Half]:
    """The same of (height, width, 4) whose alpha is not multiplied in: colours count by their alpha, and clear pixels,
    the first level's too, have the colour of what is around them, for filters mix it in at every edge.
    """
    weighted = pixels.copy()
    weighted[..., :3] *= pixels[..., 3:]
    levels = mip_levels(weighted)
    levels[-1] = _straight(levels[-1], np.zeros((1, 1, 4), np.float16))
    for number in range(len(levels) - 2, -1, -1):
        levels[number] = _straight(levels[number], levels[number + 1])
    np.copyto(levels[0], pixels, where=pixels[..., 3:] > _THIN)  # as they were: half floats are coarse
    return levels


def _straight(weighted: Half, coarser: Half) -> Half:
    """Colours divided by alpha; where there is none, the next level's."""
    height, width = weighted.shape[:2]
    rows, columns = (
        np.minimum(np.arange(size) // 2, most - 1)
        for size, most in zip((height, width), coarser.shape[:2], strict=True)
    )
    out = coarser[rows][:, columns]
    alpha = weighted[..., 3:].astype(np.float32)
    np.copyto(out[..., :3], weighted[..., :3] / np.maximum(alpha, _THIN), where=alpha > _THIN, casting="same_kind")
    out[..., 3] = weighted[..., 3]
    return out


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
