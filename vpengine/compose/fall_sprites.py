"""Where falling particles are in a picture: as rows for shaders/fall.vert, in an eye's picture or in a wall's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vpengine.stage.walls import WallGeometry
from vpengine.view.precipitation import Inside, Precipitation, Weather, particles
from vpengine.view.view import View

Array = NDArray[np.floating]
Rows = NDArray[np.float32]

LEAST_HALF_PX = 0.6  # of a sprite's width: what is thinner is as much fainter, so that it neither sparkles nor aliases
AT_LEAST_M = 0.1  # ahead of the eye
FAINTEST = 0.004  # of a pixel's light: what covers less is left out
ATTRIBUTES = {"ends_px": 4, "particle": 3}


@dataclass(frozen=True)
class Substance:
    """How a kind of particle is drawn. opacity: of one that rests. smear: what of its light a moving one keeps, as an
    exponent of the part of the time for which it covers a place. reflects: a gain on the light that it stands in, at
    most 1. from_all_round: of that light, what comes from all of the picture. brightest: of that, from what is bright.
    extinction: of the veil of many, in parts a metre, at a fader's 1.
    """

    opacity: float
    smear: float
    reflects: float
    from_all_round: float
    brightest: float
    extinction: float


FLAKES = Substance(0.95, 0.4, 0.97, 0.7, 0.65, 0.006)
DROPS = Substance(0.9, 0.28, 1.0, 0.7, 0.85, 0.003)


def view_rows(
    kind: Precipitation, drawn: Substance, weather: Weather, view: View, time_s: float, open_s: float
) -> Rows:
    """(n, 7): the particles in an eye's picture; their distance is along its axis, as its depth is."""
    found = particles(kind, weather, view.origin_m, time_s, _frustum(view))
    clip_from_ray = view.clip_from_stage[[0, 1, 3], :3].T.astype(np.float32)  # x, y and w: they are 0 at the eye
    middle, motion = found.ray_m @ clip_from_ray, 0.5 * open_s * (found.velocity_m_s @ clip_from_ray)
    seen = middle[:, 2] - np.abs(motion[:, 2]) > AT_LEAST_M
    middle, motion = middle[seen], motion[seen]
    half_size = 0.5 * np.array(view.resolution, np.float32)
    ends_px = [(end[:, :2] / end[:, 2:] + 1.0) * half_size for end in (middle - motion, middle + motion)]
    pixels_a_metre = half_size[1] * abs(view.clip_from_view[1, 1]) / middle[:, 2]
    return _rows(drawn, ends_px, found.radius_m[seen] * pixels_a_metre, middle[:, 2], found.share[seen])


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
    found = particles(kind, weather, eye_m, time_s, _cone(geometry, eye_m))
    motion_m = 0.5 * open_s * found.velocity_m_s
    uv, wall_m = uv_seen_from(geometry, eye_m, found.ray_m)
    ends = [uv_seen_from(geometry, eye_m, found.ray_m + way * motion_m)[0] for way in (-1.0, 1.0)]
    seen = np.isfinite(uv[:, 0]) & np.isfinite(ends[0][:, 0]) & np.isfinite(ends[1][:, 0])
    away_m = np.linalg.norm(found.ray_m, axis=1)[seen]
    pixels_a_metre = size[1] / geometry.size_m[1] * wall_m[seen] / away_m
    ends_px = [end[seen] * np.array(size, float) for end in ends]
    return _rows(drawn, ends_px, found.radius_m[seen] * pixels_a_metre, away_m, found.share[seen])


def uv_seen_from(geometry: WallGeometry, eye_m: Array, ray: Array) -> tuple[Array, Array]:
    """Where rays (n, 3) from ``eye_m`` meet the wall: its uv (n, 2), which may lie above or below it, and how far that
    is (n,) in metres. NaN for those that pass it on the left or the right, or see its back.
    """
    up = geometry.up_m / np.linalg.norm(geometry.up_m)
    across = geometry.bottom_m[1] - geometry.bottom_m[0]
    right = across / np.linalg.norm(across)
    plan = np.stack([right, np.cross(up, right)])  # from above, as the wall's own up has it
    feet, way = (geometry.bottom_m - eye_m) @ plan.T, ray @ plan.T
    beside = way[:, None, 0] * feet[:, 1] - way[:, None, 1] * feet[:, 0]  # (n, edges): > 0 where an edge is to the left
    ahead = way @ feet.T
    crosses = (beside[:, :-1] >= 0.0) & (beside[:, 1:] < 0.0) & (np.maximum(ahead[:, :-1], ahead[:, 1:]) > 0.0)
    column = crosses.argmax(axis=1)
    each = np.arange(len(ray))
    left, next_one = beside[each, column], beside[each, column + 1]
    met = crosses.any(axis=1)
    part = np.where(met, left / np.where(met, left - next_one, 1.0), np.nan)
    foot = geometry.bottom_m[column] + part[:, None] * (geometry.bottom_m[column + 1] - geometry.bottom_m[column])
    flat_m = np.linalg.norm((foot - eye_m) @ plan.T, axis=1)
    times = flat_m / np.maximum(np.linalg.norm(way, axis=1), 1e-9)
    point = eye_m + ray * times[:, None]
    v = (point - foot) @ up / np.linalg.norm(geometry.up_m)
    uv = np.stack([(column + part) / (len(geometry.bottom_m) - 1), v], axis=1)
    return uv, times * np.linalg.norm(ray, axis=1)


def _rows(drawn: Substance, ends_px: list[Array], half_px: Array, distance_m: Array, share: Array) -> Rows:
    """What is thinner than a pixel is drawn as wide as one, and fainter; what is smeared is fainter too."""
    length_px = np.linalg.norm(ends_px[1] - ends_px[0], axis=1)
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
    sides = (sides / np.linalg.norm(sides, axis=1, keepdims=True)).T.astype(np.float32)

    def inside(rays_m: Array, margin_m: float) -> NDArray[np.bool_]:
        kept: NDArray[np.bool_] = (rays_m @ sides).min(axis=1) > -margin_m
        return kept

    return inside


def _cone(geometry: WallGeometry, eye_m: Array) -> Inside:
    """A cone about the wall's middle that holds its corners."""
    corners = geometry.vertices_m - eye_m
    corners /= np.maximum(np.linalg.norm(corners, axis=1, keepdims=True), 1e-9)
    axis = corners.mean(axis=0)
    axis = (axis / max(float(np.linalg.norm(axis)), 1e-9)).astype(np.float32)
    widest = float(np.arccos(np.clip(corners @ axis, -1.0, 1.0)).max())

    def inside(rays_m: Array, margin_m: float) -> NDArray[np.bool_]:
        away_m = np.maximum(np.sqrt(np.einsum("ij,ij->i", rays_m, rays_m)), 1e-9)
        off = np.arccos(np.clip(rays_m @ axis / away_m, -1.0, 1.0))
        kept: NDArray[np.bool_] = off < widest + np.arcsin(np.clip(margin_m / away_m, 0.0, 1.0)) + 1e-6
        return kept

    return inside
