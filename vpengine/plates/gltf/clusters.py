"""Near triangles together, in clusters with boxes: what a View does not see is not drawn, and what is near comes first.

For software OpenGL, which works out every vertex on the processor and shades what is then drawn over.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vpengine.view.view import View

SIZE = 128  # triangles of a cluster
_BITS = 10

Array = NDArray[np.float64]


class Clusters:
    """position: (N, 3) metres on the stage; triangles: (M, 3)."""

    def __init__(self, position: Array, triangles: NDArray[np.uint32]) -> None:
        corners = position[triangles]
        order = np.argsort(_morton(corners.mean(axis=1)), kind="stable")
        self._triangles, corners = triangles[order], corners[order]
        starts = np.arange(0, len(triangles), SIZE)
        self._low = np.minimum.reduceat(corners.min(axis=1), starts, axis=0)
        self._high = np.maximum.reduceat(corners.max(axis=1), starts, axis=0)
        self._starts = starts

    def seen(self, view: View) -> NDArray[np.uint32]:
        """(K, 3): the triangles of all clusters that a View may see, the nearest first."""
        middle, half = (self._low + self._high) / 2.0, (self._high - self._low) / 2.0
        x, y, _, w = view.clip_from_stage
        inside = np.ones(len(middle), bool)
        for plane in (w, w + x, w - x, w + y, w - y):
            inside &= middle @ plane[:3] + plane[3] + half @ np.abs(plane[:3]) > 0.0
        kept = np.flatnonzero(inside)
        distance = np.linalg.norm(np.maximum(np.abs(middle[kept] - view.origin_m) - half[kept], 0.0), axis=-1)
        picked = self._starts[kept[np.argsort(distance)]][:, None] + np.arange(SIZE)
        return self._triangles[picked[picked < len(self._triangles)]]


def _morton(point: Array) -> NDArray[np.int64]:
    """(N,): numbers along a curve through space (Morton 1966) on which what is near is mostly near."""
    low, high = point.min(axis=0), point.max(axis=0)
    cell = ((point - low) / np.maximum((high - low).max(), 1e-9) * (2**_BITS - 1)).astype(np.int64)
    out = np.zeros(len(point), np.int64)
    for bit in range(_BITS):
        for axis in range(3):
            out |= (cell[:, axis] >> bit & 1) << (3 * bit + axis)
    return out
