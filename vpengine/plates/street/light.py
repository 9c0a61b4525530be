"""The street's light: a low sun, a sky with clouds, street lamps, and what of them reaches each vertex."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from vpengine.plates.street.builder import MATERIAL
from vpengine.plates.street.layout import BEHIND_M
from vpengine.plates.street.mesh import StreetMesh
from vpengine.plates.street.texture import fractal
from vpengine.view.light import Light

Array = NDArray[np.float64]
Floats = NDArray[np.float32]

# Scene-linear ACEScg, in units where a sunlit light facade is about 0.5 and mid grey 0.18.
SUN = np.array([3.5, 2.85, 2.05])
SKY_LIGHT = np.array([0.66, 0.77, 0.94])
STREET_LIGHT = np.array([0.27, 0.26, 0.25])
HAZE = np.array([1.02, 1.0, 0.98])
# Under clouds a metered picture keeps its level but for a stop: the sky gives what the sun gave.
_OVERCAST_LIGHT = np.array([1.30, 1.38, 1.50])
_OVERCAST_STREET_LIGHT = np.array([0.29, 0.30, 0.31])
OVERCAST = np.array([1.50, 1.55, 1.62])
# A night that can be photographed: four and a half stops under the day, and the town's own glow above its roofs.
_NIGHT_STOPS, _NIGHT_TINT = 4.6, np.array([0.62, 0.84, 1.30])
_TOWN_GLOW = np.array([0.016, 0.012, 0.009])
SHOP_LIGHT = np.array([0.62, 0.46, 0.29])
BEHIND_GLASS = np.array([0.75, 0.5, 0.26])
WINDOW_LIGHT = np.array([0.95, 0.62, 0.33])
LAMP_LIGHT = np.array([1.0, 0.66, 0.34])
LAMP_STRENGTH = 62.0  # of a lamp straight down, times a square metre; the road under it is then a little under mid grey
LAMP_GLASS = 24.0  # what its glass gives off
_ZENITH = np.array([0.30, 0.52, 1.00])
_HORIZON = np.array([1.35, 1.36, 1.38])
_GLOW = np.array([2.6, 2.1, 1.45])
_CLOUD_LIT = np.array([2.0, 1.9, 1.78])
_CLOUD_DARK = np.array([0.86, 0.92, 1.05])

SKY_SIZE = 1024
SKY_SCALE = 0.46  # leaves a rim below the horizon
ROWS = 32  # of the sky at once: what lies between stays in the cache
_EAVES_M, _FRONT_M = 16.5, 8.2
_LAMP_REACH_M, _LAMP_NEAREST_M = 26.0, 2.5
_LAMP_HALF_WIDTH_M, LAMP_TEXEL_M = 14.0, 0.25


def sun_direction(azimuth_deg: float, elevation_deg: float) -> Array:
    """Unit vector to the sun; azimuth from +Y (ahead) towards +X (right)."""
    a, e = np.radians([azimuth_deg, elevation_deg])
    return np.array([np.sin(a) * np.cos(e), np.cos(a) * np.cos(e), np.sin(e)])


def vertex_light(mesh: StreetMesh, to_sun: Array) -> tuple[Floats, Floats, Floats]:
    """(albedo, sun, open_sky), (N, 3), (N, 3) and (N,): what reflects the light of sky and street, less what small
    things around hide; the reflected light of the sun where it is not shadowed; the sky's share of the rest.
    """
    albedo = mesh.albedo.astype(float)
    facing = mesh.normal @ to_sun
    leaf = mesh.material == MATERIAL["foliage"]
    facing = np.where(leaf, 0.35 + 0.5 * facing, facing)  # light comes through leaves
    sun = albedo * SUN * np.maximum(facing, 0.0)[:, None]
    open_sky = _open_sky(mesh.position_m, mesh.normal)
    seen = albedo * (mesh.occlusion * _near_ground(mesh))[:, None]
    return seen.astype(np.float32), sun.astype(np.float32), open_sky.astype(np.float32)


def lamp_light(position_m: Array, normal: Array, lamps_m: Array) -> Floats:
    """(N,): what street lamps give a surface, over LAMP_LIGHT; they shine down, with the square of the cosine."""
    out = np.zeros(len(position_m))
    for lamp_m in lamps_m:
        near = np.flatnonzero(np.abs(position_m[:, 1] - lamp_m[1]) < _LAMP_REACH_M)
        towards = lamp_m - position_m[near]
        distance_m = np.maximum(np.linalg.norm(towards, axis=-1), _LAMP_NEAREST_M)
        facing = np.maximum(np.einsum("nc,nc->n", normal[near], towards) / distance_m, 0.0)
        down = np.maximum(towards[:, 2] / distance_m, 0.0)
        end = np.clip(1.0 - np.abs(towards[:, 1]) / _LAMP_REACH_M, 0.0, 1.0)
        out[near] += LAMP_STRENGTH * down**2 * facing * end / distance_m**2
    return out.astype(np.float32)


def lamp_map(lamps_m: Array, length_m: float) -> tuple[Floats, tuple[float, float, float, float]]:
    """What street lamps give the ground, a texel per LAMP_TEXEL_M square, row 0 the nearest; and what makes a texture
    coordinate of a place: its scale and offset in x and y.
    """
    low, high = np.array([-_LAMP_HALF_WIDTH_M, BEHIND_M - 12.0]), np.array([_LAMP_HALF_WIDTH_M, length_m + 12.0])
    width, height = (int(side / LAMP_TEXEL_M) for side in high - low)
    x, y = (low[axis] + (np.arange(count) + 0.5) * LAMP_TEXEL_M for axis, count in enumerate((width, height)))
    at = np.stack([*np.meshgrid(x, y), np.zeros((height, width))], axis=-1).reshape(-1, 3)
    light = lamp_light(at, np.tile([0.0, 0.0, 1.0], (len(at), 1)), lamps_m).reshape(height, width)
    scale = 1.0 / (np.array([width, height]) * LAMP_TEXEL_M)
    return light, (float(scale[0]), float(scale[1]), float(-low[0] * scale[0]), float(-low[1] * scale[1]))


def light_values(light: Light) -> dict[str, Any]:
    """Of the uniform blocks of the street and its sky, what the light decides."""
    covered = 1.0 - light.sun
    dark, glow = nightfall(light)

    def under(clear: Array, clouds: Array) -> Array:
        return (clear + (clouds - clear) * covered) * dark

    # Of what the facades across the street are lit by:
    sunny = 1.0 - 0.6 * covered - 0.4 * (1.0 - np.clip((light.sky - 0.4) / 0.6, 0.0, 1.0))
    return {
        "sun_share": sun_share(light),
        "sky_light": under(SKY_LIGHT, _OVERCAST_LIGHT) + glow,
        "street_light": under(STREET_LIGHT, _OVERCAST_STREET_LIGHT) + 0.5 * glow,
        "haze_color": under(HAZE, 0.6 * OVERCAST) + glow,
        "sky_horizon": under(np.full(3, 1.15), 0.6 * OVERCAST) + glow,
        "sky_zenith": under(np.array([0.42, 0.62, 0.98]), OVERCAST),
        "facade_left": np.array([0.10, 0.10, 0.11]) * dark,
        "facade_right": np.array([0.34, 0.29, 0.23]) * sunny * dark,
        "shop_light": SHOP_LIGHT * (1.0 + (1.0 - light.sky)),
        "lamp_light": LAMP_LIGHT * light.lamps,
        "windows": light.windows,
    }


def nightfall(light: Light) -> tuple[Array, Array]:
    """(3,) each: what night leaves of the sky's light, and what the town's glow adds to it."""
    night = 1.0 - light.sky
    return 2.0 ** (-_NIGHT_STOPS * night) * (1.0 + (_NIGHT_TINT - 1.0) * night), _TOWN_GLOW * night


def sun_share(light: Light) -> float:
    """Of the sun's light, 0 to 1: clouds take it, and before night is half way it has set."""
    set_ = float(np.clip((light.sky - 0.4) / 0.6, 0.0, 1.0))
    return light.sun * set_ * set_ * (3.0 - 2.0 * set_)


def sky_values(light: Light) -> dict[str, Any]:
    """Of the sky's uniform block."""
    tint, glow = nightfall(light)
    return {"overcast": OVERCAST, "covered": 1.0 - light.sun, "sky_tint": tint, "sky_glow": glow}


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
    clouds = Clouds(seed)
    at = ((np.arange(SKY_SIZE) + 0.5) / SKY_SIZE - 0.5) / SKY_SCALE
    rows = [_sky_rows(clouds, to_sun, at, at[first : first + ROWS]) for first in range(0, SKY_SIZE, ROWS)]
    return np.concatenate(rows)


def _sky_rows(clouds: Clouds, to_sun: Array, across: Array, down: Array) -> NDArray[np.float16]:
    """(len(down), len(across), 3)."""
    x, y = np.meshgrid(across, down)
    square = x * x + y * y
    direction = np.stack([2.0 * x, 2.0 * y, 1.0 - square], axis=-1) / (1.0 + square)[..., None]
    up = np.clip(direction[..., 2], 0.0, 1.0)[..., None]
    clear = _ZENITH + (_HORIZON - _ZENITH) * np.exp(-up * 3.2)
    towards = np.clip(direction @ to_sun, 0.0, 1.0)[..., None]
    clear = clear + _GLOW * (0.22 * towards**6 + 0.5 * towards**48 + 4.0 * towards**900)
    cover, thickness = clouds.at(direction)
    lit = _CLOUD_LIT + (_CLOUD_DARK - _CLOUD_LIT) * thickness + _GLOW * 0.35 * towards**10
    fade = np.clip(up / 0.16, 0.0, 1.0)
    sky = clear + (lit - clear) * cover * (0.35 + 0.65 * fade)
    return np.clip(sky, 0.0, 16.0).astype(np.float16)


class Clouds:
    """Two sheets of noise on a flat layer, seen in perspective."""

    def __init__(self, seed: int) -> None:
        self._noise = fractal(np.random.default_rng([seed, 77]), 1.65)
        self._fine = fractal(np.random.default_rng([seed, 78]), 1.1)

    def at(self, direction: Array) -> tuple[Array, Array]:
        """(cover, thickness), each (..., 1) in 0..1."""
        plane = direction[..., :2] / (np.maximum(direction[..., 2:], 0.0) + 0.16)

        def sample(image: Array, scale: float) -> Array:
            at = np.moveaxis(plane[..., ::-1] * scale, -1, 0)
            return map_coordinates(image, at, order=1, mode="grid-wrap")[..., None]

        density = sample(self._noise, 85.0) + 0.22 * sample(self._fine, 150.0)
        cover = np.clip((density + 0.2) * 0.7, 0.0, 1.0)
        cover = cover * cover * (3.0 - 2.0 * cover)
        return cover * 0.9, np.clip((density - 0.8) * 0.6, 0.0, 1.0)
