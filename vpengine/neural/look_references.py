"""References as pictures of a level camera: stills as they are, panoramas in perspective crops all round."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from vpengine.neural.generator import Plate
from vpengine.neural.look_samples import ZonedPicture
from vpengine.neural.look_zones import reference_zones, sky_of
from vpengine.view.color import acescct_from_linear
from vpengine.view.lens import clip_from_view_symmetric
from vpengine.view.pose import look_at, view_from_stage
from vpengine.view.view import View

_CROP_PX = (240, 135)
_CROP_FOV_DEG = 65.0
_CROP_TILTS_DEG = (2.0, 14.0)
_CROPS = 8  # all round, at each tilt
_STILL_FOV_DEG = 55.0  # of a still, whose lens nobody knows; its horizon is taken to be in its middle
_STILL_PX, _PANORAMA_PX = 360, 2048
_EYE_M, _BACKDROP_M = 1.6, 40.0  # of a picture that is taken for a plate
_HALF_MAX = 65504.0
_BRIGHTEST = 64.0  # scene-linear: a sun is no part of a look's statistics

Array = NDArray[np.float32]


def is_panorama(shape: tuple[int, ...], aspect: float = 2.0, slack: float = 0.01) -> bool:
    """Whether a picture of (height, width, ...) is as wide as an equirectangular one."""
    return abs(shape[1] / shape[0] - aspect) < slack


def reference_pictures(linear: NDArray[Any]) -> list[ZonedPicture]:
    """What is learnt from one file: linear (height, width, 3), scene-linear ACEScg, row 0 at the top."""
    light = np.clip(np.asarray(linear, np.float32), 0.0, _BRIGHTEST)
    if not is_panorama(light.shape):
        return [_still(light)]
    light = _smaller(light, _PANORAMA_PX)
    height, width = light.shape[:2]
    elevation_deg = np.repeat(90.0 - (np.arange(height) + 0.5)[:, None] / height * 180.0, width, axis=1)
    sky = sky_of(acescct_from_linear(light).mean(axis=-1), elevation_deg)
    turn = 360.0 / _CROPS
    return [_crop(light, sky, turn * number, tilt) for tilt in _CROP_TILTS_DEG for number in range(_CROPS)]


def guessed_plate(linear: NDArray[Any], width_px: int, fov_deg: float) -> Plate:
    """A picture as a plate, seen by a level camera at a person's height: its sky endless, its ground flat, the rest a
    backdrop far away. linear as above.
    """
    light = _smaller(np.clip(np.asarray(linear, np.float32), 0.0, _HALF_MAX), width_px)
    height, width = light.shape[:2]
    ray = _rays(width, height, fov_deg, 0.0)
    color_cct = acescct_from_linear(light)
    sky = sky_of(color_cct.mean(axis=-1), _elevation_deg(ray)) > 0.5
    down = np.maximum(-ray[..., 2], 1e-6)
    depth_m = np.where(sky, np.inf, np.minimum(_EYE_M / down, _BACKDROP_M)).astype(np.float32)
    pose = look_at(np.array([0.0, 0.0, _EYE_M]), np.array([0.0, 1.0, _EYE_M]))
    view = View(view_from_stage(pose), clip_from_view_symmetric(fov_deg, width / height), (width, height))
    return Plate(color_cct, depth_m, np.full_like(depth_m, 0.5), view)


def _smaller(light: Array, most_px: int) -> Array:
    """At most about ``most_px`` wide; means, that fine grain is not taken for contrast."""
    step = max(1, round(light.shape[1] / most_px))
    rows, columns = (side // step * step for side in light.shape[:2])
    parts = light[:rows, :columns].reshape(rows // step, step, columns // step, step, 3)
    return parts.mean(axis=(1, 3))


def _still(light: Array) -> ZonedPicture:
    light = _smaller(light, _STILL_PX)
    elevation_deg = _elevation_deg(_rays(light.shape[1], light.shape[0], _STILL_FOV_DEG, 0.0))
    color_cct = acescct_from_linear(light)
    return ZonedPicture(color_cct, reference_zones(elevation_deg, sky_of(color_cct.mean(axis=-1), elevation_deg)))


def _crop(light: Array, sky: NDArray[Any], pan_deg: float, tilt_deg: float) -> ZonedPicture:
    """A level camera's picture of an equirectangular panorama."""
    height, width = light.shape[:2]
    ray = _rays(*_CROP_PX, _CROP_FOV_DEG, tilt_deg)
    elevation_deg = _elevation_deg(ray)
    longitude = np.arctan2(ray[..., 0], ray[..., 1]) + np.radians(pan_deg)
    column = (longitude / (2.0 * np.pi) % 1.0 * width - 0.5) % width
    row = (90.0 - elevation_deg) / 180.0 * height - 0.5
    both = np.concatenate([light, sky[..., None]], axis=-1)
    both = np.concatenate([both, both[:, :1]], axis=1)  # a crop may go over the seam
    channels = [ndimage.map_coordinates(both[..., c], [row, column], order=1, mode="nearest") for c in range(4)]
    color_cct = acescct_from_linear(np.stack(channels[:3], axis=-1))
    return ZonedPicture(color_cct, reference_zones(elevation_deg, channels[3]))


def _elevation_deg(ray: NDArray[Any]) -> NDArray[Any]:
    elevation: NDArray[Any] = np.degrees(np.arcsin(ray[..., 2] / np.linalg.norm(ray, axis=-1)))
    return elevation


def _rays(width: int, height: int, fov_deg: float, tilt_deg: float) -> NDArray[Any]:
    """(height, width, 3): right, forward, up."""
    half = np.tan(np.radians(fov_deg) / 2.0)
    x = (np.arange(width) + 0.5) / width * 2.0 - 1.0
    y = (1.0 - (np.arange(height) + 0.5) / height * 2.0) * height / width
    right, up = np.meshgrid(x * half, y * half)
    sine, cosine = np.sin(np.radians(tilt_deg)), np.cos(np.radians(tilt_deg))
    return np.stack([right, cosine - sine * up, sine + cosine * up], axis=-1)
