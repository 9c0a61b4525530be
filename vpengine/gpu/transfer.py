"""Up and down: numpy (row 0 at the top) to textures (row 0 at the bottom) and back."""

from __future__ import annotations

from functools import partial

import moderngl
import numpy as np
from numpy.typing import NDArray

from vpengine.frames.pixels import Pixels
from vpengine.gpu.commands import do

HALF_MAX = 65504.0  # real HDRIs exceed it

DTYPES: dict[str, type[np.generic]] = {"f1": np.uint8, "f2": np.float16, "f4": np.float32}


def upload(context: moderngl.Context, image: NDArray[np.generic]) -> moderngl.Texture:
    """A texture from (height, width) or (height, width, channels); uint8, float16 or float32, linear filtering."""
    image = image if image.ndim == 3 else image[..., None]
    height, width, components = image.shape
    dtype = next((name for name, kind in DTYPES.items() if image.dtype == kind), None)
    if dtype is None:
        raise TypeError(f"upload: {image.dtype}, expected uint8, float16 or float32")
    texture = context.texture((width, height), components, _flipped(image), dtype=dtype, alignment=1)
    texture.repeat_x = texture.repeat_y = False
    texture.filter = (moderngl.LINEAR, moderngl.LINEAR)
    return texture


def write(texture: moderngl.Texture, image: NDArray[np.generic]) -> None:
    """Replace a texture's pixels with an image of its size and type; channels it has more of become zeros."""
    rows = image[::-1]
    pixels = four(rows) if image.shape[-1] < texture.components else np.ascontiguousarray(rows)
    do(partial(texture.write, pixels, alignment=1))


def texels(pixels: Pixels, components: int) -> NDArray[np.generic]:
    """A picture as a texture of ``components`` has it, row 0 at the bottom: its own memory where it lies so already."""
    rows = pixels.stored if pixels.bottom_up else pixels.stored[::-1]
    return four(rows) if rows.shape[-1] < components else np.ascontiguousarray(rows)


def write_rows(texture: moderngl.Texture, rows: NDArray[np.generic], first: int = 0) -> None:
    """Replace a texture's rows from ``first`` on (0 at the bottom) with some of what ``texels`` gave."""
    viewport = (0, first, texture.width, len(rows))
    do(partial(texture.write, rows, viewport, alignment=1))


def write_part(texture: moderngl.Texture, pixels: NDArray[np.generic], corner: tuple[int, int]) -> None:
    """Replace a part of a texture, from its lower left ``corner`` on, with what ``texels`` gave."""
    viewport = (*corner, pixels.shape[1], pixels.shape[0])
    do(partial(texture.write, pixels, viewport, alignment=1))


def four(image: NDArray[np.generic]) -> NDArray[np.generic]:
    """(height, width, 3) with a fourth channel of zeros: three half floats a texel are slow on software GL."""
    out = np.empty((*image.shape[:2], 4), image.dtype)
    out[..., :3] = image
    out[..., 3] = 0
    return out


def write_volume(texture: moderngl.Texture3D, volume: NDArray[np.generic]) -> None:
    """Replace a 3D texture with (depth, height, width, channels): a table, not a picture, so nothing is flipped."""
    do(partial(texture.write, np.ascontiguousarray(volume).tobytes(), alignment=1))


def download(texture: moderngl.Texture) -> NDArray[np.generic]:
    """(height, width, components) of a texture's own type; waits until the draw that fills it is done."""
    width, height = texture.size
    dtype = DTYPES[texture.dtype]
    out = np.empty((height, width, texture.components), dtype)
    texture.read_into(out.data.cast("B"), alignment=1)
    return out[::-1]


def _flipped(image: NDArray[np.generic]) -> bytes:
    return np.ascontiguousarray(image[::-1]).tobytes()
