"""From the street's mesh to what its shader reads: texture coordinates, light per vertex, and chunks to cull."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vpengine.plates.street.builder import MATERIAL, MATERIALS, PICTURED
from vpengine.plates.street.light import LAMP_GLASS, lamp_light, vertex_light
from vpengine.plates.street.mesh import StreetMesh
from vpengine.plates.street.texture import TILE_M, VARIANTS

Array = NDArray[np.float64]
Floats = NDArray[np.float32]

WIRE_RADIUS_M = 0.016
NEVER = 2.0  # more than the share of windows that can be lit
_GROUND = ("asphalt", "paving", "kerb", "road_paint")
_LAMP_GLASS_M = 0.3
_CHUNK_M = 12.0
_GROUND_M = 0.2
_INSET = 0.004  # of a picture's side: keeps filtering from reaching the neighbouring variant


@dataclass(frozen=True, eq=False)
class StreetSurface:
    """attributes: by shader name, (N, k) float32. triangles (M, 3) uint32, in chunks.

    planes: (M, 4) each triangle's, metres on its front; leaves have no back. middle_m: (M, 3). last_m: (M,) is
    added to the distance they are sorted by. thickness_m: (M,) the least height. chunk: (M,) which each is in.
    sunless: (M,) whether it faces away from the sun.
    low_m, high_m: (C, 3) a chunk's bounds in stage space.
    """

    attributes: dict[str, Floats]
    triangles: NDArray[np.uint32]
    planes: Floats
    middle_m: Floats
    last_m: Floats
    thickness_m: Floats
    chunk: NDArray[np.int64]
    sunless: NDArray[np.bool_]
    low_m: Array
    high_m: Array
    length_m: float


def make_surface(mesh: StreetMesh, to_sun: Array) -> StreetSurface:
    albedo, sun, open_sky = vertex_light(mesh, to_sun)
    shop = mesh.material == MATERIAL["shop_glass"]
    thin = np.where(mesh.material == MATERIALS.index("wire"), WIRE_RADIUS_M, 0.0)
    attributes = {
        "in_position": mesh.position_m,
        "in_normal": mesh.normal,
        "in_texture": texture_coordinates(mesh),
        "in_albedo": albedo,
        "in_sun": sun,
        "in_surface": np.stack(
            [np.where(shop, 0.0, mesh.emissive), thin, _window_turns(mesh), np.where(shop, mesh.emissive, 0.0)], axis=-1
        ).astype(np.float32),
        "in_sky": np.column_stack([open_sky, _lamps(mesh)]),
    }
    return StreetSurface(attributes=attributes, length_m=mesh.length_m, **_chunks(mesh, np.asarray(~sun.any(axis=1))))


def _window_turns(mesh: StreetMesh) -> Array:
    """(N,): at which share of lit windows each is lit, those first that are by day; NEVER where no window is."""
    window = np.isin(mesh.material, [MATERIAL["window_casement"], MATERIAL["window_sash"]])
    face = np.arange(len(window)) // 4  # four corners of a face follow each other
    turn = (face * 2654435761 >> 4) % 65536 / 65536.0
    return np.where(window, np.where(mesh.emissive > 0.0, 0.0, 0.03 + 0.97 * turn), NEVER)


def _lamps(mesh: StreetMesh) -> Floats:
    """(N, 3): what street lamps give a vertex, but for the ground's; 1 on the ground, whose light the map has, which is
    finer than its net; what a lamp's own glass gives off.
    """
    ground = np.isin(mesh.material, [MATERIAL[name] for name in _GROUND]) & (mesh.normal[:, 2] > 0.9)
    given = np.where(ground, 0.0, lamp_light(mesh.position_m.astype(float), mesh.normal.astype(float), mesh.lamps_m))
    down = np.flatnonzero((mesh.material == MATERIAL["metal"]) & (mesh.normal[:, 2] < -0.9))
    away_m = np.linalg.norm(mesh.position_m[down, None] - mesh.lamps_m[None], axis=-1).min(axis=1, initial=np.inf)
    glass = np.zeros(len(given))
    glass[down[away_m < _LAMP_GLASS_M]] = LAMP_GLASS
    return np.column_stack([given, ground, glass]).astype(np.float32)


def texture_coordinates(mesh: StreetMesh) -> Floats:
    """(N, 3): u, v in repeats, and the layer."""
    repeat = np.array([TILE_M.get(name, 1.0) for name in MATERIALS])[mesh.material]
    uv = mesh.uv / repeat[:, None]
    for name in PICTURED:
        at = np.flatnonzero(mesh.material == MATERIALS.index(name))
        columns, rows = VARIANTS[name]
        # Four corners of a face follow each other, so that a face's number is its first corner's over four.
        variant = (np.arange(len(at)) // 4 * 2654435761 >> 7) % (columns * rows)
        cell = np.stack([variant % columns, variant // columns], axis=-1)
        inside = _INSET + (1.0 - 2.0 * _INSET) * mesh.uv[at]
        uv[at] = (cell + inside) / [columns, rows]
    return np.column_stack([uv, mesh.material]).astype(np.float32)


def _chunks(mesh: StreetMesh, sunless: NDArray[np.bool_]) -> dict[str, Any]:
    """Triangles sorted into slabs along the street and strips across it. sunless: (N,) vertices."""
    corners = mesh.position_m[mesh.triangles]
    middle = corners.mean(axis=1)
    strip = np.searchsorted([-20.25, -12.0, -5.4, 5.4, 12.0, 20.25], middle[:, 0])
    ground = corners[..., 2].max(axis=1) < _GROUND_M
    key = np.floor(middle[:, 1] / _CHUNK_M).astype(int) * 14 + 7 * ground + strip
    front = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=-1).max(axis=1)
    thickness = np.linalg.norm(front, axis=-1) / np.maximum(longest, 1e-9)
    wire = mesh.material[mesh.triangles[:, 0]] == MATERIAL["wire"]
    thickness[wire] = np.inf  # drawn a pixel wide at any distance
    order = np.argsort(key, kind="stable")
    _, first, chunk = np.unique(key[order], return_index=True, return_inverse=True)
    planes = np.empty((len(order), 4), np.float32)
    planes[:, :3] = front / np.maximum(np.linalg.norm(front, axis=-1, keepdims=True), 1e-12)
    planes[:, 3] = -np.einsum("tc,tc->t", planes[:, :3], corners[:, 0])
    planes[mesh.material[mesh.triangles[:, 0]] == MATERIAL["foliage"]] = [0.0, 0.0, 0.0, 1.0]
    corners = corners[order]
    return {
        "triangles": mesh.triangles[order],
        "planes": planes[order],
        "middle_m": middle[order],
        "last_m": np.where(ground[order], np.float32(4e3), np.float32(0.0)),  # whatever stands on it hides it
        "thickness_m": thickness[order].astype(np.float32),
        "chunk": chunk,
        "sunless": sunless[mesh.triangles[order]].all(axis=1),
        "low_m": np.minimum.reduceat(corners.min(axis=1), first).astype(float),
        "high_m": np.maximum.reduceat(corners.max(axis=1), first).astype(float),
    }
