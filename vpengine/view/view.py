"""A View: everything that is needed to draw a picture of the world, or to find a point in one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from vpengine.view.light import DAY, Light
from vpengine.view.placement import AS_SET, Placement

Array = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class View:
    """view_from_stage, clip_from_view: (4, 4) float64. resolution: (width, height) pixels.

    time_s, light: the plate's, as it is then. playhead: how long its clip has run then, in seconds, exactly.
    placement: where on the stage the plate's world stands. scale: of the space's metres that view_from_stage takes its
    points from, to the view's; 1 but where ``in_plate`` made it.
    """

    view_from_stage: Array
    clip_from_view: Array
    resolution: tuple[int, int]
    time_s: float = 0.0
    light: Light = DAY
    playhead: Fraction = Fraction(0)
    placement: Placement = AS_SET
    scale: float = 1.0

    @cached_property
    def clip_from_stage(self) -> Array:
        return self.clip_from_view @ self.view_from_stage

    @cached_property
    def stage_from_view(self) -> Array:
        return np.linalg.inv(self.view_from_stage)

    @property
    def origin_m(self) -> Array:
        """The entrance pupil in stage space, (3,)."""
        return self.stage_from_view[:3, 3]

    def same_as(self, other: View) -> bool:
        """Whether it looks at the same in the same light and place, whatever its time."""
        return (
            (self.resolution, self.light, self.placement) == (other.resolution, other.light, other.placement)
            and np.array_equal(self.view_from_stage, other.view_from_stage)
            and np.array_equal(self.clip_from_view, other.clip_from_view)
        )


def in_plate(view: View) -> View:
    """The same, of the plate's own space, where its world is not moved: what a plate is drawn with.

    The scale is in view_from_stage, which is a similarity then: view space and clip w keep the stage's metres, and with
    them the depth that a plate draws, while rays and eye are in the plate's. The View itself where nothing is moved.
    """
    if view.placement == AS_SET:
        return view
    placed, placement = view.view_from_stage @ view.placement.stage_from_plate, view.placement
    return replace(view, view_from_stage=placed, placement=AS_SET, scale=view.scale * placement.scale)


def carried(view: View, placement: Placement) -> View:
    """The View that saw of the world, as it is placed now, what ``view`` saw of it as it was placed then.

    Its clip w, and so the depth of its picture, stays in the metres of then. The View itself where nothing was moved.
    """
    if view.placement == placement:
        return view
    now = view.view_from_stage @ view.placement.stage_from_plate @ placement.plate_from_stage
    scale = view.scale * view.placement.scale / placement.scale
    return replace(view, view_from_stage=now, placement=placement, scale=scale)


def without_overscan(view: View, overscan_percent: float, resolution: tuple[int, int]) -> View:
    """The same, no wider than the lens's own picture, of which ``view`` has so much more on each side."""
    wider = 1.0 + overscan_percent / 50.0
    narrow = np.diag([wider, wider, 1.0, 1.0]) @ view.clip_from_view
    return replace(view, clip_from_view=narrow, resolution=resolution)


def view_ray_from_ndc(view: View) -> Array:
    """(3, 3): (ndc x, ndc y, 1) to the view-space direction that advances one metre along the view axis.

    For every clip_from_view used here clip w = -z, and clip x, y are linear in the direction.
    """
    linear = view.clip_from_view[:2, :3]
    return np.array(
        [
            [1.0 / linear[0, 0], 0.0, linear[0, 2] / linear[0, 0]],
            [0.0, 1.0 / linear[1, 1], linear[1, 2] / linear[1, 1]],
            [0.0, 0.0, -1.0],
        ]
    )


def stage_ray_from_ndc(view: View) -> Array:
    """(3, 3): the same direction in stage space."""
    return view.stage_from_view[:3, :3] @ view_ray_from_ndc(view)


def rays(view: View, ndc: Array) -> Array:
    """Stage directions (..., 3) through ndc (..., 2), scaled to advance one metre along the view axis."""
    matrix = stage_ray_from_ndc(view)
    return ndc @ matrix[:, :2].T + matrix[:, 2]


def pixel_centres(resolution: tuple[int, int]) -> Array:
    """ndc of every pixel's centre, (height, width, 2), row 0 at the top."""
    width, height = resolution
    x = (np.arange(width) + 0.5) / width * 2.0 - 1.0
    y = 1.0 - (np.arange(height) + 0.5) / height * 2.0
    return np.stack(np.meshgrid(x, y), axis=-1)
