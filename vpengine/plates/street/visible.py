"""Which of the street's triangles a picture needs: a software driver pays for every one that it is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vpengine.plates.street.layout import BEHIND_M, CROSS_M, FRONT_M
from vpengine.plates.street.surface import StreetSurface
from vpengine.view.view import View

NEAR_BY_M = 0.15  # an eye this close to another sees, but for the faces kept for it, the same triangles
_THINNEST_PX = 0.45  # what is thinner would only flicker
_LOWEST_EAVES_M = 13.0
_SORT_STEP_M, _FARTHEST_STEP = 0.25, 32767


@dataclass(frozen=True, eq=False)
class _Around:
    """What eyes within NEAR_BY_M of ``eye_m`` may see in all directions, front to back.

    triangles: (R, 3) uint32. chunk: (R,). thinness: (R,) the least height over the distance. sunless: how many of
    them, the first ones, face away from the sun.
    """

    eye_m: NDArray[np.float32]
    triangles: NDArray[np.uint32]
    chunk: NDArray[np.int64]
    thinness: NDArray[np.float32]
    sunless: int


class Visibility:
    """Keeps what depends on the eye's place alone, which moves little from frame to frame."""

    def __init__(self, surface: StreetSurface) -> None:
        self._surface = surface
        self._kept: _Around | None = None

    def triangles(self, view: View) -> tuple[NDArray[np.uint32], int]:
        """(T, 3): what may be in the picture, faces the eye and is not too thin to see; and how many are sunless.

        First those that face away from the sun, then the others; each roughly front to back.
        """
        eye = view.origin_m.astype(np.float32)
        if self._kept is None or np.linalg.norm(self._kept.eye_m - eye) > NEAR_BY_M:
            self._kept = _around(self._surface, eye)
        kept = self._kept
        thinnest = _THINNEST_PX * 2.0 / (view.clip_from_view[0, 0] * view.resolution[0])
        seen = _visible_chunks(self._surface, view)[kept.chunk] & (kept.thinness > thinnest)
        return kept.triangles[seen], int(np.count_nonzero(seen[: kept.sunless]))


def _around(surface: StreetSurface, eye_m: NDArray[np.float32]) -> _Around:
    rows = np.flatnonzero(surface.planes[:, :3] @ eye_m + surface.planes[:, 3] > -NEAR_BY_M)
    from_eye = surface.middle_m[rows] - eye_m
    distance_m = np.sqrt(np.einsum("tc,tc->t", from_eye, from_eye))
    # Steps, for integers of two bytes are sorted ten times as fast.
    step = np.minimum((distance_m + surface.last_m[rows]) / _SORT_STEP_M, _FARTHEST_STEP).astype(np.uint16)
    step[~surface.sunless[rows]] += _FARTHEST_STEP + 1
    order = np.argsort(step, kind="stable")
    rows, distance_m = rows[order], distance_m[order]
    thinness = surface.thickness_m[rows] / np.maximum(distance_m, np.float32(NEAR_BY_M))
    sunless = int(np.count_nonzero(surface.sunless[rows]))
    return _Around(eye_m, surface.triangles[rows], surface.chunk[rows], thinness, sunless)


def _visible_chunks(surface: StreetSurface, view: View) -> NDArray[np.bool_]:
    """(C,): the chunks that may be in the picture."""
    planes = view.clip_from_stage[[3, 3, 3, 3, 3]].copy()
    planes[:4] += np.array([1.0, -1.0, 1.0, -1.0])[:, None] * view.clip_from_stage[[0, 0, 1, 1]]
    # A box is outside when its corner furthest along a plane's normal is behind the plane.
    furthest = np.where(planes[:, None, :3] > 0.0, surface.high_m, surface.low_m)
    inside = np.einsum("pcx,px->pc", furthest, planes[:, :3]) + planes[:, 3:] > 0.0
    return np.asarray(inside.all(axis=0)) & ~_behind_facades(surface, view.origin_m)


def _behind_facades(surface: StreetSurface, eye_m: NDArray[Any]) -> NDArray[np.bool_]:
    """(C,): boxes that an eye in the street cannot see, for all their corners lie behind one closed row of fronts."""
    hidden: NDArray[np.bool_] = np.zeros(len(surface.low_m), bool)
    pick: NDArray[np.bool_] = np.array([[i & 1, i >> 1 & 1, i >> 2] for i in range(8)], bool)
    corners = np.where(pick[None], surface.high_m[:, None], surface.low_m[:, None])
    for side in (-1.0, 1.0):
        plane = side * FRONT_M
        if side * eye_m[0] >= FRONT_M - 0.1:
            continue
        beyond = np.asarray((side * corners[..., 0] > FRONT_M).all(axis=1))
        t = (plane - eye_m[0]) / np.where(beyond[:, None], corners[..., 0] - eye_m[0], 1.0)
        y, z = (eye_m[axis] + t * (corners[..., axis] - eye_m[axis]) for axis in (1, 2))
        for low, high in ((BEHIND_M, CROSS_M[0]), (CROSS_M[1], surface.length_m)):
            hidden |= beyond & ((y > low) & (y < high) & (z < _LOWEST_EAVES_M)).all(axis=1)
    return hidden
