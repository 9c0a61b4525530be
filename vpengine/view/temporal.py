"""How far pictures of one place from two Views agree, where depth is known.

The warping error of Lai et al. (Learning Blind Video Temporal Consistency, ECCV 2018), with depth for optical flow.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vpengine.view.reproject import Source, gather
from vpengine.view.view import View

BORDER = 0.02  # the share of a's picture over which its weight falls to 0 at the edges
SEEN = 1e-3  # a weight below which a shows nothing: the last trace of a texel beyond an edge
Picture = NDArray[np.floating]


def temporal_error(
    picture_a: Picture, depth_a: Picture, view_a: View, picture_b: Picture, depth_b: Picture, view_b: View
) -> float:
    """Root mean square difference of picture b to picture a as view b would see it, where both see the same surface.

    Pictures: (height, width, 3), in any encoding, which is the result's too; sRGB-encoded 0..1 for figures that are
    compared. Depths: (height, width), clip w in metres, +inf for the sky. nan where nothing is seen by both.

    Re-projection is bilinear: detail of a pixel's width is an error of its own, which the plate's figure shows.
    """
    source = Source(view_a, picture_a, np.broadcast_to(0.0, picture_a.shape), depth_a, newness=1.0)
    found = gather(view_b, depth_b, [source], BORDER, ignored=0.0)
    both = found.weight > SEEN
    if not both.any():
        return float("nan")
    return float(np.sqrt(np.mean((found.gain - picture_b)[both] ** 2)))
