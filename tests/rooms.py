"""Stages made of planes, by ray casting: what tests of pictures' depth and steadiness look at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vpengine.view.camera import camera_view
from vpengine.view.lens import Lens
from vpengine.view.pose import from_opentrackio
from vpengine.view.view import View, pixel_centres, rays

LENS = Lens((24.89, 14.0), 24.0)

Plane = tuple[tuple[float, float, float], float]  # normal @ point = distance in metres

WALL: Sequence[Plane] = [((0.0, 1.0, 0.0), 5.0)]
ASLANT: Sequence[Plane] = [((0.6, 0.8, 0.0), 4.0)]
FLOOR: Sequence[Plane] = [((0.0, 0.0, 1.0), 0.0)]
SKY: Sequence[Plane] = []
BOX: Sequence[Plane] = [
    ((0.0, 1.0, 0.0), 6.0),
    ((1.0, 0.0, 0.0), -3.0),
    ((1.0, 0.0, 0.0), 3.0),
    ((0.0, 0.0, 1.0), 0.0),
    ((0.0, 0.0, 1.0), 3.0),
]


def looking(
    right_m: float = 0.0,
    forward_m: float = 0.0,
    up_m: float = 1.6,
    pan_deg: float = 0.0,
    tilt_deg: float = 0.0,
    size: tuple[int, int] = (512, 288),
) -> View:
    return camera_view(from_opentrackio((right_m, forward_m, up_m), pan_deg, tilt_deg, 0.0), LENS, size, 0.0)


def seen_depth(planes: Sequence[Plane], view: View) -> NDArray[np.float32]:
    """(height, width) metres along the view axis, +inf where there is none."""
    ray = rays(view, pixel_centres(view.resolution))
    depth_m = np.full(ray.shape[:2], np.inf)
    for normal, distance_m in planes:
        with np.errstate(divide="ignore", invalid="ignore"):
            found_m = (distance_m - view.origin_m @ normal) / (ray @ np.array(normal))
        depth_m = np.minimum(depth_m, np.where(found_m > 0.05, found_m, np.inf))
    return depth_m.astype(np.float32)
