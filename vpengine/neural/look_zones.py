"""Zones: what a look treats alike. Sky low and high, the far, what stands, the ground: how much of each a pixel is.

A plate's pixels are told apart by where they are in the world, so that a place is in the same zone in every view of it.
A reference has no depth: its sky is what is smooth from its upper edge down (an even ceiling is taken for one), the
rest is told apart by elevation.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from vpengine.view.view import View, in_plate, pixel_centres, rays

ZONES = ("sky_low", "sky_high", "far", "upright", "ground")
LAND = slice(2, 5)
_FAR_M = (25.0, 160.0)  # between these the far begins
_GROUND_M = (0.25, 1.25)  # above the floor: between these what stands begins
_HIGH_DEG = (4.0, 30.0)  # between these the sky goes from low to high
_HORIZON_DEG = (-2.0, 1.0)  # of what has no depth: sky above, ground below
_REFERENCE_FAR_DEG, _REFERENCE_GROUND_DEG = (3.5, 1.0), (-1.0, -8.0)
_SMOOTH, _MOSTLY = 0.02, 0.003  # ACEScct between pixels of a sky: everywhere, and in most of it
_BELOW_DEG = -5.0
_TOWARDS_GROUND = 0.6  # of the way from a sky to the ground: darker is land
_TOP = 0.05  # of a picture's height: where its sky begins

Weights = NDArray[np.float32]


def plate_zones(depth_m: NDArray[Any], view: View) -> Weights:
    """How much of each zone a plate's pixels are, (height, width, zones), in all 1."""
    view = in_plate(view)
    height, width = depth_m.shape
    ray = rays(view, pixel_centres((width, height))).astype(np.float32)
    length = np.sqrt((ray * ray).sum(axis=-1))
    elevation = np.degrees(np.arcsin(ray[..., 2] / length))
    endless = ~np.isfinite(depth_m)
    reach_m = np.where(endless, 1.0, depth_m).astype(np.float32)
    sky = np.where(endless, ramp(elevation, *_HORIZON_DEG), 0.0)
    far = np.where(endless, 0.0, ramp(np.log2(np.maximum(reach_m * length, 1e-3)), *np.log2(_FAR_M)))
    height_m = np.float32(view.origin_m[2]) + reach_m * ray[..., 2]
    stands = np.where(endless, 0.0, ramp(height_m, *_GROUND_M))
    return _weights(sky, ramp(elevation, *_HIGH_DEG), far, stands)


def reference_zones(elevation_deg: NDArray[Any], sky: NDArray[Any]) -> Weights:
    """The same of a reference: elevation_deg (height, width) of its rays, and how much of its pixels is sky."""
    far = ramp(np.abs(elevation_deg), *_REFERENCE_FAR_DEG)
    stands = 1.0 - ramp(elevation_deg, *_REFERENCE_GROUND_DEG)
    return _weights(sky, ramp(elevation_deg, *_HIGH_DEG), far, stands)


def _weights(sky: NDArray[Any], high: NDArray[Any], far: NDArray[Any], stands: NDArray[Any]) -> Weights:
    land = 1.0 - sky
    parts = (
        sky * (1.0 - high),
        sky * high,
        land * far,
        land * (1.0 - far) * stands,
        land * (1.0 - far) * (1.0 - stands),
    )
    return np.stack(parts, axis=-1).astype(np.float32)


def ramp(value: NDArray[Any], start: float, end: float) -> NDArray[Any]:
    """0 at ``start``, 1 at ``end`` (which may be the lesser), without a step in its slope."""
    t = np.clip((value - start) / (end - start), 0.0, 1.0)
    smooth: NDArray[Any] = t * t * (3.0 - 2.0 * t)
    return smooth


def sky_of(luminance: NDArray[Any], elevation_deg: NDArray[Any]) -> NDArray[Any]:
    """1 where a reference (height, width) is smooth, above the horizon, joined to its upper edge, and nearer to that in
    brightness than to what lies below the horizon. Stars and wires are closed over.
    """
    calm = ndimage.median_filter(luminance, 3)
    step = ndimage.gaussian_gradient_magnitude(calm, 1.0)
    above, below = calm[: max(1, round(_TOP * len(calm)))], calm[elevation_deg < _BELOW_DEG]
    top = float(np.median(above))
    ground = float(np.median(below)) if below.size else top
    bright = calm > top + _TOWARDS_GROUND * min(ground - top, 0.0) if ground < top else np.ones_like(calm, bool)
    parts, _ = ndimage.label((step < _SMOOTH) & bright & (elevation_deg > _HORIZON_DEG[0]))
    joined = np.isin(parts, np.setdiff1d(parts[: len(above)], [0]))
    if not joined.any() or np.median(step[joined]) > _MOSTLY:
        return np.zeros_like(calm)
    closed: NDArray[Any] = ndimage.binary_closing(joined, np.ones((3, 3), bool), iterations=2, border_value=0) | joined
    return closed.astype(np.float32)
