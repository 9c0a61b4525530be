"""What lights a glTF scene by day and night: a dome's picture and the sun in it, or the street's sun and sky."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from vpengine.plates.dome import dome_uv
from vpengine.plates.gltf.environment import (
    GRID,
    Environment,
    environment,
    grid_directions,
    grid_solid_angles,
    harmonics,
    irradiance,
)
from vpengine.plates.mipmaps import mip_levels
from vpengine.plates.street.light import SKY_SCALE, SUN, nightfall, sun_share
from vpengine.view.color import luminance
from vpengine.view.light import Light

Array = NDArray[np.float64]

GROUND_ALBEDO = 0.2  # of what lies under the street's sky; a dome has its own ground
_SUN_RADIUS_DEG, _RING_DEG = 4.0, 8.0
_SUN_LEAST = 0.15  # of the sky's own light on the ground: less is no sun, but a bright cloud or window
_OVERCAST_TINT = np.array([0.97, 1.0, 1.05])
OVERCAST_LEVEL = 0.5  # a stop under sun and sky, as the street's clouds
_OVERCAST_FLAT = 0.6 + 0.4 * 2.0 / 3.0  # on level ground, of a sky of 0.6 + 0.4 z, over pi
CLOUDED_GROUND = GROUND_ALBEDO * _OVERCAST_FLAT  # what then lies below the horizon, of the zenith


@dataclass(frozen=True, eq=False)
class SceneLight:
    """A clear day. environment: all but the sun. to_sun: (3,) unit. sun: (3,), what it gives a white surface facing it.

    Light on surfaces is irradiance over pi: what a white one then reflects.
    """

    environment: Environment
    to_sun: Array
    sun: Array

    @property
    def level(self) -> Array:
        """(3,): of level ground, sun and sky together."""
        return _level(self.environment.irradiance, self.to_sun, self.sun)

    @cached_property
    def overcast(self) -> Array:
        """(3,): the zenith under clouds; the CIE's overcast sky has 0.6 + 0.4 z of it, as the street's."""
        level = OVERCAST_LEVEL * float(luminance(self.level)) / _OVERCAST_FLAT
        return level * _OVERCAST_TINT

    def values(self, light: Light) -> dict[str, Any]:
        """Of the shaders' uniform blocks, what the View's light decides."""
        tint, glow = nightfall(light)
        covered = 1.0 - light.sun
        irradiance = (self.environment.irradiance * light.sun + _OVERCAST[:, None] * self.overcast * covered) * tint
        irradiance[0] += glow / _BAND_0
        return {
            "irradiance": irradiance,
            "to_sun": self.to_sun,
            "sun": self.sun * sun_share(light),
            "overcast": self.overcast,
            "covered": covered,
            "sky_tint": tint,
            "sky_glow": glow,
        }


def sky_values(scene: SceneLight, light: Light) -> dict[str, Any]:
    """Of the sky's uniform block. ground: what lies under a painted sky, lit as the scene is."""
    values = scene.values(light)
    level = np.maximum(_UP @ values["irradiance"], 0.0) + values["sun"] * max(float(scene.to_sun[2]), 0.0)
    kept = ("overcast", "covered", "sky_tint", "sky_glow")
    return {"ground": GROUND_ALBEDO * level, **{name: values[name] for name in kept}}


def _level(of_sky: Array, to_sun: Array, sun: Array) -> Array:
    """(3,). of_sky: (9, 3) irradiance in spherical harmonics."""
    return np.maximum(_UP @ of_sky, 0.0) + sun * max(float(to_sun[2]), 0.0)


def under_street_sky(panorama: NDArray[np.float16], to_sun: Array) -> SceneLight:
    """panorama: as ``street.light.sky_panorama`` makes it for ``to_sun``."""
    directions = grid_directions()
    above = np.maximum(directions[..., 2:], 0.0)
    at = (directions[..., :2] / (1.0 + above) * SKY_SCALE + 0.5) * len(panorama) - 0.5
    sky = _sampled(panorama, at[..., 1], at[..., 0])
    is_sky = directions[..., 2:] > 0.0
    ground = GROUND_ALBEDO * _level(irradiance(np.where(is_sky, sky, 0.0)), to_sun, SUN)
    return SceneLight(environment(np.where(is_sky, sky, ground)), to_sun, SUN)


def under_dome(pixels: NDArray[np.float16], yaw_deg: float, gain: float) -> SceneLight:
    """pixels: (height, width, 3 or more), equirectangular, zenith on top, linear ACEScg; the sun is found in it."""
    levels = [level for level in mip_levels(pixels) if level.shape[0] >= 8 * GRID[0]] or [pixels]
    whole = levels[-1][..., :3].astype(np.float64) * gain
    direction, weight = _equirect(whole.shape[0], whole.shape[1], yaw_deg)
    sky, to_sun, sun = _without_sun(whole, direction, weight)
    return SceneLight(environment(_on_grid(sky, yaw_deg)), to_sun, sun)


def _equirect(height: int, width: int, yaw_deg: float) -> tuple[Array, Array]:
    """Stage directions (height, width, 3) of an equirectangular picture's pixels, and their solid angles."""
    polar = (np.arange(height) + 0.5) / height * np.pi
    azimuth = ((np.arange(width) + 0.5) / width - 0.5) * 2.0 * np.pi - np.radians(yaw_deg)
    x, y = np.sin(polar)[:, None] * np.sin(azimuth), np.sin(polar)[:, None] * np.cos(azimuth)
    z = np.broadcast_to(np.cos(polar)[:, None], x.shape)
    weight = np.broadcast_to(np.sin(polar)[:, None] * (np.pi / height) * (2.0 * np.pi / width), x.shape)
    return np.stack([x, y, z], axis=-1), weight


def _without_sun(picture: Array, direction: Array, weight: Array) -> tuple[Array, Array, Array]:
    """(the picture, the sun's direction, its irradiance over pi): what is brightest, where it outshines a share of the
    sky. In the picture it then is as what surrounds it; a light of so few cells would be lost between them.
    """
    level = luminance(picture)
    row, column = np.unravel_index(int(np.argmax(level)), level.shape)
    cosine = direction @ direction[row, column]
    disc = cosine > np.cos(np.radians(_SUN_RADIUS_DEG))
    ring = (cosine > np.cos(np.radians(_RING_DEG))) & ~disc
    around = np.average(picture[ring], axis=0, weights=weight[ring]) if ring.any() else np.zeros(3)
    energy = np.maximum(picture[disc] - around, 0.0) * weight[disc][:, None]
    sun = energy.sum(axis=0) / np.pi
    upper = np.maximum(direction[..., 2], 0.0) * weight / np.pi
    sky = (upper[..., None] * np.where(disc[..., None], around, picture)).sum(axis=(0, 1))
    towards = luminance(energy) @ direction[disc]
    length = float(np.linalg.norm(towards))
    if float(luminance(sun)) < _SUN_LEAST * float(luminance(sky)) or length <= 0.0 or towards[2] <= 0.0:
        return picture, np.array([0.0, 0.0, 1.0]), np.zeros(3)
    return np.where(disc[..., None], np.minimum(picture, around), picture), towards / length, sun


def _on_grid(picture: Array, yaw_deg: float) -> Array:
    """(*GRID, 3): means of the picture's blocks, turned as the dome is."""
    height, width, _ = picture.shape
    rows, columns = min(GRID[0], height), min(GRID[1], width)
    top = np.arange(rows) * height // rows
    left = np.arange(columns) * width // columns
    sums = np.add.reduceat(np.add.reduceat(picture, top, axis=0), left, axis=1)
    small = sums / (np.diff([*top, height])[:, None] * np.diff([*left, width]))[..., None]
    uv = dome_uv(grid_directions(), yaw_deg)
    return _sampled(small, uv[..., 1] * rows - 0.5, uv[..., 0] * columns - 0.5, "grid-wrap")


def _sampled(
    image: NDArray[Any], row: Array, column: Array, across: Literal["nearest", "grid-wrap"] = "nearest"
) -> Array:
    """(..., 3), linearly; ``across``: what lies left and right of the image. Above and below, its edge."""
    row = np.clip(row, 0.0, len(image) - 1.0)
    at = np.stack([row, column])
    channels = [map_coordinates(image[..., c].astype(np.float64), at, order=1, mode=across) for c in range(3)]
    return np.stack(channels, axis=-1)


def _overcast_irradiance() -> Array:
    """(9,): of a sky of 1 at the zenith and the ground under it, over pi, in spherical harmonics."""
    z = grid_directions()[..., 2]
    radiance = np.where(z > 0.0, 0.6 + 0.4 * z, CLOUDED_GROUND)
    bands = np.array([1.0, *[2.0 / 3.0] * 3, *[0.25] * 5])
    return bands * np.einsum("rck,rc->k", harmonics(grid_directions()), radiance * grid_solid_angles())


_UP = harmonics(np.array([0.0, 0.0, 1.0]))
_OVERCAST = _overcast_irradiance()
_BAND_0 = 0.282095
