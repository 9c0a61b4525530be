"""How a look is learnt: the smooth, bounded transform that carries the plates' statistics to the references'.

Luminance is carried by the monotone map between the two distributions (in one dimension optimal transport is just
that), as near as a curve of bounded slope comes to it. Colour across it is carried rank by rank of luminance: by the
offset between means, and by the linear optimal transport between what deviates from them (F. Pitie et al., The linear
Monge-Kantorovitch linear colour mapping, 2007), whose matrix is positive.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import lsq_linear

from vpengine.neural.look_samples import Samples
from vpengine.neural.look_transform import (
    COLOR_AXES,
    DETAILS,
    FURTHEST_OFFSET,
    HIGH,
    KNOTS,
    LOW,
    SATURATIONS,
    SLOPES,
    LookTransform,
    knots,
)
from vpengine.neural.look_zones import ZONES

_RANKS = (np.arange(40) + 0.5) / 40.0
_BANDS = 10  # of rank, in which colour is looked at
_BENDING, _RESTING, _RESTING_UNSEEN = 4.0, 0.03, 1.0  # how much a curve is kept from bending, and its slope at 1
_SMALLEST_SPREAD = 0.004  # ACEScct: of a picture without colour

Array = NDArray[Any]


def fit_transform(plates: Samples, references: Samples) -> LookTransform:
    """The transform that carries ``plates`` to ``references``."""
    parts = [_fit_zone(plates, references, zone) for zone in range(len(ZONES))]
    curve, offset, color, detail = (np.stack(part).astype(np.float32) for part in zip(*parts, strict=True))
    far, upright = ZONES.index("far"), ZONES.index("upright")
    # Air adds light: what is far is no darker than the like of it near, whatever stood at the references' horizon.
    curve[far] = np.maximum(curve[far], curve[upright])
    return LookTransform(curve, offset, color, detail)


def _fit_zone(plates: Samples, references: Samples, zone: int) -> tuple[Array, Array, Array, Array]:
    ours, theirs = plates.weights(zone), references.weights(zone)
    source, goal = (
        _quantiles(samples.luminance, weights) for samples, weights in ((plates, ours), (references, theirs))
    )
    curve = fit_curve(source, goal)
    color, offset = _fit_color(plates, ours, references, theirs)
    slope = np.interp(plates.luminance, knots()[:-1], np.diff(curve) / np.diff(knots()))
    fine_ours = np.sqrt(ours @ (slope[:, None] ** 2 * plates.contrasts[:, :2]))
    fine_theirs = np.sqrt(theirs @ references.contrasts[:, :2])
    detail = np.clip(np.exp(np.log((fine_theirs + 1e-4) / (fine_ours + 1e-4)).mean()), *DETAILS)
    return curve, offset, color, detail


def _quantiles(values: Array, weights: Array) -> Array:
    """At _RANKS."""
    order = np.argsort(values, kind="stable")
    rank = np.cumsum(weights[order]) - 0.5 * weights[order]
    return np.interp(_RANKS, rank, values[order])


def fit_curve(source: Array, goal: Array) -> Array:
    """(KNOTS,): the curve with bounded slopes that takes ``source`` to ``goal``, both rising, nearest.

    Where nothing was seen its slope goes back to 1, so that what is darker or brighter than all of it is not crushed.
    """
    step = (HIGH - LOW) / (KNOTS - 1)
    # Unknown are where the curve begins, and its slope from each knot to the next.
    reached = np.clip((source[:, None] - knots()[None, :-1]) / step, 0.0, 1.0) * step
    seen = (knots()[1:] > source[0]) & (knots()[:-1] < source[-1])
    rest = np.where(seen, _RESTING, _RESTING_UNSEEN)
    begin = np.zeros((KNOTS - 1, 1))
    unit = step * np.sqrt(len(source))
    matrix = np.concatenate(
        [
            np.concatenate([np.ones((len(source), 1)), reached], axis=1),
            unit * _BENDING * np.concatenate([begin[1:], np.diff(np.eye(KNOTS - 1), axis=0)], axis=1),
            unit * np.concatenate([begin, np.diag(rest)], axis=1),
        ]
    )
    wanted = np.concatenate([goal, np.zeros(KNOTS - 2), unit * rest])
    low, high = np.r_[-1.0, np.full(KNOTS - 1, SLOPES[0])], np.r_[1.0, np.full(KNOTS - 1, SLOPES[1])]
    found = lsq_linear(matrix, wanted, (low, high)).x
    return found[0] + np.concatenate([[0.0], np.cumsum(found[1:] * step)])


def _fit_color(plates: Samples, ours: Array, references: Samples, theirs: Array) -> tuple[Array, Array]:
    """The matrix (2, 2) of colour, and what is added (KNOTS, 2)."""
    mean_ours, spread_ours, at = _by_rank(plates, ours)
    mean_theirs, spread_theirs, _ = _by_rank(references, theirs)
    matrix = _transport(spread_ours, spread_theirs)
    return matrix, _within(_smooth(at, _within(mean_theirs - mean_ours @ matrix)))


def _within(offset: Array) -> Array:
    """(n, 2), turned nowhere, and no longer than FURTHEST_OFFSET."""
    length = np.linalg.norm(offset, axis=1, keepdims=True)
    return offset * np.minimum(1.0, FURTHEST_OFFSET / np.maximum(length, 1e-9))


def _by_rank(samples: Samples, weights: Array) -> tuple[Array, Array, Array]:
    """Of bands of luminance: mean colour (bands, 2), the covariance of what deviates from it (2, 2), and luminance."""
    luminance = samples.luminance
    across = (samples.color_cct - luminance[:, None]) @ COLOR_AXES
    order = np.argsort(luminance, kind="stable")
    rank = np.empty(len(order))
    rank[order] = np.cumsum(weights[order]) - 0.5 * weights[order]
    band = np.minimum((rank * _BANDS).astype(int), _BANDS - 1)
    total = np.maximum(np.bincount(band, weights, _BANDS), 1e-12)
    mean = np.stack([np.bincount(band, weights * part, _BANDS) for part in across.T], axis=1) / total[:, None]
    deviation = across - mean[band]
    return mean, (deviation * weights[:, None]).T @ deviation, np.bincount(band, weights * luminance, _BANDS) / total


def _transport(ours: Array, theirs: Array) -> Array:
    """The symmetric positive matrix that takes one covariance (2, 2) to the other, within SATURATIONS."""
    ours, theirs = (spread + _SMALLEST_SPREAD**2 * np.eye(2) for spread in (ours, theirs))
    root = _root(ours)
    inverse = np.linalg.inv(root)
    values, vectors = np.linalg.eigh(inverse @ _root(root @ theirs @ root) @ inverse)
    return (vectors * np.clip(values, *SATURATIONS)) @ vectors.T


def _root(matrix: Array) -> Array:
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T


def _smooth(at: Array, wanted: Array) -> Array:
    """A curve (KNOTS, 2) near ``wanted`` (n, 2) at luminances ``at``, that bends little and ends level."""
    hat = np.maximum(1.0 - np.abs(at[:, None] - knots()[None]) / (knots()[1] - knots()[0]), 0.0)
    hat /= np.maximum(hat.sum(axis=1, keepdims=True), 1e-9)
    bend, slope = np.diff(np.eye(KNOTS), 2, axis=0), np.diff(np.eye(KNOTS), axis=0)
    normal = hat.T @ hat / len(at) + 100.0 * bend.T @ bend + 5.0 * slope.T @ slope
    return np.linalg.solve(normal + 1e-9 * np.eye(KNOTS), hat.T @ wanted / len(at))
