"""ST maps from and to files: an EXR (or TIFF) whose red and green say where each pixel of the real picture lies in the
undistorted one.

Values are shares of the picture from its left and from its top or bottom edge: programs differ in that (Nuke counts
from the bottom). Files that this engine writes say so in the attribute ``vpengine:origin``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import OpenImageIO as oiio
from numpy.typing import NDArray

from vpengine.errors import UserError, printable, told_by
from vpengine.view.st_map import StMap

KINDS = (".exr", ".tif", ".tiff")
Origin = Literal["bottom", "top"]
_ORIGIN = "vpengine:origin"
_LARGEST_PX = 16384
_FARTHEST = 3.0  # shares of the picture beside it; what lies farther out is no lens, but another kind of picture


def read_st_map(path: Path, origin: Origin = "bottom") -> StMap:
    """origin: from which edge the file's green counts, where it does not say it itself.

    Raises UserError in one sentence for a file that cannot be read, or is no ST map.
    """
    uv, said = _read(path)
    if not np.isfinite(uv).all():
        raise UserError(f"{path}: has pixels that are not finite; an ST map needs a number in every pixel")
    if (said or origin) == "bottom":
        uv[..., 1] = 1.0 - uv[..., 1]
    if np.abs(uv - 0.5).max() > _FARTHEST:
        raise UserError(
            f"{path}: has values from {uv.min():.3g} to {uv.max():.3g}; an ST map's red and green are shares of the "
            "picture, about 0 to 1"
        )
    _refuse_mirrored(path, uv)
    return StMap(uv, str(path))


def write_st_map(path: Path, uv: NDArray[np.float32], origin: Origin = "bottom") -> None:
    """uv: (height, width, 2), row 0 at the top, counted from the top as ``StMap`` has it. Raises UserError."""
    height, width = uv.shape[:2]
    pixels = np.zeros((height, width, 3), np.float32)
    pixels[..., :2] = uv
    if origin == "bottom":
        pixels[..., 1] = 1.0 - pixels[..., 1]
    spec = oiio.ImageSpec(width, height, 3, oiio.FLOAT)
    spec.attribute("compression", "zip")
    spec.attribute(_ORIGIN, origin)
    out = oiio.ImageOutput.create(str(path)) if path.suffix.lower() in KINDS else None
    if out is None:
        raise UserError(f"{path}: an ST map is a file of {', '.join(KINDS)}")
    if not (out.open(str(path), spec) and out.write_image(pixels) and out.close()):
        raise UserError(f"{path}: cannot be written ({out.geterror().strip() or 'unknown reason'})")


def _read(path: Path) -> tuple[NDArray[np.float32], str]:
    """Red and green, (height, width, 2) float32, and the origin that the file names; empty where it names none."""
    if path.suffix.lower() not in KINDS:
        raise UserError(f"{path}: not a kind of file that ST maps are in (allowed: {', '.join(KINDS)})")
    source = oiio.ImageInput.open(str(path)) if path.is_file() else None
    if source is None:
        why = told_by(oiio) if path.is_file() else "no such file"
        raise UserError(f"{path}: cannot be read ({why})")
    try:
        spec = source.spec()
        red, green = _channels(path, spec)
        pixels = source.read_image(0, 0, 0, spec.nchannels, oiio.FLOAT)
        if pixels is None or source.has_error:
            raise UserError(f"{path}: cannot be read ({told_by(source)})")
    finally:
        source.close()
    return np.ascontiguousarray(np.asarray(pixels)[..., [red, green]], np.float32), spec.get_string_attribute(_ORIGIN)


def _channels(path: Path, spec: Any) -> tuple[int, int]:
    """Which two of its channels are red and green."""
    if max(spec.width, spec.height) > _LARGEST_PX or min(spec.width, spec.height) < 2:
        raise UserError(f"{path}: is {spec.width} x {spec.height}; allowed are 2 to {_LARGEST_PX} pixels a side")
    if str(spec.format) not in ("half", "float", "double"):
        raise UserError(
            f"{path}: its pixels are {spec.format}, which cannot say where a pixel lies; write 32-bit float"
        )
    names = [name.rpartition(".")[2].lower() for name in spec.channelnames]
    if "r" not in names or "g" not in names:
        raise UserError(f"{path}: has the channels {printable(', '.join(names))}; expected R and G")
    return names.index("r"), names.index("g")


def _refuse_mirrored(path: Path, uv: NDArray[np.float32]) -> None:
    """Upside down is what a map is whose origin was taken for the other."""
    across, down = float(np.mean(np.diff(uv[..., 0], axis=1))), float(np.mean(np.diff(uv[..., 1], axis=0)))
    if across <= 0.0 or down <= 0.0:
        which = 'upside down: say st_map_origin = "top" or "bottom", the other one' if across > 0.0 else "mirrored"
        raise UserError(f"{path}: is {which}")
