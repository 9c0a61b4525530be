"""Test patterns whose colour is a formula of where one looks: for lining up, and for tests that know the answer."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.target import Target
from vpengine.plates.plate import warm
from vpengine.stage.settings import Settings
from vpengine.view.view import View, stage_ray_from_ndc

Array = NDArray[np.float64]

_BLOCK = UniformBlock(
    "Pattern", stage_ray_from_ndc="mat3", eye_m="vec3", center_m="vec3", radius_m="float", wave="float", faces="vec3[6]"
)
# +X right, -X left, +Y ahead, -Y behind, +Z up, -Z down.
FACES = np.array(
    [
        [0.55, 0.10, 0.08],
        [0.08, 0.42, 0.45],
        [0.12, 0.45, 0.12],
        [0.45, 0.12, 0.42],
        [0.50, 0.55, 0.60],
        [0.40, 0.32, 0.05],
    ]
)
CELLS = 8.0


class PatternSettings(Settings):
    """Which pattern and how far away."""

    style: Literal["grid", "checker"] = Field(
        "grid", description="grid: smooth waves of colour; checker: six coloured faces with an arrow up."
    )
    period_deg: float = Field(6.0, ge=0.2, le=90.0, description="Shortest period of the grid's waves, in degrees.")
    radius_m: float = Field(
        20.0, ge=0.0, le=3000.0, description="Radius of the sphere, or half side of the box, in metres; 0 is infinity."
    )
    center_height_m: float = Field(
        1.6, ge=-100.0, le=100.0, description="Height of the pattern's middle above the floor, in metres."
    )


class Pattern:
    """A sphere of waves or a box of checks round the stage."""

    Settings = PatternSettings
    exact = True

    def __init__(self, settings: PatternSettings) -> None:
        self._settings = settings
        self._center_m = np.array([0.0, 0.0, settings.center_height_m])

    def upload(self, gpu: Gpu) -> bool:
        self._pass = gpu.pass_("pattern", _BLOCK, {"CHECKER": str(int(self._settings.style == "checker"))})
        warm(self, gpu)
        return False

    def draw(self, target: Target, view: View) -> None:
        self._pass.draw(
            target,
            stage_ray_from_ndc=stage_ray_from_ndc(view),
            eye_m=view.origin_m,
            center_m=self._center_m,
            radius_m=self._settings.radius_m,
            wave=360.0 / self._settings.period_deg,
            faces=FACES,
        )

    def release(self) -> None:
        """It owns nothing there."""


def pattern_color(direction: Array, style: str = "grid", period_deg: float = 6.0) -> Array:
    """The twin of shaders/pattern.frag: directions from the pattern's middle (..., 3) to ACEScg (..., 3)."""
    if style == "checker":
        return _checker(direction)
    unit = direction / np.linalg.norm(direction, axis=-1, keepdims=True)
    # |gradient of a unit vector's component| is at most 1 per radian, so that no period is below period_deg.
    return 0.35 + 0.22 * np.sin(unit * (360.0 / period_deg) + np.array([0.0, 1.0, 2.0]))


def _checker(direction: Array) -> Array:
    axis = np.argmax(np.abs(direction), axis=-1)
    along = np.take_along_axis(direction, axis[..., None], axis=-1)[..., 0]
    across = np.where(axis == 0, 1, 0)
    up = np.where(axis == 2, 1, 2)
    a = np.take_along_axis(direction, across[..., None], axis=-1)[..., 0] / np.abs(along)
    b = np.take_along_axis(direction, up[..., None], axis=-1)[..., 0] / np.abs(along)
    cell = (np.floor(a * CELLS / 2.0) + np.floor(b * CELLS / 2.0)) % 2.0
    arrow = (np.abs(a) < (0.5 - b) * 0.5) & (np.abs(b) < 0.5)
    shade = np.where(arrow, 1.4, 0.55 + 0.45 * cell)
    return FACES[2 * axis + (along < 0.0)] * shade[..., None]


def pattern_depth(origin_m: Array, ray: Array, style: str, radius_m: float, center_height_m: float = 1.6) -> Array:
    """Depth (...,) along rays (..., 3) that advance one metre along the view axis, from inside; inf for radius 0."""
    if radius_m == 0.0:
        return np.full(ray.shape[:-1], np.inf)
    start = origin_m - np.array([0.0, 0.0, center_height_m])
    if style == "checker":
        with np.errstate(divide="ignore"):
            return ((np.sign(ray) * radius_m - start) / ray).min(axis=-1)
    a, b, c = (ray**2).sum(-1), ray @ start, start @ start - radius_m**2
    return (-b + np.sqrt(b * b - a * c)) / a
