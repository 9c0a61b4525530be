"""Pictures from files, as scene-linear ACEScg: read by OpenImageIO, colour by OpenColorIO, then put on the GPU."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from vpengine.errors import UserError
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.sliced import SlicedTexture
from vpengine.gpu.transfer import HALF_MAX
from vpengine.plates import image_color
from vpengine.plates.chromaticities import REC709, luminance_weights
from vpengine.plates.image_color import CONFIG, WORKING_SPACE
from vpengine.plates.image_source import KINDS, Header, open_picture, stripes
from vpengine.plates.mipmaps import mip_levels

__all__ = [
    "CONFIG",
    "HALF_MAX",
    "KINDS",
    "WORKING_SPACE",
    "FilePicture",
    "inspect",
    "picture_problems",
    "picture_size",
    "read_picture",
]

Array = NDArray[np.float32]

_BYTES_A_PIXEL = 24  # half RGBA with its smaller levels, here and on a GPU that may be this machine's memory
_SPARE_BYTES = 2**28


class FilePicture:
    """A plate's picture. Made in the loader thread, where its pixels are read; ``texture`` from ``upload`` on."""

    def __init__(self, path: Path, color_space: str | None) -> None:
        picture = read_picture(path, color_space)
        self.height_px, self.width_px = picture.pixels.shape[:2]
        self.aspect = self.width_px * picture.pixel_aspect / self.height_px  # width over height, as it is seen
        self._texture = SlicedTexture(mip_levels(picture.pixels), str(path))
        self._pixels: NDArray[np.float16] | None = picture.pixels

    @property
    def pixels(self) -> NDArray[np.float16]:
        """As ``LoadedPicture`` has them; until ``upload``, for they are not kept beside the GPU's."""
        assert self._pixels is not None
        return self._pixels

    def upload(self, gpu: Gpu) -> bool:
        """Put a frame's share of it on the GPU; True while there is more. Raises UserError where it does not fit."""
        self._pixels = None
        return self._texture.upload(gpu)

    @property
    def texture(self) -> Any:
        return self._texture.texture

    def release(self) -> None:
        self._texture.release()


def inspect(path: Path, color_space: str | None = None) -> None:
    """Read a file's header and none of its pixels. Raises UserError as ``read_picture`` would for what that shows."""
    with open_picture(path) as (_, header):
        _refuse_too_large(path, header)
        _to_acescg(path, color_space, header)


def picture_size(path: Path) -> tuple[int, int]:
    """(width, height) as ``read_picture`` has it, from the header. Raises UserError for what cannot be read."""
    with open_picture(path) as (_, header):
        size = header.display.width, header.display.height
        return size if header.orientation < 5 else size[::-1]


def has_alpha(path: Path) -> bool:
    """From the header; False for what cannot be read."""
    try:
        with open_picture(path) as (_, header):
            return header.layer.alpha is not None
    except UserError:
        return False


def picture_problems(path: Path, color_space: str | None) -> list[tuple[str, str]]:
    """What ``inspect`` finds wrong, as a plate's ``check`` tells it: at most one (key, sentence) pair."""
    try:
        inspect(path, color_space)
    except UserError as error:
        about_space = color_space is not None and f"color_space {color_space!r}" in str(error)
        return [("color_space" if about_space else "file", str(error))]
    return []


@dataclass(frozen=True, eq=False)
class LoadedPicture:
    """pixels: (height, width, 4), half, row 0 at the top: colours multiplied by alpha, and alpha, 1 where it has none.

    pixel_aspect: a pixel's width over its height.
    """

    pixels: NDArray[np.float16]
    pixel_aspect: float


class _NotNumbers:
    """Counts the pixels that are NaN or infinite, and remembers the first."""

    def __init__(self) -> None:
        self.count = 0
        self._first = ""

    def note(self, colors: Array, x: int, y: int) -> None:
        """colors: (rows, columns, 3), the first of them the file's pixel x, y."""
        bad = ~np.isfinite(colors).all(axis=-1)
        found = int(np.count_nonzero(bad))
        if found and not self.count:
            row, column = np.unravel_index(int(np.argmax(bad)), bad.shape)
            kind = "NaN (not a number)" if np.isnan(colors[row, column]).any() else "infinite"
            self._first = f"pixel x {x + column}, y {y + row} is {kind}"
        self.count += found

    def sentence(self) -> str:
        others = self.count - 1
        more = "" if not others else f", and {others} more {'are' if others > 1 else 'is'} no number either"
        return f"{self._first}{more}; repair the file"


def read_picture(path: Path, color_space: str | None) -> LoadedPicture:
    """The file's display window, upright, over black, 0 to 65504.

    color_space: a name of the pinned OpenColorIO configuration, or None to go by what the file says of itself: its
    profile, its chromaticities; where it says nothing, whole numbers are ``sRGB - Texture`` and floats
    ``Linear Rec.709 (sRGB)``. Alpha is multiplied in, in linear light, whether or not the file has done it.
    Raises UserError in one sentence for a file that is missing, of another kind, damaged, too large for the memory,
    or has NaN or infinity in it.
    """
    with open_picture(path) as (source, header), np.errstate(all="ignore"):  # what is not finite is counted below
        _refuse_too_large(path, header)
        to_acescg = _to_acescg(path, color_space, header)
        display, data = header.display, header.data
        out = np.zeros((display.height, display.width, 4), np.float16)
        left, right = max(data.x, display.x), min(data.x + data.width, display.x + display.width)
        bad = _NotNumbers()
        for row, block in stripes(path, source, header):
            top = max(data.y + row, display.y)
            bottom = min(data.y + row + len(block), display.y + display.height)
            if top >= bottom or left >= right:
                continue
            inside = block[top - data.y - row : bottom - data.y - row, left - data.x : right - data.x]
            colors, alpha = _colors_and_alpha(inside, header)
            bad.note(colors, left, top)
            part = out[top - display.y : bottom - display.y, left - display.x : right - display.x]
            part[..., :3] = _premultiplied(colors, alpha, header, color_space, to_acescg)
            part[..., 3:] = 1.0 if alpha is None else np.nan_to_num(np.clip(alpha, 0.0, 1.0), nan=0.0)
        if bad.count:
            raise UserError(f"{path}: {bad.sentence()}")
    turned = header.orientation >= 5
    return LoadedPicture(
        _upright(out, header.orientation), 1.0 / header.pixel_aspect if turned else header.pixel_aspect
    )


def _refuse_too_large(path: Path, header: Header) -> None:
    free = psutil.virtual_memory().available
    wanted = header.display.width * header.display.height * _BYTES_A_PIXEL + _SPARE_BYTES
    if header.format in ("webp", "png", "jpeg"):  # their readers may decode all of it at once
        wanted += header.data.width * header.data.height * 8
    if wanted > free:
        raise UserError(
            f"{path}: {header.display.width} x {header.display.height} pixels take {wanted / 1e9:.1f} GB of memory and "
            f"{free / 1e9:.1f} GB are free; save it smaller"
        )


def _to_acescg(path: Path, color_space: str | None, header: Header) -> Callable[[Array], Array]:
    if color_space is not None:
        return image_color.by_name(color_space, path)
    if header.png.cicp is not None:
        return image_color.by_png(header.png, path)
    if header.icc is not None:
        return image_color.by_profile(header.icc, path, is_linear=header.format == "jpeg" and not header.is_integer)
    if header.format == "png":
        return image_color.by_png(header.png, path)
    if header.is_adobe_rgb and header.is_integer:
        return image_color.adobe_rgb()
    return image_color.srgb() if header.is_integer else image_color.by_chromaticities(header.chromaticities, path)


def _colors_and_alpha(block: Array, header: Header) -> tuple[Array, Array | None]:
    """(rows, columns, 3), a copy, and (rows, columns, 1) where the picture has alpha."""
    layer = header.layer
    alpha = None if layer.alpha is None else block[..., -1:]
    colors = block[..., : len(layer.colors)]
    if layer.is_luminance_chroma:
        return _from_luminance_chroma(colors, header), alpha
    return np.repeat(colors, 3, axis=-1) if len(layer.colors) == 1 else np.ascontiguousarray(colors), alpha


def _from_luminance_chroma(colors: Array, header: Header) -> Array:
    """OpenEXR's Y, RY, BY: RY is (R - Y) / Y, and Y is luminance by the file's own primaries."""
    luminance = luminance_weights(header.chromaticities or REC709).astype(np.float32)
    y, ry, by = np.moveaxis(colors, -1, 0)
    red, blue = (ry + 1.0) * y, (by + 1.0) * y
    green = (y - luminance[0] * red - luminance[2] * blue) / luminance[1]
    return np.stack([red, green, blue], axis=-1)


def _premultiplied(
    colors: Array, alpha: Array | None, header: Header, color_space: str | None, to_acescg: Callable[[Array], Array]
) -> NDArray[np.float16]:
    """Light over black. Colours that a file has multiplied by alpha in its own curve are divided before it is undone.

    Where alpha is nothing they cannot be divided, and are taken as light that was added.
    """
    multiplied = header.is_associated
    is_linear = not header.is_integer and color_space is None
    if alpha is None or (multiplied and is_linear):
        covered = None
    else:
        covered = (np.where(alpha > 0.0, alpha, 1.0) if multiplied else np.clip(alpha, 0.0, 1.0)).astype(np.float32)
    straight = colors / covered if covered is not None and multiplied else colors
    light = to_acescg(np.ascontiguousarray(np.clip(straight, -HALF_MAX, HALF_MAX), np.float32))
    if covered is not None:
        light = light * covered
    return np.nan_to_num(np.clip(light, 0.0, HALF_MAX), nan=0.0).astype(np.float16)


def _upright(pixels: NDArray[np.float16], orientation: int) -> NDArray[np.float16]:
    """EXIF's orientations: 2 and 4 are mirrored sideways and upwards, 3 both; 5 to 8 have rows for columns."""
    if orientation >= 5:
        pixels = np.swapaxes(pixels, 0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)
