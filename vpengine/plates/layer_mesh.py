"""A layer of a picture on the GPU: a mesh of what there is of it, at its depths, and its colours with alpha."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.passes import Mesh
from vpengine.gpu.sliced import SlicedTexture
from vpengine.gpu.target import Target, Texture
from vpengine.plates.layers_file import Layer
from vpengine.plates.mipmaps import mip_levels
from vpengine.plates.relief import BEYOND, corners_of, triangles_of
from vpengine.plates.relief_mesh import CELLS

BLOCK = UniformBlock(
    "Layers",
    clip_from_stage="mat4",
    eye_m="vec3",
    ray_origin="vec3",
    ray_right="vec3",
    ray_up="vec3",
    gain="float",
    least="float",
)
_NOTHING, _ALL = 1.0 / 512.0, 0.998  # of alpha: what is less is not drawn, what is more is drawn without mixing
_SOLID = 0.5  # from this alpha on a layer's depth is the picture's

Array = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Grid:
    """places: (vertices, 3): across, down and inverse depth, as shaders/relief.vert has them.

    triangles: (n, 3), the first ``whole`` of them with no pixel that lets anything through.
    """

    places: NDArray[np.float32]
    triangles: NDArray[np.uint32]
    whole: int


def grid_of(layer: Layer, most_cells: int) -> Grid:
    """most_cells: along the longer side. Outermost pixels go on beyond the picture."""
    alpha = layer.pixels[..., 3].astype(np.float32)
    stride = -(-max(alpha.shape) // most_cells)
    rows, columns = (np.arange(stride // 2, side, stride) for side in alpha.shape)
    grid = np.pad(_inverse(layer, rows, columns), 2, mode="edge")
    least, most = (_over_cells(extreme, alpha, (rows, columns), stride) for extreme in ("least", "most"))
    x, y = ((at + 0.5) / side for at, side in zip((columns, rows), alpha.shape[::-1], strict=True))
    x, y = (np.concatenate([[-BEYOND, 0.0], at, [1.0, 1.0 + BEYOND]]) for at in (x, y))
    corners = corners_of(np.arange(grid.size).reshape(grid.shape))
    whole, mixed = corners[least > _ALL], corners[(least <= _ALL) & (most >= _NOTHING)]
    places = np.stack([*np.meshgrid(x, y), grid], -1).reshape(-1, 3).astype(np.float32)
    return Grid(places, triangles_of(np.concatenate([whole, mixed])), 2 * len(whole))


def _inverse(layer: Layer, rows: NDArray[Any], columns: NDArray[Any]) -> Array:
    """At the grid's places; where there is nothing of the layer, as at the nearest place where there is."""
    if isinstance(layer.inverse, float):
        return np.full((len(rows), len(columns)), layer.inverse)
    grid = layer.inverse[np.ix_(rows, columns)]
    solid = layer.pixels[..., 3][np.ix_(rows, columns)] >= _SOLID
    if solid.all() or not solid.any():
        return grid
    nearest = ndimage.distance_transform_edt(~solid, return_distances=False, return_indices=True)
    return np.asarray(grid[tuple(nearest)])


def _over_cells(extreme: str, alpha: Array, places: tuple[NDArray[Any], ...], stride: int) -> Array:
    """(cells,): the least or the most alpha that a cell shows, in ``corners_of``'s order. places: rows, columns."""
    filtered = (ndimage.minimum_filter if extreme == "least" else ndimage.maximum_filter)(alpha, 2 * stride + 3)
    middles = [
        np.concatenate([[0, 0], np.minimum(at[:-1] + (stride + 1) // 2, side - 1), [side - 1, side - 1]])
        for at, side in zip(places, alpha.shape, strict=True)
    ]
    return np.asarray(filtered[np.ix_(*middles)]).ravel()


class LayerMesh:
    """Made in the loader thread."""

    def __init__(self, layer: Layer, what: str) -> None:
        """what: what errors are said to be about."""
        self._grids = {software: grid_of(layer, cells) for software, cells in CELLS.items()}
        self._texture = SlicedTexture(mip_levels(layer.pixels), what)
        self._what = what
        self._mesh: Mesh | None = None

    @property
    def texture(self) -> Texture:
        return self._texture.texture

    def upload(self, gpu: Gpu) -> bool:
        """Put a frame's share on the GPU; True while there is more. Raises UserError where it does not fit."""
        if self._texture.upload(gpu):
            return True
        if not gpu.software:
            self._texture.texture.anisotropy = 4.0
        grid = self._grids[gpu.software]
        gpu.forget_errors()
        self._mesh = gpu.mesh({"in_place": grid.places}, grid.triangles)
        gpu.refuse_errors(self._what)
        self._whole, self._all = grid.whole, len(grid.triangles)
        self._pass = gpu.mesh_pass("layers", "relief", BLOCK)
        self._grids = {}
        return False

    def draw(self, target: Target, values: Mapping[str, Any]) -> None:
        """Over what is there; values: what BLOCK has besides ``least``."""
        assert self._mesh is not None
        textures = {"picture": self.texture}
        self._pass.draw_mesh(target, self._mesh, textures, range(self._whole), least=0.0, **values)
        mixed = range(self._whole, self._all)
        seen, solid = {**values, "least": _NOTHING}, {**values, "least": _SOLID}
        self._pass.blend_mesh(target, self._mesh, textures, mixed, seen, solid)

    def release(self) -> None:
        self._texture.release()
        if self._mesh is not None:
            self._mesh.release()
            self._mesh = None
