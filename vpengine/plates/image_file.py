"""Pictures from files, as scene-linear ACEScg: read by OpenImageIO, colour by OpenColorIO, then put on the GPU."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import PyOpenColorIO as ocio
from numpy.typing import NDArray

from vpengine.errors import UserError, did_you_mean
from vpengine.gpu.transfer import upload

CONFIG = "studio-config-v2.1.0_aces-v1.3_ocio-v2.3"
WORKING_SPACE = "ACEScg"
KINDS = (".exr", ".hdr", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
HALF_MAX = 65504.0  # real HDRIs exceed it
LARGEST_PX = 16384

_AP1 = (0.713, 0.293, 0.165, 0.830, 0.128, 0.044)  # red, green, blue x and y


class FilePicture:
    """A plate's picture. Made in the loader thread, where its pixels are read; ``texture`` from ``upload`` on."""

    def __init__(self, path: Path, color_space: str | None) -> None:
        pixels = read_acescg(path, color_space)
        self.height_px, self.width_px = pixels.shape[:2]
        self._pixels: NDArray[np.float16] | None = pixels

    def upload(self, context: Any) -> None:
        assert self._pixels is not None
        self.texture = upload(context, self._pixels, mipmaps=True)
        self._pixels = None  # the GPU has it now

    def release(self) -> None:
        self.texture.release()


def read_acescg(path: Path, color_space: str | None = None) -> NDArray[np.float16]:
    """(height, width, 3), row 0 at the top, 0 to 65504.

    color_space: a name of the pinned OpenColorIO configuration, or None to go by the file: whole numbers are
    ``sRGB - Texture``, floats ``Linear Rec.709 (sRGB)``, or ``ACEScg`` where an EXR's chromaticities say so.
    Raises UserError in one sentence for a file that is missing, of another kind, broken, or has NaN in it.
    """
    pixels, found_space = _read(path)
    if np.isnan(pixels).any():
        raise UserError(
            f"{path}: {int(np.isnan(pixels).any(axis=-1).sum())} pixels are NaN (not a number); repair the file"
        )
    pixels = np.clip(pixels, -HALF_MAX, HALF_MAX)
    _processor(color_space or found_space, str(path)).applyRGB(pixels)
    return np.clip(pixels, 0.0, HALF_MAX).astype(np.float16)


def _read(path: Path) -> tuple[NDArray[np.float32], str]:
    """(height, width, 3) as in the file, and the colour space it most likely is in."""
    if path.suffix.lower() not in KINDS:
        raise UserError(f"{path}: not a picture this engine reads (allowed: {', '.join(KINDS)})")
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    source = oiio.ImageInput.open(str(path))
    if source is None:
        raise UserError(f"{path}: cannot be read as a picture: {_first_line(oiio.geterror())}")
    try:
        spec = source.spec()
        if max(spec.width, spec.height) > LARGEST_PX:
            raise UserError(f"{path}: {spec.width} x {spec.height} pixels (allowed: up to {LARGEST_PX} on a side)")
        space = _space_of(spec)
        pixels = source.read_image(0, 0, 0, min(3, spec.nchannels), oiio.FLOAT)
        if pixels is None or source.has_error:
            raise UserError(f"{path}: cannot be read as a picture: {_first_line(source.geterror())}")
    finally:
        source.close()
    pixels = np.asarray(pixels, np.float32).reshape(spec.height, spec.width, -1)
    return np.ascontiguousarray(pixels if pixels.shape[-1] == 3 else np.repeat(pixels[..., :1], 3, axis=-1)), space


def _space_of(spec: Any) -> str:
    if spec.format in (oiio.UINT8, oiio.UINT16, oiio.UINT32):
        return "sRGB - Texture"
    chromaticities = spec.getattribute("chromaticities")
    if chromaticities is not None and np.allclose(chromaticities[:6], _AP1, atol=2e-3):
        return WORKING_SPACE
    return "Linear Rec.709 (sRGB)"


def _first_line(message: str) -> str:
    return (message.strip().splitlines() or ["the file is damaged"])[0]


def _processor(color_space: str, path: str) -> Any:
    config = _config()
    if config.getColorSpace(color_space) is None:
        names = [space.getName() for space in config.getColorSpaces()]
        raise UserError(f"{path}: color_space {color_space!r} is not in {CONFIG}{did_you_mean(color_space, names)}")
    return config.getProcessor(color_space, WORKING_SPACE).getDefaultCPUProcessor()


@cache
def _config() -> Any:
    return ocio.Config.CreateFromBuiltinConfig(CONFIG)
