"""Line-up charts on the walls, instead of their pictures: a texture, and over it circles and the counter, live."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vpengine.compose.chart_layout import BITS, ChartLayout, Rect
from vpengine.compose.chart_paint import chart_image
from vpengine.compose.walls import Walls
from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.passes import Mesh, MeshPass
from vpengine.gpu.target import Target, Texture
from vpengine.gpu.transfer import upload
from vpengine.stage.walls import WallSettings
from vpengine.view.color import REC709_FROM_ACESCG
from vpengine.view.glyphs import glyph
from vpengine.view.view import View

Array = NDArray[np.float64]

RINGS = (0.06, 0.5, 0.95)  # radii round the middle of a camera's picture, in half heights of it
CORNER_RING = 0.25  # and of one in each of its corners
CORNER_MARGIN = 0.3  # how far its middle is from the picture's sides
LINE = 0.005  # half the width of a circle's line; nowhere below 0.6 pixels of the wall


def chart_block(cameras: int) -> UniformBlock:
    """What shaders/chart.frag is told of the frame and of the wall."""
    return UniformBlock(
        "Chart",
        image_from_stage=f"mat4[{cameras}]",
        corner=f"vec4[{cameras}]",
        acescg_from_rec709="mat3",
        white_nits="float",
        peak_nits="float",
        black_nits="float",
        number="int",
        bar_at="ivec2",
        cell_px="ivec2",
        digits_at="ivec2",
        dot_px="int",
    )


@dataclass(frozen=True, eq=False)
class _Chart:
    """One wall's. still: its texture. counter: the part of the wall that counts; None where there is no room."""

    layout: ChartLayout
    still: Texture
    counter: Mesh | None


class Charts:
    """Draws into the walls' own targets: the program's picture of a wall is drawn whole after it."""

    def __init__(self, gpu: Gpu, walls: Walls, cameras: int) -> None:
        """cameras: how many have circles."""
        self._gpu, self._walls = gpu, walls
        self._settings = {wall.id: wall for wall in walls.settings}
        self._charts: dict[str, _Chart] = {}
        self._glyphs: Texture | None = None
        rings = {f"RING_{number}": f"{radius:.6f}" for number, radius in enumerate(RINGS)}
        self._defines = {"CAMERAS": str(cameras), "BITS": str(BITS), "LINE": f"{LINE:.6f}", **rings}
        self._defines["CORNER_RING"] = f"{CORNER_RING:.6f}"
        self._block = chart_block(cameras)

    def draw(self, wall: str, views: Sequence[View], number: int, light: bool = False) -> Target:
        """views: what the cameras see, without overscan. number: of the frame. light: scene-linear, instead of code
        values, for simulated cameras.
        """
        chart = self._chart(wall)
        picture = self._walls.pictures[wall]
        target = picture.light if light else picture.code
        if not light:
            self._walls.redraw(wall)
        layout = chart.layout
        values = {**circle_values(views, layout.wall), **counter_values(layout, number), **picture.nits}
        values["acescg_from_rec709"] = np.linalg.inv(REC709_FROM_ACESCG)
        textures = {"still": chart.still, "glyphs": self._digits()}
        self._pass(light).draw_mesh(target, self._walls.meshes[wall], textures, None, **values)
        if chart.counter is not None:
            self._pass(light, {"COUNTER": "1"}).draw_mesh(target, chart.counter, textures, None, **values)
        return target

    def _pass(self, light: bool, more: Mapping[str, str] = MappingProxyType({})) -> MeshPass:
        defines = {**self._defines, **more, **({} if light else {"ENCODED": "1"})}
        return self._gpu.mesh_pass("chart", "wall", self._block, defines)

    def _chart(self, wall: str) -> _Chart:
        """Painted at the first call."""
        if wall not in self._charts:
            layout = ChartLayout(self._settings[wall])
            counter = layout.counter
            mesh = self._part(layout, counter.panel.within(layout.dot_px)) if counter else None
            self._charts[wall] = _Chart(layout, upload(self._gpu.context, chart_image(layout)), mesh)
        return self._charts[wall]

    def _part(self, layout: ChartLayout, rect: Rect) -> Mesh:
        """Those pixels of the wall; where they are on the stage nobody asks."""
        (width, height), right, low = layout.size, rect.x + rect.width, rect.y + rect.height
        corners = [(rect.x, low), (right, low), (right, rect.y), (rect.x, rect.y)]
        uv = np.array([(x / width, 1.0 - y / height) for x, y in corners], np.float32)
        attributes = {"position_m": np.zeros((4, 3), np.float32), "wall_uv": uv}
        return Mesh(self._gpu.context, attributes, np.array([[0, 1, 2], [0, 2, 3]], np.uint32))

    def _digits(self) -> Texture:
        if self._glyphs is None:
            image = np.concatenate([glyph(digit) for digit in "0123456789"], axis=1)
            self._glyphs = upload(self._gpu.context, image.astype(np.uint8) * 255)
        return self._glyphs

    def release(self) -> None:
        for chart in self._charts.values():
            chart.still.release()
            if chart.counter is not None:
                chart.counter.release()
        if self._glyphs is not None:
            self._glyphs.release()


def image_from_stage(view: View) -> Array:
    """(4, 4): a stage point to (x, y, 0, 1) times its depth, x to the right and y up in half heights of the picture."""
    matrix = view.clip_from_stage.astype(np.float64)
    matrix[0] *= _aspect(view)
    matrix[2] = 0.0
    return matrix


def _aspect(view: View) -> float:
    """The picture's width over its height."""
    return float(view.clip_from_view[1, 1] / view.clip_from_view[0, 0])


def circle_values(views: Sequence[View], wall: WallSettings) -> dict[str, Any]:
    """corner, by camera: the middle of its circle in the upper right corner, and a wall pixel at a metre's distance."""
    pixel_m = max(mm / px for mm, px in zip(wall.tile_mm, wall.tile_px, strict=True)) / 1000.0
    return {
        "image_from_stage": [image_from_stage(view) for view in views],
        "corner": [
            (_aspect(view) - CORNER_MARGIN, 1.0 - CORNER_MARGIN, pixel_m * view.clip_from_view[1, 1], 0.0)
            for view in views
        ],
    }


def counter_values(layout: ChartLayout, number: int) -> dict[str, Any]:
    """Where the counter is, from the lower left corner."""
    counter, height = layout.counter, layout.size[1]
    if counter is None:
        return {"number": 0, "bar_at": (0, 0), "cell_px": (1, 1), "digits_at": (0, 0), "dot_px": 1}
    bar, digits = counter.bar, counter.digits.rect
    return {
        "number": number % (1 << BITS),
        "bar_at": (bar.x, height - bar.y - bar.height),
        "cell_px": (bar.width // BITS, bar.height),
        "digits_at": (digits.x, height - digits.y - digits.height),
        "dot_px": counter.digits.dot_px,
    }


def circle_margin(view: View, wall: WallSettings, points_m: Array) -> Array:
    """The twin of shaders/chart.frag: stage points (..., 3) to how far (...,) each is from the nearest circle's line,
    in half heights of the camera's picture; below 0 it is on the line.
    """
    values = circle_values([view], wall)
    at = points_m @ values["image_from_stage"][0][:, :3].T + values["image_from_stage"][0][:, 3]
    corner, depth = np.array(values["corner"][0]), at[..., 3]
    with np.errstate(divide="ignore", invalid="ignore"):
        point = at[..., :2] / depth[..., None]
        middle = np.linalg.norm(point, axis=-1)
        off = np.min([np.abs(middle - radius) for radius in RINGS], axis=0)
        off = np.minimum(off, np.abs(np.linalg.norm(np.abs(point) - corner[:2], axis=-1) - CORNER_RING))
        return np.where(depth > 0.0, off - np.maximum(LINE, 0.6 * corner[2] / depth), np.inf)
