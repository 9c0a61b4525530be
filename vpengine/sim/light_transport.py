"""How light gets from walls to what stands before them: form factors with soft shadows, as one matrix.

Walls and floor are cut into patches that radiate as Lambertian disks. The light on a point is a weighted sum of the
patches' radiances, and the weights depend on the stage alone: so a frame costs one product of a matrix and the few
colours of the walls.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vpengine.sim.figure_shape import Array, Shape, lattice
from vpengine.sim.stand_in import Flag
from vpengine.stage.walls import WallGeometry, normal, position_in_stage

PATCH_M = 0.75
CELL_M = 0.024  # of the grid of distances that shadows are traced in
OFF_SURFACE_M = 0.03
MOST_CELLS = 1_200_000  # of what stands far apart, the grid is coarser
SHADOW_STEPS = 22
PAIRS_AT_ONCE = 200_000


@dataclass(frozen=True, eq=False)
class Patches:
    """centres_m, normals: (n, 3). areas_m2: (n,). Each radiates from its front alone."""

    centres_m: Array
    normals: Array
    areas_m2: Array


def patch_grid(geometry: WallGeometry, side_m: float = PATCH_M) -> tuple[int, int]:
    """Patches across and up a wall, each about ``side_m`` wide."""
    return (max(round(geometry.size_m[0] / side_m), 1), max(round(geometry.size_m[1] / side_m), 1))


def wall_patches(geometry: WallGeometry, grid: tuple[int, int]) -> Patches:
    """A wall's patches, row by row from the bottom, each row from the left."""
    columns, rows = grid
    u, v = np.meshgrid((np.arange(columns) + 0.5) / columns, (np.arange(rows) + 0.5) / rows)
    uv = np.stack([u.ravel(), v.ravel()], axis=-1)
    area_m2 = geometry.size_m[0] * geometry.size_m[1] / (columns * rows)
    return Patches(position_in_stage(geometry, uv), normal(geometry, uv), np.full(len(uv), area_m2))


def floor_patches(low_m: Array, high_m: Array, side_m: float = 1.6) -> Patches:
    """The floor (z = 0) between two corners (x, y)."""
    counts = np.maximum(np.round((high_m - low_m) / side_m), 1).astype(int)
    cell = (high_m - low_m) / counts
    x, y = np.meshgrid(*(low + size * (np.arange(n) + 0.5) for low, size, n in zip(low_m, cell, counts, strict=True)))
    centres = np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], axis=-1)
    return Patches(centres, np.broadcast_to([0.0, 0.0, 1.0], centres.shape), np.full(len(centres), cell[0] * cell[1]))


def joined(patches: list[Patches]) -> Patches:
    return Patches(
        np.concatenate([part.centres_m for part in patches]),
        np.concatenate([part.normals for part in patches]),
        np.concatenate([part.areas_m2 for part in patches]),
    )


class Occluder:
    """A shape as a grid of distances, for tracing many rays at once."""

    def __init__(self, shape: Shape, bounds_m: tuple[Array, Array], cell_m: float = CELL_M) -> None:
        points, self._counts = lattice(*bounds_m, cell_m)
        self._low_m = np.asarray(bounds_m[0], np.float32)
        self._cell_m = cell_m
        self._top = np.array(self._counts, np.float32) - 1.0
        self._distances = shape(points).astype(np.float32)
        self._reach_m = float(np.linalg.norm(self._top)) * cell_m

    def visibility(self, origins_m: Array, directions: Array, spread: NDArray[np.float32]) -> NDArray[np.float32]:
        """How much (n,) of a cone of half-width ``spread`` (tangent) along unit directions is free, 0 to 1."""
        origin = ((origins_m - self._low_m) / self._cell_m).astype(np.float32)
        step = directions.astype(np.float32)
        along_m = np.full(len(origin), OFF_SURFACE_M, np.float32)
        free = np.ones(len(origin), np.float32)
        for _ in range(SHADOW_STEPS):
            distance_m = self._at(origin + step * (along_m / np.float32(self._cell_m))[:, None])
            np.minimum(free, 0.5 + 0.5 * distance_m / (spread * along_m + np.float32(0.004)), out=free)
            along_m += np.maximum(distance_m * np.float32(0.9), np.float32(self._cell_m))
            if along_m.min(initial=np.inf) > self._reach_m:
                break
        return np.clip(free, 0.0, 1.0)

    def _at(self, cells: NDArray[np.float32]) -> NDArray[np.float32]:
        """Distances in metres at fractional cells (n, 3); outside the grid those of its edge and the way there."""
        inside = np.clip(cells, 0.0, self._top)
        index = (inside + np.float32(0.5)).astype(np.int32)
        flat = (index[:, 0] * self._counts[1] + index[:, 1]) * self._counts[2] + index[:, 2]
        beyond = np.abs(cells - inside).max(axis=1) * np.float32(self._cell_m)
        out: NDArray[np.float32] = self._distances[flat] + beyond
        return out


class Shadows:
    """What keeps light away: solid shapes (None: there are none) and flags."""

    def __init__(self, solid: Occluder | None, flags: Sequence[Flag] = ()) -> None:
        self._solid, self._flags = solid, flags

    def visibility(
        self, origins_m: Array, directions: Array, spread: NDArray[np.float32], reach_m: Array
    ) -> NDArray[np.float32]:
        """As ``Occluder.visibility``; of the flags, those that are nearer than ``reach_m`` (n,)."""
        free = np.ones(len(origins_m), np.float32)
        if self._solid is not None:
            free = self._solid.visibility(origins_m, directions, spread)
        for flag in self._flags:
            free = free * (1.0 - _covered(flag, origins_m, directions, spread, reach_m)).astype(np.float32)
        return free


def _covered(flag: Flag, origins_m: Array, directions: Array, spread: Array, reach_m: Array) -> Array:
    """How much (n,) of each cone a flag takes: its edges are as soft as the cone is wide there."""
    against = directions @ flag.facing
    against = np.where(np.abs(against) < 1e-6, 1e-6, against)
    away_m = ((np.array(flag.centre_m) - origins_m) @ flag.facing) / against
    off_m = origins_m + away_m[:, None] * directions - np.array(flag.centre_m)
    soft_m = 2.0 * spread * np.maximum(away_m, 0.0) + 1e-3
    across = np.clip(0.5 + (flag.size_m[0] / 2.0 - np.abs(off_m @ flag.across)) / soft_m, 0.0, 1.0)
    along = np.clip(0.5 + (flag.size_m[1] / 2.0 - np.abs(off_m[:, 2])) / soft_m, 0.0, 1.0)
    covered: Array = across * along * ((away_m > 0.0) & (away_m < reach_m))
    return covered


def occluder_of(shape: Shape, bounds_m: tuple[Array, Array]) -> Occluder:
    volume_m3 = float(np.prod(np.subtract(bounds_m[1], bounds_m[0])))
    return Occluder(shape, bounds_m, max(CELL_M, float(np.cbrt(volume_m3 / MOST_CELLS))))


def form_factors(
    points_m: Array, normals: Array, patches: Patches, shadows: Shadows | None = None
) -> NDArray[np.float32]:
    """(points, patches): what share of a point's view, weighted by the cosine, each patch fills.

    A disk's form factor, A cos cos / (pi d^2 + A) (Wallace et al., A Ray Tracing Algorithm for Progressive Radiosity,
    1989). The irradiance is pi times the product with the patches' radiances.
    """
    rows = max(PAIRS_AT_ONCE // len(patches.areas_m2), 1)
    out = np.zeros((len(points_m), len(patches.areas_m2)), np.float32)
    for start in range(0, len(points_m), rows):
        part = slice(start, start + rows)
        out[part] = _form_factors(points_m[part], normals[part], patches, shadows)
    return out


def _form_factors(points_m: Array, normals: Array, patches: Patches, shadows: Shadows | None) -> Array:
    towards = patches.centres_m[None] - points_m[:, None]
    distance_m = np.maximum(np.linalg.norm(towards, axis=-1), 1e-6)
    towards /= distance_m[..., None]
    receiving = np.einsum("pqc,pc->pq", towards, normals)
    sending = -np.einsum("pqc,qc->pq", towards, patches.normals)
    cosines = np.maximum(receiving, 0.0) * np.maximum(sending, 0.0)
    factors: Array = patches.areas_m2 * cosines / (np.pi * distance_m**2 + patches.areas_m2)
    if shadows is not None:
        point, patch = np.nonzero(factors > 1e-5)
        spread = np.sqrt(patches.areas_m2[patch] / np.pi) / distance_m[point, patch]
        origins = points_m[point] + OFF_SURFACE_M * normals[point]
        factors[point, patch] *= shadows.visibility(
            origins, towards[point, patch], spread.astype(np.float32), distance_m[point, patch]
        )
    return factors
