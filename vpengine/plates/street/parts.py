"""Shapes that are not boxes: tubes, lofts, discs and leaves, as loose triangles."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vpengine.plates.street.builder import Part

Array = NDArray[np.float64]


def grid(points: Array, uv: Array, closed: bool = False, smooth: bool = True) -> Part:
    """A surface over a (rows, columns, 3) net, front side where rows x columns points; closed: columns wrap round."""
    rows, columns = points.shape[:2]
    if closed:
        points = np.concatenate([points, points[:, :1]], axis=1)
        last = uv[:, -1:] + (uv[:, -1:] - uv[:, -2:-1])
        uv = np.concatenate([uv, last], axis=1)
        columns += 1
    index = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]
    triangles = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])
    part = Part(points.reshape(-1, 3), np.zeros((rows * columns, 3)), uv.reshape(-1, 2), triangles)
    if not smooth:
        return faceted(part)
    normal = vertex_normals(part).reshape(rows, columns, 3)
    if closed:
        seam = normal[:, 0] + normal[:, -1]
        normal[:, 0] = normal[:, -1] = seam / np.maximum(np.linalg.norm(seam, axis=-1, keepdims=True), 1e-12)
    return Part(part.position, normal.reshape(-1, 3), part.uv, part.triangles)


def vertex_normals(part: Part) -> Array:
    """(N, 3) unit, the area-weighted mean of the triangles round each vertex."""
    corners = part.position[part.triangles]
    face = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    out = np.zeros_like(part.position)
    for k in range(3):
        np.add.at(out, part.triangles[:, k], face)
    return out / np.maximum(np.linalg.norm(out, axis=-1, keepdims=True), 1e-12)


def faceted(part: Part) -> Part:
    """The same triangles with corners of their own, so that every one is flat; those without area go."""
    corners = part.position[part.triangles]
    face = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(face, axis=-1, keepdims=True)
    kept = area[:, 0] > 1e-9
    return Part(
        corners[kept].reshape(-1, 3),
        np.repeat(face[kept] / area[kept], 3, axis=0),
        part.uv[part.triangles[kept]].reshape(-1, 2),
        np.arange(3 * int(kept.sum())).reshape(-1, 3),
    )


def tube(path: Array, radius_m: Array, sides: int = 6) -> Part:
    """A round tube along ``path`` (n, 3) with a radius at each of its points (n,); ends open."""
    along = np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=-1, keepdims=True)
    reference = np.where(np.abs(along[:, 2:]) < 0.9, [[0.0, 0.0, 1.0]], [[1.0, 0.0, 0.0]])
    first = np.cross(along, reference)
    first /= np.linalg.norm(first, axis=-1, keepdims=True)
    second = np.cross(along, first)
    angle = np.linspace(0.0, 2.0 * np.pi, sides + 1)
    ring = first[:, None] * np.cos(angle)[None, :, None] + second[:, None] * np.sin(angle)[None, :, None]
    points = path[:, None] + ring * radius_m[:, None, None]
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=-1))])
    u = np.broadcast_to(np.linspace(0.0, 1.0, sides + 1) * 2.0 * np.pi * radius_m.max(), points.shape[:2])
    uv = np.stack([u, np.broadcast_to(length[:, None], points.shape[:2])], axis=-1)
    index = np.arange(points.shape[0] * points.shape[1]).reshape(points.shape[:2])
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    triangles = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])
    return Part(points.reshape(-1, 3), ring.reshape(-1, 3), uv.reshape(-1, 2), triangles)


def disc(center: Array, normal: Array, radius_m: float, sides: int = 14) -> Part:
    """A flat disc facing ``normal`` (unit)."""
    reference = np.array([0.0, 0.0, 1.0]) if abs(normal[2]) < 0.9 else np.array([1.0, 0.0, 0.0])
    first = np.cross(reference, normal)
    first /= np.linalg.norm(first)
    second = np.cross(normal, first)
    angle = np.arange(sides) / sides * 2.0 * np.pi
    rim = radius_m * (np.cos(angle)[:, None] * first + np.sin(angle)[:, None] * second)
    points = np.concatenate([center[None], center + rim])
    after = np.roll(np.arange(sides), -1)
    triangles = np.stack([np.zeros(sides, int), np.arange(sides) + 1, after + 1], axis=-1)
    uv = np.concatenate([[[0.0, 0.0]], np.stack([np.cos(angle), np.sin(angle)], -1) * radius_m])
    return Part(points, np.tile(normal, (sides + 1, 1)), uv, triangles)


def leaves(center_m: Array, radius_m: Array, count: int, size_m: float, rng: np.random.Generator) -> Part:
    """Bunches of leaves: small bent rhombs, both sides, in the shell of an ellipsoid with a ragged edge."""
    direction = rng.normal(size=(count, 3))
    direction /= np.linalg.norm(direction, axis=-1, keepdims=True)
    at = center_m + direction * radius_m * rng.uniform(0.45, 1.05, (count, 1))
    first = rng.normal(size=(count, 3))
    first -= np.sum(first * direction, -1, keepdims=True) * direction * 0.6
    first /= np.linalg.norm(first, axis=-1, keepdims=True)
    second = np.cross(direction + 0.5 * rng.normal(size=(count, 3)), first)
    second /= np.linalg.norm(second, axis=-1, keepdims=True)
    size = size_m * rng.uniform(0.6, 1.3, (count, 1))
    points = np.stack([at - first * size, at - second * size * 0.55, at + first * size, at + second * size * 0.55], 1)
    points[:, ::2] -= direction[:, None] * size[:, None] * 0.25
    normal = direction + np.array([0.0, 0.0, 0.35]) + 0.25 * rng.normal(size=(count, 3))
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    uv = np.array([[0.0, 0.5], [0.5, 0.0], [1.0, 0.5], [0.5, 1.0]]) * size[:, None] + rng.uniform(0, 4, (count, 1, 2))
    quad = np.array([[0, 1, 2], [0, 2, 3]])
    triangles = (quad[None] + 4 * np.arange(count)[:, None, None]).reshape(-1, 3)
    return Part(points.reshape(-1, 3), np.repeat(normal, 4, axis=0), uv.reshape(-1, 2), triangles)


def joined(parts: list[Part]) -> Part:
    offsets = np.cumsum([0, *(len(part.position) for part in parts[:-1])])
    return Part(
        np.concatenate([part.position for part in parts]),
        np.concatenate([part.normal for part in parts]),
        np.concatenate([part.uv for part in parts]),
        np.concatenate([part.triangles + offset for part, offset in zip(parts, offsets, strict=True)]),
    )


def placed(part: Part, origin_m: tuple[float, float, float], heading_deg: float) -> Part:
    """Turned about Z (0 keeps +Y ahead, positive to the left) and moved."""
    c, s = np.cos(np.radians(heading_deg)), np.sin(np.radians(heading_deg))
    turn = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    return Part(part.position @ turn.T + np.array(origin_m), part.normal @ turn.T, part.uv, part.triangles)
