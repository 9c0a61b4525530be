"""Whether a picture's edges survive a look: those that a Canny detector finds before and after it, compared."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

SIGMA_PX = 1.4
_STRONG, _WEAK = 0.9, 0.8  # quantiles of a picture's own slopes: a darker picture is held to a darker one's measure
_ACROSS = ((0, 1), (1, 1), (1, 0), (1, -1))  # rows, columns, for slopes of 0, 45, 90 and 135 degrees
_SQUARE = np.ones((3, 3), bool)

Edges = NDArray[np.bool_]


def edges_of(luminance: NDArray[Any]) -> Edges:
    """(height, width), after J. Canny, A Computational Approach to Edge Detection, 1986."""
    smooth = ndimage.gaussian_filter(luminance.astype(float), SIGMA_PX)
    down, right = np.gradient(smooth)
    slope = np.hypot(right, down)
    turn = np.round(np.arctan2(down, right) / (np.pi / 4)).astype(int) % 4
    ridge = np.zeros(slope.shape, bool)
    for number, step in enumerate(_ACROSS):
        back = (-step[0], -step[1])
        higher = (slope >= np.roll(slope, step, (0, 1))) & (slope >= np.roll(slope, back, (0, 1)))
        ridge |= (turn == number) & higher & (slope > 0.0)
    strong, weak = np.quantile(slope, (_STRONG, _WEAK))
    parts, _ = ndimage.label(ridge & (slope > weak), _SQUARE)
    found: Edges = np.isin(parts, np.setdiff1d(parts[ridge & (slope > strong)], [0]))
    return found


def edges_kept(before: NDArray[Any], after: NDArray[Any]) -> float:
    """F1 of the edges of one luminance (height, width) against the other's, within a pixel; 1 where neither has any."""
    one, other = edges_of(before), edges_of(after)
    if not one.any() and not other.any():
        return 1.0
    near_one, near_other = (ndimage.binary_dilation(edges, _SQUARE) for edges in (one, other))
    precision = (other & near_one).sum() / max(other.sum(), 1)
    recall = (one & near_other).sum() / max(one.sum(), 1)
    return float(2.0 * precision * recall / max(precision + recall, 1e-9))
