"""Brown and Conrady's polynomial as OpenLensIO 1.0.1 writes it, in both directions, and where it folds over.

Points are (..., 2) millimetres from the centre of distortion, x right, y down (PROTOCOLS 1.5):

    x' = x R + 2 p1 x y + p2 (r^2 + 2 x^2)
    y' = y R + p1 (r^2 + 2 y^2) + 2 p2 x y
    R  = (1 + k1 r^2 + k3 r^4 + k5 r^6) / (1 + k2 r^2 + k4 r^4 + k6 r^6)

Beyond a radius a fitted polynomial may turn back, or divide by zero: it says nothing of the lens from there on. Both
directions hold a point that lies beyond that fold at it.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]
Radial = tuple[float, float, float, float, float, float]  # k1 to k6
Tangential = tuple[float, float]  # p1, p2

_UNIT_MM2 = 100.0  # r^2 is counted in these where roots are looked for: else the coefficients are of 15 orders
_JUST_BEFORE = 1.0 - 1e-9  # of the fold, where the function still rises
_STEPS = 30  # of Newton's method; five do for any lens but one that nearly folds in its picture
_EXACT_MM = 1e-11
_TABLE = 512  # radii of the table that Newton's method begins with
_FARTHEST_MM = 1e6


def forward(radial: Radial, tangential: Tangential, points: Array) -> Array:
    """(..., 2): where the polynomial puts ``points``."""
    points = held(points, fold_mm(radial))
    x, y = points[..., 0], points[..., 1]
    p1, p2 = tangential
    r2 = x * x + y * y
    scale = _ratio(radial, r2)
    return np.stack(
        [
            x * scale + 2.0 * p1 * x * y + p2 * (r2 + 2.0 * x * x),
            y * scale + p1 * (r2 + 2.0 * y * y) + 2.0 * p2 * x * y,
        ],
        axis=-1,
    )


def inverse(radial: Radial, tangential: Tangential, targets: Array) -> Array:
    """(..., 2): the points that ``forward`` puts at ``targets``; Newton's method from the radial part's inverse."""
    targets = np.asarray(targets, float)
    fold = fold_mm(radial)
    points = _radial_inverse(radial, targets, fold)
    for _ in range(_STEPS):
        error = forward(radial, tangential, points) - targets
        step = _solved(*_jacobian(radial, tangential, points), error)
        points = held(points - step, fold)
        if not step.size or np.abs(step).max() < _EXACT_MM:
            break
    return points


@lru_cache(maxsize=256)
def fold_mm(radial: Radial) -> float:
    """The radius up to which r R(r) rises and R is finite, infinite for most lenses. Tangential terms are too small
    to move it.
    """
    k1, k2, k3, k4, k5, k6 = radial
    unit = _UNIT_MM2 ** np.arange(4)
    above = np.polynomial.Polynomial(np.array([1.0, k1, k3, k5]) * unit)
    below = np.polynomial.Polynomial(np.array([1.0, k2, k4, k6]) * unit)
    s = np.polynomial.Polynomial([0.0, 1.0])
    slope = above * below + 2.0 * s * (above.deriv() * below - above * below.deriv())
    roots = np.concatenate([_felt(each).roots() for each in (slope, below)])
    real = roots.real[(np.abs(roots.imag) < 1e-9 * np.abs(roots)) & (roots.real > 0.0)]
    return float(np.sqrt(real.min() * _UNIT_MM2)) * _JUST_BEFORE if real.size else float("inf")


def _felt(polynomial: np.polynomial.Polynomial) -> np.polynomial.Polynomial:
    """Without the terms that are nothing up to a radius of a metre: their roots are as large as numbers go."""
    coefficients = polynomial.coef
    nothing = np.abs(coefficients) < 1e-12 / 1e4 ** np.arange(len(coefficients))
    return np.polynomial.Polynomial(np.where(nothing, 0.0, coefficients)).trim()


def held(points: Array, radius_mm: float) -> Array:
    """``points`` with those outside a circle moved onto it."""
    points = np.asarray(points, float)
    if np.isinf(radius_mm):
        return points
    radius = np.hypot(points[..., 0], points[..., 1])
    return points * np.minimum(1.0, radius_mm / np.maximum(radius, 1e-300))[..., None]


def _ratio(radial: Radial, r2: Array) -> Array:
    above, below = _polynomials(radial, r2)
    return np.asarray(above / below)


def _polynomials(radial: Radial, r2: Array) -> tuple[Array, Array]:
    k1, k2, k3, k4, k5, k6 = radial
    return 1.0 + r2 * (k1 + r2 * (k3 + r2 * k5)), 1.0 + r2 * (k2 + r2 * (k4 + r2 * k6))


def _ratio_slope(radial: Radial, r2: Array) -> Array:
    """dR / d(r^2)."""
    k1, k2, k3, k4, k5, k6 = radial
    above, below = _polynomials(radial, r2)
    rise = k1 + r2 * (2.0 * k3 + 3.0 * r2 * k5)
    fall = k2 + r2 * (2.0 * k4 + 3.0 * r2 * k6)
    return np.asarray((rise * below - above * fall) / (below * below))


def _jacobian(radial: Radial, tangential: Tangential, points: Array) -> tuple[Array, Array, Array]:
    """dx'/dx, dx'/dy (which dy'/dx equals), dy'/dy of ``forward``."""
    x, y = points[..., 0], points[..., 1]
    p1, p2 = tangential
    r2 = x * x + y * y
    scale, slope = _ratio(radial, r2), _ratio_slope(radial, r2)
    return (
        scale + 2.0 * x * x * slope + 2.0 * p1 * y + 6.0 * p2 * x,
        2.0 * x * y * slope + 2.0 * p1 * x + 2.0 * p2 * y,
        scale + 2.0 * y * y * slope + 6.0 * p1 * y + 2.0 * p2 * x,
    )


def _solved(a: Array, b: Array, d: Array, error: Array) -> Array:
    """(..., 2): [[a, b], [b, d]] to the power of -1 times ``error``; no step where it has no inverse."""
    determinant = a * d - b * b
    safe = np.where(np.abs(determinant) < 1e-9, np.inf, determinant)
    x, y = error[..., 0], error[..., 1]
    return np.stack([(d * x - b * y) / safe, (a * y - b * x) / safe], axis=-1)


def _radial_inverse(radial: Radial, targets: Array, fold: float) -> Array:
    """The inverse without the tangential terms, from a table: near enough for Newton's method not to go astray."""
    radius = np.hypot(targets[..., 0], targets[..., 1])
    most = float(radius.max(initial=0.0))
    last = min(fold, max(2.0 * most, 1.0))
    while last < min(fold, _FARTHEST_MM) and last * float(_ratio(radial, np.array(last * last))) < most:
        last = min(2.0 * last, fold)
    radii = np.linspace(0.0, last, _TABLE)
    found = np.interp(radius, radii * _ratio(radial, radii * radii), radii)
    return np.asarray(targets * np.where(radius > 0.0, found / np.where(radius > 0.0, radius, 1.0), 1.0)[..., None])
