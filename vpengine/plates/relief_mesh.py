"""A relief on the GPU: its mesh, the depth that parts its silhouettes, and what lies behind them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.passes import Mesh
from vpengine.gpu.target import Target, Texture
from vpengine.gpu.transfer import HALF_MAX, write
from vpengine.plates.card import Beyond, beyond_values
from vpengine.plates.depth_file import read_depth
from vpengine.plates.relief import relief_of
from vpengine.view.pose import Array
from vpengine.view.view import View

BLOCK = UniformBlock(
    "Relief",
    clip_from_stage="mat4",
    eye_m="vec3",
    ray_origin="vec3",
    ray_right="vec3",
    ray_up="vec3",
    beyond="vec3",
    gain="float",
    mirrored="float",
)
WHOLE = {"WHOLE": "1"}  # for what is of no silhouette
CELLS = {False: 480, True: 200}  # along the longer side; on software OpenGL small triangles cost more than pixels
_MOST_TEXELS = 2048  # of a side of the depth that parts silhouettes: 8 MB go up in one frame


class ReliefMesh:
    """Made in the loader thread; drawn over a target in which what the relief does not show is there already.

    eye_m: where the picture was taken, in stage space. middle, right, up: the ray to the picture's middle that advances
    one metre along its axis, and how it changes across and up the whole picture.
    """

    def __init__(
        self, file: Path, color: NDArray[np.float16], eye_m: Array, middle: Array, right: Array, up: Array
    ) -> None:
        """color: (height, width, channels). Raises UserError for what is wrong with the depth in ``file``."""
        height, width = color.shape[:2]
        depth_m = read_depth(file, (width, height))
        self._reliefs = {software: relief_of(color[..., :3], depth_m, cells) for software, cells in CELLS.items()}
        step = -(-max(width, height) // _MOST_TEXELS)
        self._inverse = (1.0 / depth_m[::step, ::step, None]).astype(np.float16)
        self._rays = {"eye_m": eye_m, "ray_origin": middle, "ray_right": right, "ray_up": up}
        self._owned: list[Mesh | Texture] = []

    def upload(self, gpu: Gpu) -> None:
        relief = self._reliefs[gpu.software]
        gpu.forget_errors()
        self._mesh = gpu.mesh({"in_place": relief.places, "in_edge": relief.edges}, relief.triangles)
        self._owned.append(self._mesh)
        self._textures = {
            "inverse_depth": _texture(gpu, self._inverse),
            "hidden": _texture(gpu, _with_alpha(relief.hidden)),
        }
        self._owned += self._textures.values()
        gpu.refuse_errors("the relief")
        self._whole, self._all = relief.whole, len(relief.triangles)
        # On software OpenGL what is cut costs four times as much a pixel, and most is not.
        self._whole_pass = gpu.mesh_pass("relief", "relief", BLOCK, WHOLE)
        self._cut_pass = gpu.mesh_pass("relief", "relief", BLOCK)
        del self._reliefs, self._inverse  # the GPU has them now

    def draw(self, target: Target, view: View, picture: Texture, gain: float, beyond: Beyond = None) -> None:
        """picture: the colours, as a texture; gain: their factor. beyond: as ``Card`` has it."""
        textures = {"picture": picture, **self._textures}
        values = {"clip_from_stage": view.clip_from_stage, "gain": gain, **beyond_values(beyond), **self._rays}
        self._whole_pass.draw_mesh(target, self._mesh, textures, range(self._whole), **values)
        self._cut_pass.draw_mesh(target, self._mesh, textures, range(self._whole, self._all), **values)

    def release(self) -> None:
        for part in self._owned:
            part.release()
        self._owned = []


def _with_alpha(color: NDArray[np.float32]) -> NDArray[np.float16]:
    """Three half floats a texel are slow on software GL."""
    out = np.ones((*color.shape[:2], 4), np.float16)
    out[..., :3] = np.minimum(color, HALF_MAX)
    return out


def _texture(gpu: Gpu, image: NDArray[np.float16]) -> Texture:
    height, width, components = image.shape
    texture = gpu.texture((width, height), components, "f2")
    write(texture, image)
    return texture
