"""Lens matching: the world's picture, drawn with overscan, bent so that it meets the camera's own picture.

Only where both are laid over each other (a green screen, augmented reality): a wall is bent by the real lens.
"""

from __future__ import annotations

from itertools import product
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
DEPTH, ONE_TAP = {"DEPTH": "1"}, {"ONE_TAP": "1"}
ONE_TAP_PX = 1.4  # of the world's a pixel covers at most where one bilinear tap is enough, as in lens_match.frag

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
        self._passes = {
            (depth, one): gpu.pass_("lens_match", BLOCK, {**(DEPTH if depth else {}), **(ONE_TAP if one else {})})
            for depth, one in product((False, True), repeat=2)
        }
        self._grids: dict[tuple[int, int], Any] = {}  # textures
        self._known: tuple[_Key, tuple[int, int]] | None = None
        self._moved: NDArray[np.float32] = np.zeros((2, 2, 2), np.float32)  # what the newest grid holds
        self._longest: tuple[_Key, float] = ((), 0.0)

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
        deep = depth is not None and target.depth is not None
        if depth is not None and deep:
            textures["world_depth"] = depth
        narrower = 1.0 / (1.0 + overscan_percent / 50.0)
        one = self._longest_px(target.size, narrower, color.size) <= ONE_TAP_PX
        self._passes[deep, one].draw(target, textures, dip=dip, picture_size=target.size, narrower=narrower)

    def _longest_px(self, size: tuple[int, int], narrower: float, texels: tuple[int, int]) -> float:
        """Of the newest grid, reckoned once."""
        key = (self._known, size, narrower, texels)
        if self._longest[0] != key:
            self._longest = (key, longest_px(self._moved, size, narrower, texels))
        return self._longest[1]

    def grid(self, lens: Lens, size: tuple[int, int]) -> Any:
        """How far the lens moves each node of a picture of ``size``, as ``baked`` has it: a texture."""
        key = (lens.distortion, lens.sensor_mm, lens.projection_offset_mm, size)
        if self._known is None or self._known[0] != key:
            moved = baked(lens, size)
            nodes = (moved.shape[1], moved.shape[0])
            if nodes not in self._grids:
                self._grids[nodes] = self._gpu.texture(nodes, 2, "f4")
            write(self._grids[nodes], moved)
            self._known, self._moved = (key, nodes), moved
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


def longest_px(moved: NDArray[np.float32], size: tuple[int, int], narrower: float, texels: tuple[int, int]) -> float:
    """How many of the world's ``texels`` (across, down) a pixel of a picture of ``size`` is long at most, either way.

    moved: as ``baked`` gives it. narrower: the picture's part of the world's width and height.
    """
    rows, columns = moved.shape[0] - 1, moved.shape[1] - 1
    across = (np.diff(moved, axis=1) * columns + (1.0, 0.0)) / size[0]
    down = (np.diff(moved, axis=0) * rows - (0.0, 1.0)) / size[1]
    return narrower * max(float(np.hypot(*np.moveaxis(steps * texels, -1, 0)).max()) for steps in (across, down))


def _error_px(moved: NDArray[np.floating], size: tuple[int, int]) -> float:
    """How far straight lines between the nodes are from the curve: an eighth of its second differences, both ways."""
    across = np.hypot(*np.moveaxis(np.diff(moved, 2, axis=1) * size, -1, 0)).max()
    down = np.hypot(*np.moveaxis(np.diff(moved, 2, axis=0) * size, -1, 0)).max()
    return float(across + down) / 8.0
