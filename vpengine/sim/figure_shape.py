"""Shapes as signed distance functions on numpy, and their surfaces as triangle meshes.

A shape is a function of (n, 3) points in metres to (n,) signed distances, negative inside.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
Shape = Callable[[Array], Array]
Point = tuple[float, float, float]


def capsule(start: Point, end: Point, start_radius_m: float, end_radius_m: float | None = None) -> Shape:
    """A rounded cone between two points; the radius goes linearly along it."""
    a, along = np.asarray(start), np.subtract(end, start)
    end_radius_m = start_radius_m if end_radius_m is None else end_radius_m

    def distance(p: Array) -> Array:
        t = np.clip((p - a) @ along / (along @ along), 0.0, 1.0)
        radius = start_radius_m + (end_radius_m - start_radius_m) * t
        return np.linalg.norm(p - a - t[:, None] * along, axis=1) - radius

    return distance


def ellipsoid(centre: Point, radii: Point) -> Shape:
    """First-order distance to an ellipsoid: exact at its surface."""
    c, r = np.asarray(centre), np.asarray(radii)

    def distance(p: Array) -> Array:
        unit = (p - c) / r
        length = np.linalg.norm(unit, axis=1)
        gradient = np.linalg.norm(unit / r, axis=1)
        return (length - 1.0) * length / np.maximum(gradient, 1e-9)

    return distance


def sphere(centre: Point, radius_m: float) -> Shape:
    c = np.asarray(centre)
    return lambda p: np.linalg.norm(p - c, axis=1) - radius_m


def squashed(shape: Shape, centre: Point, scale: Point) -> Shape:
    """A shape seen through a stretched space, so that capsules become flat: a bound, near enough to its surface."""
    c, s = np.asarray(centre), np.asarray(scale)
    return lambda p: shape((p - c) / s + c) * float(min(scale))


def above(shape: Shape, z_m: float) -> Shape:
    """The part of a shape above a level."""
    return lambda p: np.maximum(shape(p), z_m - p[:, 2])


def below(shape: Shape, z_m: float) -> Shape:
    return lambda p: np.maximum(shape(p), p[:, 2] - z_m)


def union(shapes: Sequence[Shape], blend_m: float = 0.0) -> Shape:
    """The union, its seams rounded over ``blend_m`` (I. Quilez's quadratic smooth minimum)."""

    def joined(a: Array, b: Array) -> Array:
        if blend_m <= 0.0:
            return np.minimum(a, b)
        h = np.maximum(blend_m - np.abs(a - b), 0.0) / blend_m
        return np.minimum(a, b) - h * h * blend_m * 0.25

    return lambda p: reduce(joined, (shape(p) for shape in shapes))


def carved(shape: Shape, hollow: Shape, blend_m: float = 0.0) -> Shape:
    """A shape without a hollow, whose rim is rounded over ``blend_m``."""
    outside = union([lambda p: -shape(p), hollow], blend_m)
    return lambda p: -outside(p)


def turned(turn_deg: float) -> Array:
    """(3, 3): anticlockwise about the vertical, seen from above."""
    cosine, sine = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    return np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])


def placed(shape: Shape, turn_deg: float, position_m: Point) -> Shape:
    """A shape turned about the vertical and then moved."""
    turn = turned(turn_deg)
    return lambda p: shape((p - np.asarray(position_m)) @ turn)


@dataclass(frozen=True, eq=False)
class TriangleMesh:
    """positions_m, normals: (n, 3). triangles: (m, 3) uint32, anticlockwise seen from outside."""

    positions_m: Array
    normals: Array
    triangles: NDArray[np.uint32]


def lattice(low_m: Array, high_m: Array, step_m: float) -> tuple[Array, tuple[int, int, int]]:
    """Points (x * y * z, 3) of a grid from ``low_m``, and how many there are each way."""
    counts = np.ceil((np.asarray(high_m) - low_m) / step_m).astype(int) + 1
    axes = [low + step_m * np.arange(count) for low, count in zip(low_m, counts, strict=True)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    return points, (int(counts[0]), int(counts[1]), int(counts[2]))


def mesh_of(shape: Shape, low_m: Array, high_m: Array, step_m: float) -> TriangleMesh:
    """The shape's surface by naive surface nets (S. Gibson, 1998), each vertex then moved onto the surface itself."""
    inside = _inside(shape, *lattice(low_m, high_m, step_m), step_m)
    counts = inside.shape
    corners = [inside[x : counts[0] - 1 + x, y : counts[1] - 1 + y, z : counts[2] - 1 + z]
               for x in (0, 1) for y in (0, 1) for z in (0, 1)]  # fmt: skip
    filled = np.sum(corners, axis=0)
    crossed = (filled > 0) & (filled < 8)
    index = np.full(crossed.shape, -1)
    index[crossed] = np.arange(np.count_nonzero(crossed))
    positions = np.asarray(low_m) + (np.argwhere(crossed) + 0.5) * step_m
    for _ in range(4):
        positions -= np.clip(shape(positions), -step_m, step_m)[:, None] * gradient(shape, positions)
    return TriangleMesh(positions, gradient(shape, positions), _quads(inside, index))


def globe(centre_m: Array, radius_m: float, rings: int = 36) -> TriangleMesh:
    """A sphere of 2 ``rings`` segments around."""
    polar, around = np.meshgrid(np.linspace(0.0, np.pi, rings + 1), np.linspace(0.0, 2.0 * np.pi, 2 * rings + 1))
    normals = np.stack([np.sin(polar) * np.cos(around), np.sin(polar) * np.sin(around), np.cos(polar)], axis=-1)
    positions_m = np.asarray(centre_m) + radius_m * normals
    return TriangleMesh(positions_m.reshape(-1, 3), normals.reshape(-1, 3), net(*normals.shape[:2]))


def tube(start: Point, end: Point, radius_m: float, sides: int = 10) -> TriangleMesh:
    """A cylinder without caps."""
    along = np.subtract(end, start)
    length_m = np.linalg.norm(along)
    aside = np.cross(along / length_m, [0.0, 0.0, 1.0] if abs(along[2]) < 0.9 * length_m else [0.0, 1.0, 0.0])
    aside /= np.linalg.norm(aside)
    across = np.cross(along / length_m, aside)
    angles = np.linspace(0.0, 2.0 * np.pi, sides + 1)[:, None, None]
    normals = np.repeat(np.cos(angles) * aside + np.sin(angles) * across, 2, axis=1)
    positions_m = np.stack([np.asarray(end, float), np.asarray(start, float)]) + radius_m * normals
    return TriangleMesh(positions_m.reshape(-1, 3), normals.reshape(-1, 3), net(sides + 1, 2))


def net(rows: int, columns: int) -> NDArray[np.uint32]:
    """Two triangles for every mesh of a net of vertices, numbered row by row."""
    index = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = (part.ravel() for part in (index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]))
    # The two triangles of a mesh one after the other, so that their vertices are shaded once.
    return np.stack([a, b, c, a, c, d], axis=1).reshape(-1, 3).astype(np.uint32)


def _inside(shape: Shape, points: Array, counts: tuple[int, int, int], step_m: float) -> NDArray[np.bool_]:
    """Which points of a lattice lie inside; only those near the surface are asked one by one."""
    block = 4
    index = np.arange(len(points)).reshape(counts)
    coarse = shape(points[index[::block, ::block, ::block].ravel()])
    coarse = coarse.reshape([-(-count // block) for count in counts])
    for axis, count in enumerate(counts):
        coarse = np.repeat(coarse, block, axis=axis).take(range(count), axis=axis)
    inside: NDArray[np.bool_] = coarse < 0.0
    near = np.abs(coarse) < 2.0 * block * step_m * np.sqrt(3.0)
    inside[near] = shape(points[near.ravel()]) < 0.0
    return inside


def gradient(shape: Shape, points: Array, reach_m: float = 2e-3) -> Array:
    """Unit outward directions (n, 3), by differences over a small tetrahedron."""
    corners = np.array([[1, -1, -1], [-1, -1, 1], [-1, 1, -1], [1, 1, 1]], float)
    slope = sum(corner * shape(points + corner * reach_m)[:, None] for corner in corners)
    out: Array = slope / np.maximum(np.linalg.norm(slope, axis=1, keepdims=True), 1e-12)
    return out


def _quads(inside: NDArray[np.bool_], index: NDArray[np.intp]) -> NDArray[np.uint32]:
    """Two triangles across every lattice edge that goes through the surface, of the four cells around it."""
    found = []
    for axis in range(3):
        here, there = np.moveaxis(inside, axis, 0)[:-1], np.moveaxis(inside, axis, 0)[1:]
        cells = np.moveaxis(index, axis, 0)
        crossing = (here != there)[:, 1:-1, 1:-1]
        around = np.stack([cells[:, :-1, :-1], cells[:, 1:, :-1], cells[:, 1:, 1:], cells[:, :-1, 1:]], axis=-1)
        quads = around[crossing]
        # moveaxis keeps the right-handed order for x and z and swaps it for y
        flip = here[:, 1:-1, 1:-1][crossing] == (axis == 1)
        quads[flip] = quads[flip][:, ::-1]
        found.append(quads)
    ordered = np.concatenate(found)
    # Neighbours follow each other, so that a vertex is shaded once.
    ordered = ordered[np.argsort(ordered.min(axis=1))]
    return ordered[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3).astype(np.uint32)
