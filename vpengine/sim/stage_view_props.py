"""The camera and its tripod as the stage view shows them: a few boxes and tubes."""

from __future__ import annotations

import numpy as np

from vpengine.sim.figure_shape import Array, Point, TriangleMesh, tube

# (lowest corner, highest corner) in camera axes (X right, Y forward, Z up) around the entrance pupil, in metres.
_BOXES: tuple[tuple[Point, Point], ...] = (
    ((-0.075, -0.46, -0.1), (0.075, -0.16, 0.085)),  # body
    ((-0.055, -0.58, -0.075), (0.055, -0.46, 0.06)),  # battery
    ((-0.13, 0.02, -0.085), (0.13, 0.1, 0.085)),  # matte box
    ((-0.02, -0.4, 0.125), (0.02, -0.12, 0.15)),  # handle
    ((-0.015, -0.4, 0.085), (0.015, -0.37, 0.125)),
    ((-0.015, -0.15, 0.085), (0.015, -0.12, 0.125)),
    ((-0.16, -0.4, 0.03), (-0.075, -0.34, 0.075)),  # viewfinder
    ((-0.09, -0.42, -0.16), (0.09, -0.14, -0.1)),  # head
)
_LENS: tuple[tuple[Point, Point, float], ...] = (
    ((0.0, -0.16, 0.0), (0.0, 0.03, 0.0), 0.058),
    ((0.0, -0.09, 0.0), (0.0, -0.05, 0.0), 0.068),
)
TRIPOD_HEAD_M = 0.16  # below the entrance pupil
TRIPOD_BEHIND_M = 0.28


def camera_mesh() -> TriangleMesh:
    return _joined([*(_box(*corners) for corners in _BOXES), *(tube(*ends, sides=20) for ends in _LENS)])


def tripod_mesh() -> TriangleMesh:
    """One metre high, standing at the origin; it is stretched to the camera's height."""
    parts = [tube((0.0, 0.0, 0.55), (0.0, 0.0, 1.0), 0.035)]
    for angle in np.radians((-90.0, 30.0, 150.0)):
        x, y = float(np.cos(angle)), float(np.sin(angle))
        parts.append(tube((0.42 * x, 0.42 * y, 0.0), (0.05 * x, 0.05 * y, 0.97), 0.018))
        parts.append(tube((0.25 * x, 0.25 * y, 0.45), (0.0, 0.0, 0.6), 0.009))
    return _joined(parts)


def _box(low: Point, high: Point) -> TriangleMesh:
    corners = np.array([[x, y, z] for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])])
    faces = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    outward = np.array([[-1, 0, 0], [1, 0, 0], [0, -1, 0], [0, 1, 0], [0, 0, -1], [0, 0, 1]], float)
    positions = corners[np.array(faces)].reshape(-1, 3)
    first = 4 * np.arange(6)[:, None]
    triangles = np.concatenate([first + np.array(half) for half in ((0, 1, 2), (0, 2, 3))]).astype(np.uint32)
    return TriangleMesh(positions, np.repeat(outward, 4, axis=0), triangles)


def _joined(parts: list[TriangleMesh]) -> TriangleMesh:
    first = np.cumsum([0] + [len(part.positions_m) for part in parts])
    return TriangleMesh(
        np.concatenate([part.positions_m for part in parts]),
        np.concatenate([part.normals for part in parts]),
        np.concatenate([part.triangles + np.uint32(start) for part, start in zip(parts, first, strict=False)]),
    )


def first_hits(origin_m: Array, directions: Array, triangles_m: Array, beyond_m: float) -> Array:
    """Where rays (n, 3) first meet triangles (t, 3, 3), else the point at ``beyond_m``; (n, 3).

    T. Moeller and B. Trumbore, Fast, Minimum Storage Ray/Triangle Intersection, 1997.
    """
    a = triangles_m[:, 0]
    edge1, edge2 = triangles_m[:, 1] - a, triangles_m[:, 2] - a
    unit = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    p = np.cross(unit[:, None], edge2[None])
    determinant = np.einsum("rtc,tc->rt", p, edge1)
    determinant = np.where(np.abs(determinant) < 1e-12, np.inf, determinant)
    from_a = origin_m - a
    u = np.einsum("rtc,tc->rt", p, from_a) / determinant
    q = np.cross(from_a, edge1)
    v = unit @ q.T / determinant
    distance_m = np.einsum("tc,tc->t", q, edge2) / determinant
    hit = (u >= -1e-6) & (v >= -1e-6) & (u + v <= 1.0 + 1e-6) & (distance_m > 1e-4)
    nearest = np.where(hit, distance_m, np.inf).min(axis=1)
    return origin_m + unit * np.minimum(nearest, beyond_m)[:, None]
