"""Depth of a picture, from and to files: metres along the picture's own axis, +inf for sky, row 0 at the top."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
from numpy.typing import NDArray
from scipy import ndimage

from vpengine.errors import UserError, printable, told_by

KINDS = (".exr", ".tif", ".tiff")
MAP_KINDS = (*KINDS, ".npy", ".npz", ".pfm", ".png")
_LARGEST_PX = 32768
_NAMES = ("z", "depth", "y")  # of an EXR's channel, the likeliest first

Map = NDArray[np.float32]


def depth_size(path: Path, kinds: tuple[str, ...] = KINDS) -> tuple[int, int]:
    """(width, height), from the header. Raises UserError for what is no depth file."""
    source = _opened(path, kinds)
    spec = source.spec()
    source.close()
    return spec.width, spec.height


def depth_problem(path: Path, size: tuple[int, int]) -> list[tuple[str, str]]:
    """What is wrong with a picture's depth as far as its header shows: at most one (key, sentence) pair."""
    try:
        _refuse_size(path, depth_size(path), size)
    except UserError as error:
        return [("depth", str(error))]
    return []


def read_depth(path: Path, size: tuple[int, int]) -> Map:
    """(height, width) for a picture of ``size`` (width, height).

    Raises UserError in one sentence for a file that cannot be read, is of another size, or has what is no depth in it.
    """
    depth_m = _image(path, KINDS)
    refuse_size(path, depth_m, size)
    refuse_numbers(path, depth_m, "depth")
    return depth_m


def write_depth(path: Path, depth_m: Map) -> None:
    """One channel Z, float32. Raises UserError where it cannot be written."""
    height, width = depth_m.shape
    spec = oiio.ImageSpec(width, height, 1, oiio.FLOAT)
    spec.channelnames = ("Z",) if path.suffix.lower() == ".exr" else ("Y",)
    spec.attribute("compression", "zip")
    spec.attribute("ImageDescription", "depth in metres along the picture's axis, infinity for sky")
    out = oiio.ImageOutput.create(str(path))
    out, pixels = oiio.ImageOutput.create(str(path)), np.ascontiguousarray(depth_m[..., None], np.float32)
    if out is None or not (out.open(str(path), spec) and out.write_image(pixels) and out.close()):
        raise UserError(f"{path}: cannot be written ({(out or oiio).geterror().strip() or 'unknown kind'})")


def read_map(path: Path) -> Map:
    """(height, width): a depth or disparity map as somebody else's program wrote it, in its own units; one channel.

    Raises UserError for a file that cannot be read or is no map.
    """
    if path.suffix.lower() not in (".npy", ".npz"):
        return _image(path, MAP_KINDS)
    try:
        loaded = np.load(path, allow_pickle=False)
        found = loaded if isinstance(loaded, np.ndarray) else loaded[loaded.files[0]]
    except (OSError, ValueError, IndexError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: cannot be read as an array ({str(error)[:100] or 'it is empty'})") from error
    if found.ndim != 2 or found.dtype.kind not in "fiu" or not found.size:
        raise UserError(f"{path}: is {'x'.join(map(str, found.shape))} of {found.dtype}; expected rows and columns")
    return found.astype(np.float32)


def refuse_size(path: Path, found: Map, size: tuple[int, int]) -> None:
    """Raises UserError where a map is not of its picture's size (width, height)."""
    _refuse_size(path, (found.shape[1], found.shape[0]), size)


def _refuse_size(path: Path, found: tuple[int, int], size: tuple[int, int]) -> None:
    if found != size:
        raise UserError(
            f"{path}: is {found[0]} x {found[1]} and its picture {size[0]} x {size[1]}; they must be of one size"
        )


def refuse_numbers(path: Path, found: Map, what: str) -> None:
    """Raises UserError for NaN, and for depths of 0 or less; infinity is the sky."""
    bad = ~(found > 0.0)
    if bad.any():
        row, column = np.unravel_index(int(np.argmax(bad)), bad.shape)
        value = "NaN (not a number)" if np.isnan(found[row, column]) else f"{found[row, column]:g}"
        count = int(bad.sum())
        more = f", and {count - 1} more are no {what} either" if count > 1 else ""
        raise UserError(f"{path}: pixel x {column}, y {row} is {value}{more}; a {what} is above 0")
    if not np.isfinite(found).any():
        raise UserError(f"{path}: is infinitely far everywhere")


def filled(found: Map, known: NDArray[np.bool_]) -> Map:
    """What is not known takes the farther of what is known to its left and right: what is hidden is of the far side.

    found: inverse depths, or disparities; rows in which nothing is known take the nearest row's.
    """
    if known.all() or not known.any():
        return found
    columns = np.arange(found.shape[1])
    left = np.maximum.accumulate(np.where(known, columns, -1), axis=1)
    right = np.minimum.accumulate(np.where(known, columns, found.shape[1])[:, ::-1], axis=1)[:, ::-1]
    rows = np.arange(len(found))[:, None]
    from_left = np.where(left >= 0, found[rows, np.maximum(left, 0)], np.inf)
    from_right = np.where(right < found.shape[1], found[rows, np.minimum(right, found.shape[1] - 1)], np.inf)
    out = np.where(known, found, np.minimum(from_left, from_right))
    index = ndimage.distance_transform_edt(~np.isfinite(out), return_distances=False, return_indices=True)
    return np.asarray(out[tuple(index)], np.float32)


def _opened(path: Path, kinds: tuple[str, ...]) -> Any:
    if path.suffix.lower() not in kinds:
        raise UserError(f"{path}: not a file of depth that this engine reads (allowed: {', '.join(kinds)})")
    if not path.is_file():
        raise UserError(f"{path}: {'not a file' if path.exists() else 'no such file'}")
    source = oiio.ImageInput.open(str(path))
    if source is None:
        raise UserError(f"{path}: cannot be read ({told_by(oiio)})")
    return source


def _image(path: Path, kinds: tuple[str, ...]) -> Map:
    source = _opened(path, kinds)
    try:
        channel = _channel(path, source.spec())
        if max(source.spec().width, source.spec().height) > _LARGEST_PX:
            raise UserError(f"{path}: is larger than {_LARGEST_PX} pixels a side")
        # Whole numbers as they are: OpenImageIO would scale them to 0..1.
        whole = source.spec().format.basetype in (oiio.UINT8, oiio.UINT16, oiio.UINT32)
        pixels = source.read_image(0, 0, channel, channel + 1, source.spec().format if whole else oiio.FLOAT)
        if pixels is None or source.has_error:
            raise UserError(f"{path}: cannot be read ({told_by(source)})")
    finally:
        source.close()
    return np.ascontiguousarray(np.asarray(pixels)[..., 0], np.float32)


def _channel(path: Path, spec: Any) -> int:
    """The channel that has the depth."""
    if spec.deep:
        raise UserError(f"{path}: holds deep data (samples in depth); expected one depth a pixel")
    if spec.nchannels == 1:
        return 0
    names = [name.rpartition(".")[2].lower() for name in spec.channelnames]
    found = [names.index(name) for name in _NAMES if name in names]
    if not found:
        raise UserError(f"{path}: has the channels {printable(', '.join(names))}; expected one, or one called Z")
    return found[0]
