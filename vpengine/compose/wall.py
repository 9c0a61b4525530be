"""One wall's picture: inside the cameras' frustums the inner pictures, elsewhere the outer; then its code values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from vpengine.compose.coverage import seen_triangles, view_pixels_a_wall_pixel
from vpengine.frames.frame_input import NO_DIP
from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.passes import Mesh, MeshPass
from vpengine.gpu.picture import Picture
from vpengine.gpu.target import Target, Texture
from vpengine.stage.walls import WHITE_NITS, WallGeometry
from vpengine.view.color import REC709_FROM_ACESCG
from vpengine.view.rolloff import RollOff
from vpengine.view.view import View

SHRUNK_FROM = 1.05  # of the inner picture's pixels in one of the wall's: from there on more than one place is looked at


def wall_block(cameras: int) -> UniformBlock:
    """What shaders/wall.frag is told, with as many inner pictures."""
    return UniformBlock(
        "Wall",
        inner_from_stage=f"mat4[{cameras}]",
        inner_size=f"vec4[{cameras}]",
        panel_from_acescg="mat3",
        acescg_from_panel="mat3",
        soft_edge_px="float",
        inner_visible="float",
        inner_gain="float",
        outer_gain="float",
        level_gain="float",
        level_of_black="float",
        dither="float",
        dip="vec4",
        knee="float",
        peak_reached="float",
        shoulder="vec2",
        whitening="float",
        outside="float",
    )


def wall_mesh(gpu: Gpu, geometry: WallGeometry) -> Mesh:
    """The wall's tiles with their stage positions and places in its picture."""
    return Mesh(
        gpu.context,
        {
            "position_m": geometry.vertices_m.astype(np.float32),
            "wall_uv": geometry.uv.astype(np.float32),
        },
        geometry.triangles,
    )


@dataclass(frozen=True)
class WallLevels:
    """How the walls are lit in one frame. Gains are linear factors; soft_edge_px: in pixels of the inner picture.

    dither: what lies between two code values is shown by some pixels of the upper one. dip: a BusState's. rolloff: 1
    rolls highlights off below the panel's peak (view/rolloff.py); 0 clips them, and what it can show arrives exactly.
    """

    soft_edge_px: float = 0.0
    inner_visible: bool = True
    inner_gain: float = 1.0
    outer_gain: float = 1.0
    dither: bool = True
    rolloff: float = 0.0
    dip: tuple[float, float, float, float] = NO_DIP


def wall_values(views: Sequence[View], levels: WallLevels, nits: Mapping[str, float]) -> dict[str, Any]:
    """The values of a ``wall_block``. views: of the inner pictures. nits: white, peak and black of the wall."""
    white, peak, black = nits["white_nits"], nits["peak_nits"], nits["black_nits"]
    return {
        "inner_from_stage": [view.clip_from_stage for view in views],
        "inner_size": [(*view.resolution, 0, 0) for view in views],
        "panel_from_acescg": REC709_FROM_ACESCG * (white / peak),
        "acescg_from_panel": np.linalg.inv(REC709_FROM_ACESCG) * (peak / white),
        "level_gain": peak / (peak - black),
        "level_of_black": black / (peak - black),
        "soft_edge_px": levels.soft_edge_px,
        "inner_visible": float(levels.inner_visible),
        "inner_gain": levels.inner_gain,
        "outer_gain": levels.outer_gain,
        "dither": float(levels.dither),
        "dip": levels.dip,
        **asdict(RollOff.of(levels.rolloff)),
    }


class WallPicture:
    """One wall's picture: as code values (8 bits a channel) for its processor, or as light for simulated cameras."""

    def __init__(
        self,
        gpu: Gpu,
        geometry: WallGeometry,
        mesh: Mesh,
        peak_nits: float,
        black_nits: float,
        cameras: int = 1,
        white_nits: float = WHITE_NITS,
    ) -> None:
        """cameras: how many inner pictures there are. white_nits: of scene-linear 1.0; code value 1.0 is peak."""
        self.code = Target(gpu.context, geometry.resolution, dtype="f1")
        self._gpu = gpu
        self._light: Target | None = None
        self._geometry, self._mesh = geometry, mesh
        self._last: tuple[int, WallLevels, range] | None = None
        self.nits = {"white_nits": white_nits, "peak_nits": peak_nits, "black_nits": black_nits}
        block, inners = wall_block(cameras), {"INNERS": str(cameras)}
        encoded, shrunk = {"ENCODED": "1"}, {"SHRUNK": "1"}
        self._code_passes, self._light_passes = (
            [gpu.mesh_pass("wall", "wall_inner", block, {**kind, **inners, **small}) for small in ({}, shrunk)]
            for kind in (encoded, {})
        )

    @property
    def light(self) -> Target:
        """Scene-linear ACEScg, half float, rolled off as the codes are, but not clipped to the panel."""
        if self._light is None:
            self._light = Target(self._gpu.context, self.code.size)
        return self._light

    def draw(self, inners: Sequence[Picture], outer: Texture, levels: WallLevels, outer_moved: bool = True) -> None:
        """The code values. inners: where frustums overlap, the first has every pixel. outer_moved: the outer picture
        is not what it was in the last call.

        When it is, and the levels are too, only the tiles that a frustum is on, or was, are drawn again.
        """
        inside = _joined([seen_triangles(self._geometry, inner.view) for inner in inners])
        same = not outer_moved and self._last is not None and self._last[:2] == (outer.glo, levels)
        drawn = _joined([inside, self._last[2]]) if same and self._last else None
        self._last = (outer.glo, levels, inside)
        self._draw(self._code_passes, self.code, inners, outer, levels, drawn)

    def warm(self, inners: Sequence[Picture], outer: Texture, levels: WallLevels) -> None:
        """Draw both ways in which the inner pictures can be seen, before the first frame."""
        for way in self._code_passes:
            self._draw([way, way], self.code, inners, outer, levels, None)

    def draw_light(self, inners: Sequence[Picture], outer: Texture, levels: WallLevels) -> None:
        if self._light is None:  # before the first frame, as ``warm`` for the codes
            for way in self._light_passes:
                self._draw([way, way], self.light, inners, outer, levels, None)
        self._draw(self._light_passes, self.light, inners, outer, levels, None)

    def _draw(
        self,
        passes: Sequence[MeshPass],
        target: Target,
        inners: Sequence[Picture],
        outer: Texture,
        levels: WallLevels,
        triangles: range | None,
    ) -> None:
        spanned = max((view_pixels_a_wall_pixel(self._geometry, inner.view) for inner in inners), default=0.0)
        passes[spanned > SHRUNK_FROM].draw_mesh(
            target,
            self._mesh,
            {"inner": tuple(inner.color for inner in inners), "outer": outer},
            triangles,
            **wall_values([inner.view for inner in inners], levels, self.nits),
        )

    def release(self) -> None:
        self.code.release()
        if self._light is not None:
            self._light.release()


def _joined(parts: Sequence[range]) -> range:
    """The shortest range that holds them all."""
    ranges = [part for part in parts if len(part)]
    return range(min(part.start for part in ranges), max(part.stop for part in ranges)) if ranges else range(0)
