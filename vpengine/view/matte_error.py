"""How far a matte is from the true one: (height, width) alphas 0..1, as the alpha matting benchmark measures them.

C. Rhemann and others, A perceptually motivated online benchmark for image matting, CVPR 2009.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

GRADIENT_DEVIATION_PX = 1.4  # the benchmark's
EDGE = (0.02, 0.98)  # the true alpha of an edge's pixels

Matte = NDArray[Any]


def mean_error(found: Matte, truth: Matte) -> float:
    """Mean absolute difference."""
    return float(np.abs(found - truth).mean())


def edge_error(found: Matte, truth: Matte) -> float:
    """Mean absolute difference where the truth is neither one nor the other; 0 where there is no edge."""
    edge = (truth > EDGE[0]) & (truth < EDGE[1])
    return float(np.abs(found - truth)[edge].mean()) if edge.any() else 0.0


def gradient_error(found: Matte, truth: Matte) -> float:
    """The benchmark's gradient error: the squared difference of the gradients' lengths, summed, in thousands."""
    return float(((_slope(found) - _slope(truth)) ** 2).sum() / 1000.0)


def flicker_error(found: Sequence[Matte], truth: Sequence[Matte]) -> float:
    """Mean absolute difference of what changes from each picture to the next; 0 for a single picture."""
    changes = [
        np.abs((new - old) - (new_truth - old_truth)).mean()
        for old, new, old_truth, new_truth in zip(found, found[1:], truth, truth[1:], strict=False)
    ]
    return float(np.mean(changes)) if changes else 0.0


def _slope(matte: Matte) -> Matte:
    """The length of the gradient, by a Gaussian's first derivatives."""
    down, across = (
        gaussian_filter(matte.astype(np.float64), GRADIENT_DEVIATION_PX, order) for order in ((1, 0), (0, 1))
    )
    return np.hypot(down, across)
