"""Meshes of the training scenes: boxes, cylinders, balls and ground, each part with the surface it is made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Material(IntEnum):
    """What a surface is; written into the G-buffer as a number."""

    MATTE = 0
    WINDOW = 1
    LAMP = 2
    GROUND = 3
    FOLIAGE = 4
    METAL = 5


class Pattern(IntEnum):
    """Procedural albedo of a surface; the numbers are those of tools/shaders/include/albedo.glsl."""

    PLAIN = 0
    MOTTLED = 1
    BRICKS = 2
    PLANKS = 3
    TILES = 4
    FACADE = 5
    ROAD = 6
    LEAVES = 7
    STRIPES = 8
    SPOTS = 9


@dataclass(frozen=True)
class Surface:
    """first, second: albedo, ACEScg 0..1. scale_m: the pattern's period. salt: 0..1, moves what is random in it."""

    first: tuple[float, float, float]
    second: tuple[float, float, float]
    pattern: Pattern = Pattern.PLAIN
    scale_m: float = 1.0
    material: Material = Material.MATTE
    salt: float = 0.0


@dataclass(frozen=True, eq=False)
class Part:
    """positions_m, normals: (vertices, 3). triangles: (triangles, 3). casts: whether it throws a shadow."""

    positions_m: Array
    normals: Array
    triangles: NDArray[np.int64]
    surface: Surface
    casts: bool = True


@dataclass(frozen=True, eq=False)
class SceneMesh:
    """All parts joined: attributes by name, (vertices, n) float32, and triangles; casters is the subset of triangles.

    surfaces: (3, parts, 4) float32: first albedo and pattern, second albedo and scale, material and salt.
    """

    attributes: dict[str, NDArray[np.float32]]
    surfaces: NDArray[np.float32]
    triangles: NDArray[np.uint32]
    casters: NDArray[np.uint32]
    bounds_m: tuple[Array, Array] = field(default=(np.zeros(3), np.ones(3)))


_FACES = (  # normal, and two edges whose cross product is the normal
    ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    ((-1, 0, 0), (0, -1, 0), (0, 0, 1)),
    ((0, 1, 0), (-1, 0, 0), (0, 0, 1)),
    ((0, -1, 0), (1, 0, 0), (0, 0, 1)),
    ((0, 0, 1), (1, 0, 0), (0, 1, 0)),
    ((0, 0, -1), (-1, 0, 0), (0, 1, 0)),
)


def box(
    centre_m: Iterable[float],
    size_m: Iterable[float],
    surface: Surface,
    yaw_deg: float = 0.0,
    inward: bool = False,
    casts: bool = True,
) -> Part:
    """A box standing on its own axes turned by ``yaw_deg``; ``inward`` makes it a room seen from inside."""
    positions, normals, triangles = [], [], []
    for index, (normal, u, v) in enumerate(np.asarray(_FACES, float)):
        corners = [normal - u - v, normal + u - v, normal + u + v, normal - u + v]
        positions += [0.5 * corner for corner in corners]
        normals += [normal] * 4
        quad = 4 * index + np.array([[0, 1, 2], [0, 2, 3]])
        triangles += [quad[:, ::-1] if inward else quad]
    turn = _yaw(yaw_deg)
    points = (np.array(positions) * np.asarray(tuple(size_m))) @ turn.T + np.asarray(tuple(centre_m))
    directions = np.array(normals) @ turn.T * (-1.0 if inward else 1.0)
    return Part(points, directions, np.concatenate(triangles), surface, casts)


def _yaw(yaw_deg: float) -> Array:
    c, s = np.cos(np.radians(yaw_deg)), np.sin(np.radians(yaw_deg))
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def ball(centre_m: Iterable[float], radii_m: Iterable[float], surface: Surface, rings: int = 10) -> Part:
    """An ellipsoid with smooth normals."""
    polar, around = np.meshgrid(np.linspace(0.0, np.pi, rings + 1), np.linspace(0.0, 2.0 * np.pi, 2 * rings + 1))
    unit = np.stack([np.sin(polar) * np.cos(around), np.sin(polar) * np.sin(around), np.cos(polar)], -1)
    radii = np.asarray(tuple(radii_m))
    normals = unit / radii
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    triangles = _grid_triangles(unit.shape[0], unit.shape[1])
    points = (unit * radii + np.asarray(tuple(centre_m))).reshape(-1, 3)
    return Part(points, normals.reshape(-1, 3), triangles, surface)


def cylinder(
    base_m: Iterable[float], radius_m: float, height_m: float, surface: Surface, taper: float = 1.0, sides: int = 10
) -> Part:
    """An upright cylinder or cone (``taper`` is the top's radius over the base's) with a cap."""
    angle = np.linspace(0.0, 2.0 * np.pi, sides + 1)
    around = np.stack([np.cos(angle), np.sin(angle), np.zeros_like(angle)], -1)
    up = np.array([0.0, 0.0, height_m])
    wall = np.stack([around * radius_m, around * radius_m * taper + up], 1)
    slope = around + np.array([0.0, 0.0, radius_m * (1.0 - taper) / height_m])
    slope /= np.linalg.norm(slope, axis=-1, keepdims=True)
    cap = np.concatenate([around * radius_m * taper + up, up[None]])
    fan = np.array([[i, i + 1, sides + 1] for i in range(sides)]) + 2 * (sides + 1)
    points = np.concatenate([wall.reshape(-1, 3), cap]) + np.asarray(tuple(base_m))
    normals = np.concatenate([np.repeat(slope, 2, 0), np.tile([0.0, 0.0, 1.0], (sides + 2, 1))])
    return Part(points, normals, np.concatenate([_grid_triangles(sides + 1, 2), fan]), surface)


def ground(heights_m: Array, size_m: float, surface: Surface) -> Part:
    """A square height field, (n, n) heights, centred on the origin, with smooth normals."""
    n = heights_m.shape[0]
    axis = np.linspace(-0.5 * size_m, 0.5 * size_m, n)
    x, y = np.meshgrid(axis, axis, indexing="ij")
    step = size_m / (n - 1)
    dx, dy = np.gradient(heights_m, step)
    normals = np.stack([-dx, -dy, np.ones_like(dx)], -1)
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    points = np.stack([x, y, heights_m], -1)
    return Part(points.reshape(-1, 3), normals.reshape(-1, 3), _grid_triangles(n, n), surface)


def _grid_triangles(rows: int, columns: int) -> NDArray[np.int64]:
    i, j = np.meshgrid(np.arange(rows - 1), np.arange(columns - 1), indexing="ij")
    a = (i * columns + j).ravel()
    b, c, d = a + columns, a + columns + 1, a + 1
    return np.concatenate([np.stack([a, b, c], -1), np.stack([a, c, d], -1)])


def join(parts: Iterable[Part]) -> SceneMesh:
    """One mesh of all parts."""
    parts = list(parts)
    offset, triangles, casters = 0, [], []
    for part in parts:
        triangles.append(part.triangles + offset)
        if part.casts:
            casters.append(part.triangles + offset)
        offset += len(part.positions_m)
    positions = np.concatenate([part.positions_m for part in parts])
    cast_points = np.concatenate([part.positions_m for part in parts if part.casts])
    attributes = {
        "in_position": positions,
        "in_normal": np.concatenate([part.normals for part in parts]),
        "in_part": np.concatenate([_part_columns(index, part) for index, part in enumerate(parts)]),
    }
    return SceneMesh(
        {name: np.ascontiguousarray(values, np.float32) for name, values in attributes.items()},
        surface_table([part.surface for part in parts]),
        np.concatenate(triangles).astype(np.uint32),
        np.concatenate(casters).astype(np.uint32),
        (cast_points.min(0), cast_points.max(0)),
    )


def _part_columns(index: int, part: Part) -> Array:
    """(vertices, 2): the part's number, and its salt where it has leaves (holes), else -1."""
    leaves = part.surface.salt if part.surface.pattern == Pattern.LEAVES else -1.0
    return np.tile([float(index), leaves], (len(part.positions_m), 1))


def surface_table(surfaces: list[Surface]) -> NDArray[np.float32]:
    """(3, surfaces, 4); see SceneMesh."""
    first = [(*s.first, float(s.pattern)) for s in surfaces]
    second = [(*s.second, s.scale_m) for s in surfaces]
    rest = [(float(s.material), s.salt, 0.0, 0.0) for s in surfaces]
    return np.array([first, second, rest], np.float32)
