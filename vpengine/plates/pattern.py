"""Test patterns whose colour is a formula of where one looks: for lining up, and for tests that know the answer."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.target import Target
from vpengine.plates.plate import warm
from vpengine.stage.settings import Settings, refusal
from vpengine.view.view import View, stage_ray_from_ndc

Array = NDArray[np.float64]

Style = Literal["grid", "checker", "grey", "ramp", "focus"]

_BLOCK = UniformBlock(
    "Pattern",
    stage_ray_from_ndc="mat3",
    eye_m="vec3",
    center_m="vec3",
    radius_m="float",
    wave="float",
    faces="vec3[6]",
    level="float",
    span_deg="float",
    steps="float",
    finest_deg="float",
)
BOXES = ("checker", "focus")  # styles on the inside of a box; the others are on a sphere's
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
FOCUS_CELLS = 5  # charts along a face's side: one in its very middle
SECTORS = 36  # of a star: dark and bright each
STAR, STAR_HUB = 0.44, 0.03  # radii, in sides of a chart
PAIRS_SIDE, PAIRS_GAP, PAIRS = 0.45, 0.02, 5  # half the side of a field of line pairs; each is half as wide as before
BLACK, GROUND = 0.02, 0.18  # of the level: dark lines, and what is between the charts


class PatternSettings(Settings):
    """Which pattern and how far away."""

    style: Style = Field(
        "grid",
        description="grid: smooth waves of colour; checker: six coloured faces with an arrow up; grey: one level all "
        "round; ramp: from black to the level, from left to right; focus: stars and line pairs, in five widths.",
    )
    period_deg: float = Field(6.0, ge=0.2, le=90.0, description="Shortest period of the grid's waves, in degrees.")
    level: float = Field(
        1.0,
        ge=0.0,
        le=100.0,
        description="Light of grey, of the ramp's right end, of the brightest lines of focus; 1 is 203 nits on a wall.",
    )
    span_deg: float = Field(90.0, ge=1.0, le=360.0, description="Width of the ramp, around straight ahead, in degrees.")
    steps: int = Field(0, ge=0, le=256, description="Steps of the ramp, black and the level among them; 0 is smooth.")
    finest_deg: float = Field(
        0.1, ge=0.005, le=2.0, description="Width of focus's finest line pair, in degrees; others are 2 to 16 of them."
    )
    radius_m: float = Field(
        20.0, ge=0.0, le=3000.0, description="Radius of the sphere, or half side of the box, in metres; 0 is infinity."
    )
    center_height_m: float = Field(
        1.6, ge=-100.0, le=100.0, description="Height of the pattern's middle above the floor, in metres."
    )

    @model_validator(mode="after")
    def _ends(self) -> PatternSettings:
        if self.steps == 1:
            raise refusal("found 1, must be 0 (smooth) or at least 2: black and the level", "steps")
        return self


class Pattern:
    """A sphere or a box round the stage with a pattern on its inside."""

    Settings = PatternSettings
    exact = True

    def __init__(self, settings: PatternSettings) -> None:
        self._settings = settings
        self._center_m = np.array([0.0, 0.0, settings.center_height_m])

    def upload(self, gpu: Gpu) -> bool:
        self._pass = gpu.pass_("pattern", _BLOCK, _defines(self._settings.style))
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
            level=self._settings.level,
            span_deg=self._settings.span_deg,
            steps=self._settings.steps,
            finest_deg=self._settings.finest_deg,
        )

    def release(self) -> None:
        """It owns nothing there."""


def _defines(style: Style) -> dict[str, str]:
    """Which of the shader's patterns is drawn, and what their formulas share with the twin's."""
    numbers = {
        "CELLS": CELLS,
        "FOCUS_CELLS": float(FOCUS_CELLS),
        "SECTORS": float(SECTORS),
        "STAR": STAR,
        "STAR_HUB": STAR_HUB,
        "PAIRS_SIDE": PAIRS_SIDE,
        "PAIRS_GAP": PAIRS_GAP,
        "PAIRS": float(PAIRS),
        "BLACK": BLACK,
        "GROUND": GROUND,
    }
    which = {"STYLE": str(get_args(Style).index(style)), "BOX": str(int(style in BOXES))}
    return {**which, **{name: f"{number:.6f}" for name, number in numbers.items()}}


def pattern_color(
    direction: Array,
    style: str = "grid",
    period_deg: float = 6.0,
    *,
    level: float = 1.0,
    span_deg: float = 90.0,
    steps: int = 0,
    finest_deg: float = 0.1,
) -> Array:
    """The twin of shaders/pattern.frag: directions from the pattern's middle (..., 3) to ACEScg (..., 3)."""
    if style == "checker":
        return _checker(direction)
    if style == "grid":
        unit = direction / np.linalg.norm(direction, axis=-1, keepdims=True)
        # |gradient of a unit vector's component| is at most 1 per radian, so that no period is below period_deg.
        return 0.35 + 0.22 * np.sin(unit * (360.0 / period_deg) + np.array([0.0, 1.0, 2.0]))
    if style == "grey":
        share = np.ones(direction.shape[:-1])
    else:
        share = _ramp(direction, span_deg, steps) if style == "ramp" else _focus(direction, finest_deg)
    return np.repeat(level * share[..., None], 3, axis=-1)


def _ramp(direction: Array, span_deg: float, steps: int) -> Array:
    """0 on the left to 1 on the right, linear in light and in the angle about the vertical."""
    angle_deg = np.degrees(np.arctan2(direction[..., 0], direction[..., 1]))
    along = np.clip(angle_deg / span_deg + 0.5, 0.0, 1.0)
    return np.minimum(np.floor(along * steps), steps - 1.0) / (steps - 1.0) if steps else along


def _focus(direction: Array, finest_deg: float) -> Array:
    """On each face of the box charts in a square, stars and line pairs in turn."""
    _, _, a, b = _face(direction)
    place = np.stack([a, b], axis=-1) * (FOCUS_CELLS / 2.0) + FOCUS_CELLS / 2.0
    cell = np.clip(np.floor(place), 0.0, FOCUS_CELLS - 1.0)
    u, v = np.moveaxis(place - cell - 0.5, -1, 0)
    return np.where(cell.sum(axis=-1) % 2.0 == 0.0, _star(u, v), _pairs(u, v, finest_deg))


def _lines(phase: Array) -> Array:
    """Sines, so that they have no edges of their own: 0 to 1 of a line pair's width is one of them."""
    return BLACK + (1.0 - BLACK) * (0.5 + 0.5 * np.sin(2.0 * np.pi * (phase - np.floor(phase))))


def _star(u: Array, v: Array) -> Array:
    """Siemens's; finer towards its hub."""
    radius = np.hypot(u, v)
    return np.where((radius > STAR_HUB) & (radius < STAR), _lines(np.arctan2(v, u) * SECTORS / (2.0 * np.pi)), GROUND)


def _pairs(u: Array, v: Array, finest_deg: float) -> Array:
    """Upright above, level below; from left to right each column's are half as wide as the one's before, the last the
    finest. Widths are true in the middle of a face, where a chart is flat to the eye.
    """
    along = (u + PAIRS_SIDE) / (2.0 * PAIRS_SIDE) * PAIRS
    column = np.clip(np.floor(along), 0.0, PAIRS - 1.0)
    period_deg = finest_deg * 2.0 ** (PAIRS - 1.0 - column)
    across_deg = np.where(v > 0.0, u, v) * np.degrees(2.0 / FOCUS_CELLS)
    inside = (np.abs(u) < PAIRS_SIDE) & (np.abs(v) < PAIRS_SIDE) & (np.abs(v) > PAIRS_GAP)
    inside &= np.abs(along - column - 0.5) < 0.5 - PAIRS_GAP * PAIRS
    return np.where(inside, _lines(across_deg / period_deg), GROUND)


def _face(direction: Array) -> tuple[NDArray[np.intp], Array, Array, Array]:
    """Of the box: the axis (...,) of the face that is met, how far along it, and where on it, -1 to 1 each way."""
    axis = np.argmax(np.abs(direction), axis=-1)
    along = np.take_along_axis(direction, axis[..., None], axis=-1)[..., 0]
    across = np.where(axis == 0, 1, 0)
    up = np.where(axis == 2, 1, 2)
    a = np.take_along_axis(direction, across[..., None], axis=-1)[..., 0] / np.abs(along)
    b = np.take_along_axis(direction, up[..., None], axis=-1)[..., 0] / np.abs(along)
    return axis, along, a, b


def _checker(direction: Array) -> Array:
    axis, along, a, b = _face(direction)
    cell = (np.floor(a * CELLS / 2.0) + np.floor(b * CELLS / 2.0)) % 2.0
    arrow = (np.abs(a) < (0.5 - b) * 0.5) & (np.abs(b) < 0.5)
    shade = np.where(arrow, 1.4, 0.55 + 0.45 * cell)
    return FACES[2 * axis + (along < 0.0)] * shade[..., None]


def pattern_depth(origin_m: Array, ray: Array, style: str, radius_m: float, center_height_m: float = 1.6) -> Array:
    """Depth (...,) along rays (..., 3) that advance one metre along the view axis, from inside; inf for radius 0."""
    if radius_m == 0.0:
        return np.full(ray.shape[:-1], np.inf)
    start = origin_m - np.array([0.0, 0.0, center_height_m])
    if style in BOXES:
        with np.errstate(divide="ignore"):
            return ((np.sign(ray) * radius_m - start) / ray).min(axis=-1)
    a, b, c = (ray**2).sum(-1), ray @ start, start @ start - radius_m**2
    return (-b + np.sqrt(b * b - a * c)) / a
