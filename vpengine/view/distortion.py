"""Lens distortion: where a point of the world's undistorted picture lies in the real one, and the other way.

Points are (..., 2) millimetres on the sensor from the middle of the picture, x right, y down, as in OpenLensIO.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from vpengine.view.brown_conrady import Array, Radial, Tangential, fold_mm, forward, inverse
from vpengine.view.st_map import StMap

if TYPE_CHECKING:
    from vpengine.view.lens import Lens

Direction = Callable[[Radial, Tangential, Array], Array]
Model = Literal["Brown-Conrady D-U", "Brown-Conrady U-D"]
D_U: Model = "Brown-Conrady D-U"  # the coefficients lead from the distorted to the undistorted; OpenLensIO's default
U_D: Model = "Brown-Conrady U-D"  # and the other way, as OpenCV's do
MODELS: tuple[Model, ...] = (D_U, U_D)

MOST_OVERSCAN_PERCENT = 100.0  # per side, three times as wide: no lens that a polynomial fits needs more
MOST_FOLDED = 0.2  # of the picture
_EDGE = 129  # points of each edge of the picture that are looked at


@dataclass(frozen=True)
class Distortion:
    """OpenLensIO's Brown-Conrady model. radial: k1 to k6, of numerator and denominator in turn, per mm^2, mm^2, mm^4,
    mm^4, mm^6, mm^6. tangential: p1, p2 per mm. offset_mm: of its centre from the lens's axis, right and down.
    """

    radial: Radial = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    tangential: Tangential = (0.0, 0.0)
    offset_mm: tuple[float, float] = (0.0, 0.0)
    model: Model = D_U

    @property
    def is_none(self) -> bool:
        """Whether it leaves every point where it is."""
        return not any((*self.radial, *self.tangential))


AnyDistortion = Distortion | StMap


def padded(radial: tuple[float, ...]) -> Radial:
    """k1 to k6 from the first few of them: many senders leave the rest out (PROTOCOLS 1.6)."""
    k1, k2, k3, k4, k5, k6 = (*radial, *(0.0,) * (6 - len(radial)))
    return k1, k2, k3, k4, k5, k6


def undistorted(distortion: AnyDistortion, lens: Lens, points_mm: Array) -> Array:
    """Where points of the real picture lie in the undistorted one. Points beyond a fold are held at it."""
    if isinstance(distortion, StMap):
        return distortion.undistorted(lens.sensor_mm, points_mm)
    return _converted(distortion, lens, points_mm, forward if distortion.model == D_U else inverse)


def distorted(distortion: AnyDistortion, lens: Lens, points_mm: Array) -> Array:
    """Where points of the undistorted picture lie in the real one. Points beyond a fold are held at it."""
    if isinstance(distortion, StMap):
        return distortion.distorted(lens.sensor_mm, points_mm)
    return _converted(distortion, lens, points_mm, forward if distortion.model == U_D else inverse)


def _converted(distortion: Distortion, lens: Lens, points_mm: Array, direction: Direction) -> Array:
    """e_u = U(e_d - dC - dP) + dC + dP: the centre is where the lens's axis is, moved by the offset."""
    if distortion.is_none:
        return np.array(points_mm, float)
    centre = np.add(distortion.offset_mm, lens.projection_offset_mm)
    moved = direction(distortion.radial, distortion.tangential, np.asarray(points_mm, float) - centre)
    return np.asarray(moved + centre)


def overscan_needed(distortion: AnyDistortion | None, lens: Lens) -> float:
    """Percent per side by which the undistorted picture must be wider so that it covers the real one; 0 for a lens
    whose real picture shows less of the world.
    """
    if distortion is None:
        return 0.0
    half = 0.5 * np.array(lens.sensor_mm)
    reach = np.abs(undistorted(distortion, lens, _edges(half)) / half).max()
    return float(max(reach - 1.0, 0.0) * 50.0)


def _edges(half_mm: Array) -> Array:
    """(4 _EDGE, 2): points all along the picture's edges, which enclose where all of it goes."""
    along, one = np.linspace(-1.0, 1.0, _EDGE), np.ones(_EDGE)
    sides = [(along, one), (along, -one), (one, along), (-one, along)]
    return np.concatenate([np.stack(side, axis=-1) for side in sides]) * half_mm


def fault(distortion: AnyDistortion | None, lens: Lens) -> str:
    """Why the distortion cannot be that of a picture taken with ``lens``, in words; empty where it can."""
    if distortion is None:
        return ""
    folded = folded_share(distortion, lens)
    if folded > MOST_FOLDED:
        return (
            f"it turns back on itself within the picture, {100.0 * folded:.0f} percent of which lies beyond that; "
            f"allowed are {100.0 * MOST_FOLDED:.0f}"
        )
    overscan = overscan_needed(distortion, lens)
    if not overscan <= MOST_OVERSCAN_PERCENT:
        return (
            f"it moves the picture's edge out by {overscan:.3g} percent of the picture, allowed are "
            f"{MOST_OVERSCAN_PERCENT:g}; coefficients are per mm on the sensor, as OpenLensIO has them"
        )
    return ""


def folded_share(distortion: AnyDistortion | None, lens: Lens) -> float:
    """How much of the real picture lies beyond a fold, 0..1: there the model says nothing, and is held. The corners of
    a wide lens often do, where no photograph of its calibration had a point.
    """
    reach_mm = fold_in_picture_mm(distortion)
    if not isinstance(distortion, Distortion) or np.isinf(reach_mm):
        return 0.0
    steps = np.linspace(-0.5, 0.5, 65)
    places = np.stack(np.meshgrid(steps, steps), axis=-1) * lens.sensor_mm
    away = places - np.add(distortion.offset_mm, lens.projection_offset_mm)
    return float(np.mean(np.hypot(away[..., 0], away[..., 1]) > reach_mm))


def fold_in_picture_mm(distortion: AnyDistortion | None) -> float:
    """How far from its centre in the real picture a model folds over; infinite where it does not."""
    fold = fold_mm(distortion.radial) if isinstance(distortion, Distortion) else float("inf")
    if not isinstance(distortion, Distortion) or distortion.model == D_U or np.isinf(fold):
        return fold
    return float(forward(distortion.radial, (0.0, 0.0), np.array([fold, 0.0]))[0])


def st_map(
    distortion: AnyDistortion | None, lens: Lens, size: tuple[int, int], overscan_percent: float = 0.0
) -> NDArray[np.float32]:
    """(height, width, 2), row 0 at the top: where each pixel of the real picture of ``size`` (width, height) lies in
    the world's picture, as shares of that from its upper left corner; it is wider by ``overscan_percent`` per side.
    """
    width, height = size
    x, y = (np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height
    places = np.stack(np.meshgrid(x, y), axis=-1)
    return placed(places, moves(distortion, lens, places), overscan_percent).astype(np.float32)


def moves(distortion: AnyDistortion | None, lens: Lens, places: Array) -> Array:
    """How far ``undistorted`` moves ``places``, both as shares of the picture from its upper left corner."""
    if distortion is None or (isinstance(distortion, Distortion) and distortion.is_none):
        return np.zeros_like(places)
    points_mm = (places - 0.5) * lens.sensor_mm
    return np.asarray((undistorted(distortion, lens, points_mm) - points_mm) / lens.sensor_mm)


def placed(places: Array, moved: Array, overscan_percent: float) -> Array:
    """Shares of the wider picture."""
    if overscan_percent == 0.0:
        return places + moved  # to the last bit what it was where nothing moves
    return np.asarray(0.5 + (places - 0.5 + moved) / (1.0 + 2.0 * overscan_percent / 100.0))
