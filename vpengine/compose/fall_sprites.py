"""Where falling particles are in a picture: as rows for shaders/fall.vert, in an eye's picture or in a wall's."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from vpengine.stage.walls import WallGeometry
from vpengine.view.precipitation import Inside, Precipitation, Weather, particles
from vpengine.view.view import View

Array = NDArray[np.floating]
Rows = NDArray[np.float32]

LEAST_HALF_PX = 0.6  # of a sprite's width: what is thinner is as much fainter, so that it neither sparkles nor aliases
AT_LEAST_M = 0.1  # ahead of the eye
FAINTEST = 0.01  # of a pixel's light: what covers less is left out
ATTRIBUTES = {"ends_px": 4, "particle": 3}


@dataclass(frozen=True)
class Substance:
    """How a kind of particle is drawn. opacity: of one that rests. smear: what of its light a moving one keeps, as an
    exponent of the part of the time for which it covers a place. reflects: a gain on the light that it stands in, at
    most 1. from_all_round: of that light, what comes from all of the picture. brightest: of that, from what is bright.
    glint: a gain, at most, on what is bright around it, by night: a drop near a lamp shows the lamp.
    extinction: of the veil of many, in parts a metre, at a fader's 1.
    """

    opacity: float
    smear: float
    reflects: float
    from_all_round: float
    brightest: float
    glint: float
    extinction: float


FLAKES = Substance(0.95, 0.35, 1.0, 0.8, 0.85, 1.0, 0.006)
DROPS = Substance(0.95, 0.17, 1.0, 0.45, 0.95, 12.0, 0.003)


def view_rows(
    kind: Precipitation, drawn: Substance, weather: Weather, view: View, time_s: float, open_s: float
) -> Rows:
    """(n, 7): the particles in an eye's picture; their distance is along its axis, as its depth is."""
    half_size = 0.5 * np.array(view.resolution, np.float32)
    focal_px = half_size[1] * abs(view.clip_from_view[1, 1])
    found = particles(kind, weather, view.origin_m, time_s, _frustum(view), 1.0 / focal_px)
    clip_from_ray = view.clip_from_stage[[0, 1, 3], :3].T.astype(np.float32)  # x, y and w: they are 0 at the eye
    middle, motion = found.ray_m @ clip_from_ray, 0.5 * open_s * (found.velocity_m_s @ clip_from_ray)
    seen = middle[:, 2] - np.abs(motion[:, 2]) > AT_LEAST_M
    middle, motion = middle[seen], motion[seen]
    ends_px = [(end[:, :2] / end[:, 2:] + 1.0) * half_size for end in (middle - motion, middle + motion)]
    return _rows(drawn, ends_px, found.radius_m[seen] * focal_px / middle[:, 2], middle[:, 2], found.share[seen])


def wall_rows(
    kind: Precipitation,
    drawn: Substance,
    weather: Weather,
    geometry: WallGeometry,
    eye_m: Array,
    size: tuple[int, int],
    time_s: float,
    open_s: float,
) -> Rows:
    """(n, 7): the same particles in a wall's picture of ``size``, seen from ``eye_m``; their distance is from there."""
    wall_px = size[1] / geometry.size_m[1]  # a metre
    nearest_m = _nearest_m((geometry.bottom_m - eye_m) @ _plan(geometry).T)
    found = particles(kind, weather, eye_m, time_s, _before(geometry, eye_m), 1.0 / (wall_px * nearest_m))
    column = column_seen_from(geometry, eye_m, found.ray_m)
    met = column >= 0
    column, ray_m = column[met], found.ray_m[met]
    motion_m = 0.5 * open_s * found.velocity_m_s[met]
    away_m = np.sqrt(np.einsum("ij,ij->i", ray_m, ray_m))
    three = np.concatenate([ray_m - motion_m, ray_m + motion_m, ray_m])
    uv, times = uv_on_column(geometry, eye_m, three, np.tile(column, 3))
    first, last, _ = np.split(uv * np.array(size, uv.dtype), 3)
    half_px = found.radius_m[met] * np.float32(wall_px) * np.split(times, 3)[2]
    return _rows(drawn, [first, last], half_px, away_m, found.share[met])


def column_seen_from(geometry: WallGeometry, eye_m: Array, ray: Array) -> NDArray[np.intp]:
    """Which of the wall's flat columns, or what is above and below it, rays (n, 3) from ``eye_m`` meet on its lit side;
    -1 where none.
    """
    plan = _plan(geometry)
    feet, way = (geometry.bottom_m - eye_m) @ plan.T, ray @ plan.T.astype(ray.dtype)  # in single precision, for speed
    kind = ray.dtype
    beside = way @ np.stack([feet[:, 1], -feet[:, 0]]).astype(kind)  # (n, edges): > 0 where an edge is to the left
    ahead = way @ (feet[:-1] + feet[1:]).T.astype(kind)
    crosses = (beside[:, :-1] >= 0.0) & (beside[:, 1:] < 0.0) & (ahead > 0.0)
    column: NDArray[np.intp] = np.where(crosses.any(axis=1), crosses.argmax(axis=1), -1)
    return column


def uv_on_column(geometry: WallGeometry, eye_m: Array, ray: Array, column: NDArray[np.intp]) -> tuple[Array, Array]:
    """Where rays (n, 3) from ``eye_m`` meet the plane of a column of the wall's: its uv (n, 2), and how many times the
    ray's length that is away (n,).
    """
    plan, kind = _plan(geometry), ray.dtype
    feet, way = ((geometry.bottom_m - eye_m) @ plan.T).astype(kind), ray @ plan.T.astype(kind)
    left = feet.take(column, axis=0)
    along = feet.take(column + 1, axis=0) - left
    turned = way[:, 0] * along[:, 1] - way[:, 1] * along[:, 0]
    part = (way[:, 1] * left[:, 0] - way[:, 0] * left[:, 1]) / turned
    times = (along[:, 1] * left[:, 0] - along[:, 0] * left[:, 1]) / turned
    up = geometry.up_m
    v = (ray @ (up / (up @ up)).astype(kind)) * times - kind.type((geometry.bottom_m[0] - eye_m) @ up / (up @ up))
    return np.stack([(column + part) / (len(feet) - 1), v], axis=1), times


@lru_cache(maxsize=64)
def _plan(geometry: WallGeometry) -> Array:
    """(2, 3): to the right and ahead, across the wall's upright edges."""
    up = geometry.up_m / np.linalg.norm(geometry.up_m)
    across = geometry.bottom_m[1] - geometry.bottom_m[0]
    right = across / np.linalg.norm(across)
    return np.stack([right, np.cross(up, right)])


def _rows(drawn: Substance, ends_px: list[Array], half_px: Array, distance_m: Array, share: Array) -> Rows:
    """What is thinner than a pixel is drawn as wide as one, and fainter; what is smeared is fainter too."""
    motion_px = ends_px[1] - ends_px[0]
    length_px = np.sqrt(np.einsum("ij,ij->i", motion_px, motion_px))
    stays = 2.0 * half_px / (2.0 * half_px + length_px)
    wide_px = np.maximum(half_px, LEAST_HALF_PX)
    thin = half_px / wide_px
    short = (2.0 * half_px + length_px) / (2.0 * wide_px + length_px)
    alpha = drawn.opacity * share * stays**drawn.smear * thin * short
    rows = np.concatenate([*ends_px, wide_px[:, None], distance_m[:, None], alpha[:, None]], axis=1)
    return rows[alpha > FAINTEST].astype(np.float32)


def _frustum(view: View) -> Inside:
    clip = view.clip_from_stage[:, :3]  # its sides go through the eye
    sides = np.stack([clip[3] + clip[0], clip[3] - clip[0], clip[3] + clip[1], clip[3] - clip[1]])
    sides = (sides / np.linalg.norm(sides, axis=1, keepdims=True)).astype(np.float32)

    def inside(rays_m: Array, margin_m: float) -> NDArray[np.bool_]:
        kept: NDArray[np.bool_] = (sides @ rays_m.T).min(axis=0) > -margin_m  # numpy folds long rows fastest
        return kept

    return inside


def _before(geometry: WallGeometry, eye_m: Array) -> Inside:
    """A cone about the wall's middle that holds its corners, between those that hold its lower and its upper edge."""
    up, axis, least, most, aside, widest = _cone(geometry, tuple(map(float, eye_m)))

    def inside(rays_m: Array, margin_m: float) -> NDArray[np.bool_]:
        high_m, ahead_m = rays_m @ up, rays_m @ axis
        away_m2 = np.einsum("ij,ij->i", rays_m, rays_m)
        flat_m, beside_m = (np.sqrt(np.maximum(away_m2 - part**2, 0.0)) for part in (high_m, ahead_m))
        kept: NDArray[np.bool_] = ahead_m * aside - beside_m * widest > -margin_m
        kept &= high_m - most * flat_m < margin_m * (1.0 + most**2) ** 0.5
        kept &= high_m - least * flat_m > -margin_m * (1.0 + least**2) ** 0.5
        return kept

    return inside


@lru_cache(maxsize=64)
def _cone(
    geometry: WallGeometry, eye: tuple[float, ...]
) -> tuple[NDArray[np.float32], NDArray[np.float32], float, float, float, float]:
    """Upwards, and the cone's axis; tangents of its lowest and its highest; sine and cosine of its half angle."""
    up = (geometry.up_m / np.linalg.norm(geometry.up_m)).astype(np.float32)
    corners_m = geometry.vertices_m - np.array(eye)
    nearest_m = _nearest_m(corners_m[0::2] @ _plan(geometry).T)
    low, high = float((corners_m @ up).min()), float((corners_m @ up).max())
    farthest_m = float(np.linalg.norm(corners_m, axis=1).max())
    least, most = low / (nearest_m if low < 0.0 else farthest_m), high / (nearest_m if high > 0.0 else farthest_m)
    corners_m = corners_m / np.maximum(np.linalg.norm(corners_m, axis=1, keepdims=True), 1e-9)
    axis = corners_m.mean(axis=0)
    axis = (axis / max(float(np.linalg.norm(axis)), 1e-9)).astype(np.float32)
    widest = float((corners_m @ axis).min())
    return up, axis, least, most, float(np.sqrt(max(1.0 - widest**2, 0.0))), widest


def _nearest_m(feet: Array) -> float:
    """How near a line through (n, 2) comes to 0."""
    along = np.diff(feet, axis=0)
    part = np.clip(-(feet[:-1] * along).sum(axis=1) / (along * along).sum(axis=1), 0.0, 1.0)
    return max(float(np.linalg.norm(feet[:-1] + part[:, None] * along, axis=1).min()), 1e-3)
