"""Lens matching: the world's picture, drawn with overscan, bent so that it meets the camera's own picture.

Only where both are laid over each other (a green screen, augmented reality): a wall is bent by the real lens.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vpengine.frames.frame_input import NO_DIP
from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.target import Target, Texture
from vpengine.gpu.transfer import write
from vpengine.view.distortion import Distortion, moves
from vpengine.view.lens import Lens

BLOCK = UniformBlock("LensMatch", dip="vec4", picture_size="vec2", narrower="float")
DEPTH = {"DEPTH": "1"}

GRIDS = ((65, 37), (129, 73), (257, 145))  # nodes across and down, the coarsest that is exact enough
EXACT_PX = 0.04  # in the middle of a cell of straight lines

_Key = tuple[object, ...]


def bends(lens: Lens) -> bool:
    """Whether there is anything to draw: without it the world's picture meets the real one as it is."""
    known = lens.distortion
    return known is not None and not (isinstance(known, Distortion) and known.is_none)


class LensMatch:
    """Of one camera: its grid is written anew whenever the lens changes, and a frame draws with it once or more."""

    def __init__(self, gpu: Gpu) -> None:
        self._gpu = gpu
        self._pass, self._with_depth = gpu.pass_("lens_match", BLOCK), gpu.pass_("lens_match", BLOCK, DEPTH)
        self._grids: dict[tuple[int, int], Any] = {}  # textures
        self._known: tuple[_Key, tuple[int, int]] | None = None

    def draw(
        self,
        target: Target,
        color: Texture,
        depth: Texture | None,
        lens: Lens,
        overscan_percent: float,
        dip: tuple[float, float, float, float] = NO_DIP,
    ) -> None:
        """color, depth: the world's, drawn through ``lens`` and wider by ``overscan_percent`` of the picture per side;
        ``overscan_needed`` says how much covers the real one. Beside it, its edge goes on.

        target: of the real picture's size; RGBA half float, with depth where ``depth`` is given. dip: as a BusState's.
        """
        textures = {"world_color": color, "lens_moves": self.grid(lens, target.size)}
        used = self._pass
        if depth is not None and target.depth is not None:
            used, textures["world_depth"] = self._with_depth, depth
        narrower = 1.0 / (1.0 + overscan_percent / 50.0)
        used.draw(target, textures, dip=dip, picture_size=target.size, narrower=narrower)

    def grid(self, lens: Lens, size: tuple[int, int]) -> Any:
        """How far the lens moves each node of a picture of ``size``, as ``baked`` has it: a texture."""
        key = (lens.distortion, lens.sensor_mm, lens.projection_offset_mm, size)
        if self._known is None or self._known[0] != key:
            moved = baked(lens, size)
            nodes = (moved.shape[1], moved.shape[0])
            if nodes not in self._grids:
                self._grids[nodes] = self._gpu.texture(nodes, 2, "f4")
            write(self._grids[nodes], moved)
            self._known = (key, nodes)
        return self._grids[self._known[1]]

    def release(self) -> None:
        for texture in self._grids.values():
            texture.release()
        self._grids, self._known = {}, None


def baked(lens: Lens, size: tuple[int, int]) -> NDArray[np.float32]:
    """(rows, columns, 2), row 0 at the top, y up: how far the lens moves each node, in shares of the picture.

    The coarsest grid that is right to EXACT_PX in a picture of ``size``, or the finest.
    """
    for columns, rows in GRIDS:
        across, down = np.linspace(0.0, 1.0, columns), np.linspace(0.0, 1.0, rows)
        moved = moves(lens.distortion, lens, np.stack(np.meshgrid(across, down), axis=-1))
        if _error_px(moved, size) < EXACT_PX:
            break
    return (moved * (1.0, -1.0)).astype(np.float32)


def _error_px(moved: NDArray[np.floating], size: tuple[int, int]) -> float:
    """How far straight lines between the nodes are from the curve: an eighth of its second differences, both ways."""
    across = np.hypot(*np.moveaxis(np.diff(moved, 2, axis=1) * size, -1, 0)).max()
    down = np.hypot(*np.moveaxis(np.diff(moved, 2, axis=0) * size, -1, 0)).max()
    return float(across + down) / 8.0
