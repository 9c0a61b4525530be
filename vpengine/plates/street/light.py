"""The street's light: a low sun, a sky with clouds, and what of them each vertex receives before shadows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from vpengine.plates.street.builder import MATERIAL
from vpengine.plates.street.mesh import StreetMesh
from vpengine.plates.street.texture import fractal

Array = NDArray[np.float64]
Floats = NDArray[np.float32]

# Scene-linear ACEScg, in units where a sunlit light facade is about 0.5 and mid grey 0.18.
SUN = np.array([3.5, 2.85, 2.05])
SKY_LIGHT = np.array([0.66, 0.77, 0.94])
STREET_LIGHT = np.array([0.27, 0.26, 0.25])
HAZE = np.array([1.02, 1.0, 0.98])
_ZENITH = np.array([0.30, 0.52, 1.00])
_HORIZON = np.array([1.35, 1.36, 1.38])
_GLOW = np.array([2.6, 2.1, 1.45])
_CLOUD_LIT = np.array([2.0, 1.9, 1.78])
_CLOUD_DARK = np.array([0.86, 0.92, 1.05])

SKY_SIZE = 1024
SKY_SCALE = 0.46  # leaves a rim below the horizon
_EAVES_M, _FRONT_M = 16.5, 8.2


def sun_direction(azimuth_deg: float, elevation_deg: float) -> Array:
    """Unit vector to the sun; azimuth from +Y (ahead) towards +X (right)."""
    a, e = np.radians([azimuth_deg, elevation_deg])
    return np.array([np.sin(a) * np.cos(e), np.cos(a) * np.cos(e), np.sin(e)])


def vertex_light(mesh: StreetMesh, to_sun: Array) -> tuple[Floats, Floats]:
    """(ambient, sun), each (N, 3): reflected light of the sky and street, and of the sun where it is not shadowed."""
    albedo = mesh.albedo.astype(float)
    facing = mesh.normal @ to_sun
    leaf = mesh.material == MATERIAL["foliage"]
    facing = np.where(leaf, 0.35 + 0.5 * facing, facing)  # light comes through leaves
    sun = albedo * SUN * np.maximum(facing, 0.0)[:, None]
    open_sky = _open_sky(mesh.position_m, mesh.normal)[:, None]
    light = SKY_LIGHT * open_sky + STREET_LIGHT * (1.0 - open_sky)
    ambient = albedo * light * (mesh.occlusion * _near_ground(mesh))[:, None]
    return ambient.astype(np.float32), sun.astype(np.float32)


def _open_sky(position_m: Floats, normal: Floats) -> Array:
    """(N,): the sky's share of the light at a place in an endless canyon of facades (form factors of two planes)."""
    x, z = np.clip(position_m[:, 0], -_FRONT_M + 0.01, _FRONT_M - 0.01), position_m[:, 2]
    rise = np.maximum(_EAVES_M - z, 0.0)
    left = np.arctan2(rise, x + _FRONT_M)
    right = np.arctan2(rise, _FRONT_M - x)
    up = (np.cos(left) + np.cos(right)) / 2.0
    facing_right = 0.5 * (1.0 - np.sin(right))
    facing_left = 0.5 * (1.0 - np.sin(left))
    across = np.where(normal[:, 0] > 0.0, facing_right, facing_left)
    along = 0.36 + 0.14 * np.clip(z / _EAVES_M, 0.0, 1.0)
    wall = (across * normal[:, 0] ** 2 + along * normal[:, 1] ** 2) / np.maximum(1.0 - normal[:, 2] ** 2, 1e-6)
    vertical = np.abs(normal[:, 2])
    return np.where(normal[:, 2] >= 0.0, vertical * up, 0.0) + (1.0 - vertical) * wall


def _near_ground(mesh: StreetMesh) -> Array:
    """(N,): walls darken towards the pavement."""
    upright = 1.0 - np.abs(mesh.normal[:, 2])
    return 1.0 - 0.22 * upright * np.exp(-np.maximum(mesh.position_m[:, 2], 0.0) / 1.2)


def sky_panorama(seed: int, to_sun: Array) -> NDArray[np.float16]:
    """(SKY_SIZE, SKY_SIZE, 3): stereographic from the nadir: x, y at (x, y) / (1 + z) * SKY_SCALE + 0.5."""
    at = ((np.arange(SKY_SIZE) + 0.5) / SKY_SIZE - 0.5) / SKY_SCALE
    x, y = np.meshgrid(at, at)
    square = x * x + y * y
    direction = np.stack([2.0 * x, 2.0 * y, 1.0 - square], axis=-1) / (1.0 + square)[..., None]
    up = np.clip(direction[..., 2], 0.0, 1.0)[..., None]
    clear = _ZENITH + (_HORIZON - _ZENITH) * np.exp(-up * 3.2)
    towards = np.clip(direction @ to_sun, 0.0, 1.0)[..., None]
    clear = clear + _GLOW * (0.22 * towards**6 + 0.5 * towards**48 + 4.0 * towards**900)
    cover, thickness = _clouds(seed, direction)
    lit = _CLOUD_LIT + (_CLOUD_DARK - _CLOUD_LIT) * thickness + _GLOW * 0.35 * towards**10
    fade = np.clip(up / 0.16, 0.0, 1.0)
    sky = clear + (lit - clear) * cover * (0.35 + 0.65 * fade)
    return np.clip(sky, 0.0, 16.0).astype(np.float16)


def _clouds(seed: int, direction: Array) -> tuple[Array, Array]:
    """(cover, thickness), each (..., 1) in 0..1: two sheets of noise on a flat layer, seen in perspective."""
    noise = fractal(np.random.default_rng([seed, 77]), 1.65)
    fine = fractal(np.random.default_rng([seed, 78]), 1.1)
    plane = direction[..., :2] / (np.maximum(direction[..., 2:], 0.0) + 0.16)

    def sample(image: Array, scale: float) -> Array:
        at = np.moveaxis(plane[..., ::-1] * scale, -1, 0)
        return map_coordinates(image, at, order=1, mode="grid-wrap")[..., None]

    density = sample(noise, 85.0) + 0.22 * sample(fine, 150.0)
    cover = np.clip((density + 0.2) * 0.7, 0.0, 1.0)
    cover = cover * cover * (3.0 - 2.0 * cover)
    return cover * 0.9, np.clip((density - 0.8) * 0.6, 0.0, 1.0)
