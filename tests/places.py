"""Made-up places for tests of trained looks: a canyon of two walls and a road below a sky, by day and at dusk."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.rooms import looking
from vpengine.neural.generator import Plate
from vpengine.neural.look_references import reference_pictures
from vpengine.neural.look_samples import ZonedPicture
from vpengine.view.color import acescct_from_linear
from vpengine.view.view import View, pixel_centres, rays

SIZE = (320, 180)
ROOF_M = 7.0
SUNNY = np.array([0.9, 0.75, 0.6])
# Of daylight, by channel: what is left of it at dusk, on land and in the sky.
DUSK_LAND, DUSK_SKY = np.array([0.17, 0.09, 0.05]), np.array([0.8, 0.35, 0.15])


def day_plates() -> list[Plate]:
    """Six views of the place, by day."""
    return [day_plate(looking(0.5 * n - 1.0, 2.0 * n, 1.6, 12.0 * n - 30.0, 4.0 * (n % 3), SIZE)) for n in range(6)]


def day_plate(view: View) -> Plate:
    light, depth_m = place(view)
    return Plate(acescct_from_linear(light), depth_m, np.full_like(depth_m, 0.5), view)


def dusk_still(seed: int = 3) -> NDArray[Any]:
    """A still (height, width, 3), scene-linear, of another such place at dusk."""
    light, depth_m = place(looking(0.0, 1.0, 1.6, 0.0, 0.0, SIZE), seed)
    sky = np.isinf(depth_m)[..., None]
    dark: NDArray[Any] = np.where(sky, light * DUSK_SKY, light**1.2 * DUSK_LAND)
    return dark


def dusk() -> list[ZonedPicture]:
    return reference_pictures(dusk_still())


def place(view: View, seed: int = 1) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Scene-linear light (height, width, 3) and depth (height, width): walls at 4 m on both sides and 60 m ahead."""
    ray, origin = rays(view, pixel_centres(view.resolution)), view.origin_m
    depth_m = np.full(ray.shape[:2], np.inf)
    for axis, at_m in ((0, -4.0), (0, 4.0), (1, 60.0), (2, 0.0)):
        with np.errstate(divide="ignore", invalid="ignore"):
            reach_m = (at_m - origin[axis]) / ray[..., axis]
            low = origin[2] + reach_m * ray[..., 2] < ROOF_M
        depth_m = np.minimum(depth_m, np.where((reach_m > 0.05) & low, reach_m, np.inf))
    point = origin + ray * np.where(np.isinf(depth_m), 0.0, depth_m)[..., None]
    sky = np.isinf(depth_m)[..., None]
    return np.where(sky, _sky(ray), _land(point, seed)).astype(np.float32), depth_m.astype(np.float32)


def _land(point: NDArray[Any], seed: int) -> NDArray[Any]:
    """Stones of many brightnesses, windows in the walls, and one side in the sun."""
    rng = np.random.default_rng(seed)
    shades = rng.uniform(0.08, 0.35, 512)
    stone = np.floor(point @ np.diag([1.3, 1.1, 1.7])).astype(int) @ np.array([7, 13, 29]) % 512
    tints = 1.0 + 0.3 * rng.uniform(-1.0, 1.0, (512, 3))
    window = (np.floor(point[..., 1] / 1.5 + point[..., 2] / 2.0) % 3 == 0) & (point[..., 2] > 1.0)
    shade = np.where(window, 0.04, shades[stone]) * np.where(point[..., 0] > 1.0, 1.6, 0.7)
    return shade[..., None] * tints[stone] * SUNNY


def _sky(ray: NDArray[Any]) -> NDArray[Any]:
    up = np.clip(ray[..., 2:] / np.linalg.norm(ray, axis=-1, keepdims=True), 0.0, 1.0)
    return np.array([0.8, 1.0, 1.2]) * (1.0 - 0.5 * up)
