"""One wall's picture: inside the camera's frustum the inner picture, elsewhere the outer; then its code values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vpengine.compose.coverage import seen_triangles
from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.passes import Mesh, MeshPass
from vpengine.gpu.picture import Picture
from vpengine.gpu.target import Target, Texture
from vpengine.stage.walls import WHITE_NITS, WallGeometry
from vpengine.view.color import REC709_FROM_ACESCG

BLOCK = UniformBlock(
    "Wall",
    inner_from_stage="mat4",
    rec709_from_acescg="mat3",
    inner_size="vec2",
    soft_edge_px="float",
    inner_visible="float",
    inner_gain="float",
    outer_gain="float",
    white_nits="float",
    peak_nits="float",
    black_nits="float",
    dither="float",
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

    dither: what lies between two code values is shown by some pixels of the upper one.
    """

    soft_edge_px: float = 0.0
    inner_visible: bool = True
    inner_gain: float = 1.0
    outer_gain: float = 1.0
    dither: bool = True


class WallPicture:
    """One wall's picture: as code values (8 bits a channel) for its processor, or as light for simulated cameras."""

    def __init__(self, gpu: Gpu, geometry: WallGeometry, mesh: Mesh, peak_nits: float, black_nits: float) -> None:
        self.code = Target(gpu.context, geometry.resolution, dtype="f1")
        self._gpu = gpu
        self._light: Target | None = None
        self._geometry, self._mesh = geometry, mesh
        self._last: tuple[int, WallLevels, range] | None = None
        self._nits = {"white_nits": WHITE_NITS, "peak_nits": peak_nits, "black_nits": black_nits}
        self._code_pass = gpu.mesh_pass("wall", "wall", BLOCK, {"ENCODED": "1"})
        self._light_pass = gpu.mesh_pass("wall", "wall", BLOCK)

    @property
    def light(self) -> Target:
        """Scene-linear ACEScg, half float, not clipped to the panel."""
        if self._light is None:
            self._light = Target(self._gpu.context, self.code.size)
        return self._light

    def draw(self, inner: Picture, outer: Texture, levels: WallLevels, outer_moved: bool = True) -> None:
        """The code values. outer_moved: the outer picture is not what it was in the last call.

        When it is, and the levels are too, only the tiles that the frustum is on, or was, are drawn again.
        """
        inside = seen_triangles(self._geometry, inner.view)
        same = not outer_moved and self._last is not None and self._last[:2] == (outer.glo, levels)
        drawn = _joined(inside, self._last[2]) if same and self._last else None
        self._last = (outer.glo, levels, inside)
        self._draw(self._code_pass, self.code, inner, outer, levels, drawn)

    def draw_light(self, inner: Picture, outer: Texture, levels: WallLevels) -> None:
        self._draw(self._light_pass, self.light, inner, outer, levels, None)

    def _draw(
        self,
        wall_pass: MeshPass,
        target: Target,
        inner: Picture,
        outer: Texture,
        levels: WallLevels,
        triangles: range | None,
    ) -> None:
        wall_pass.draw_mesh(
            target,
            self._mesh,
            {"inner": inner.color, "outer": outer},
            triangles,
            inner_from_stage=inner.view.clip_from_stage,
            rec709_from_acescg=REC709_FROM_ACESCG,
            inner_size=inner.view.resolution,
            soft_edge_px=levels.soft_edge_px,
            inner_visible=float(levels.inner_visible),
            inner_gain=levels.inner_gain,
            outer_gain=levels.outer_gain,
            dither=float(levels.dither),
            **self._nits,
        )

    def release(self) -> None:
        self.code.release()
        if self._light is not None:
            self._light.release()


def _joined(one: range, other: range) -> range:
    """The shortest range that holds both."""
    ranges = [part for part in (one, other) if len(part)]
    return range(min(part.start for part in ranges), max(part.stop for part in ranges)) if ranges else range(0)
