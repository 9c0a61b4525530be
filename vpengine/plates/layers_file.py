"""``.2p5d`` files: a picture in layers, each with alpha at its depth; a zip of ``plate.json``, images and depths."""

from __future__ import annotations

import lzma
import os
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import OpenImageIO as oiio
import psutil
from numpy.typing import NDArray

from vpengine.errors import UserError
from vpengine.plates.depth_file import Map, depth_size, read_map, refuse_numbers, refuse_size, write_depth
from vpengine.plates.image_file import WORKING_SPACE, picture_size, read_picture
from vpengine.plates.layers_manifest import (
    LAYER_DEPTH_KINDS,
    LayerSettings,
    LayersManifest,
    LensSettings,
    parse_manifest,
)

SUFFIX = ".2p5d"
MANIFEST = "plate.json"
_MOST_MEMBERS, _MANIFEST_BYTES = 64, 2**20
MOST_BYTES = 2**31  # of a member, unpacked; of all of them twice that
_NEAREST_M = 0.01
_BYTES_A_PIXEL = 28  # of a layer: half RGBA with its smaller levels, here and on the GPU, and its depth


@dataclass(frozen=True, eq=False)
class Layer:
    """pixels: (height, width, 4), half: scene-linear ACEScg multiplied by alpha, and alpha, row 0 at the top.

    inverse: (height, width), or one number for all: inverse depth in 1/m along the picture's axis, 0 for the sky.
    """

    pixels: NDArray[np.float16]
    inverse: Map | float


@dataclass(frozen=True, eq=False)
class LayeredPicture:
    """layers: back to front, all of one size."""

    lens: LensSettings
    layers: tuple[Layer, ...]


def inspect_layers(path: Path) -> LayersManifest:
    """What the file says of itself; no picture is read. Raises UserError for what is wrong as far as that shows."""
    with _opened(path) as (_, manifest):
        return manifest


def read_layers(path: Path) -> LayeredPicture:
    """Raises UserError: whatever is wrong is told with the file, the layer and the key, in a sentence each."""
    try:
        with _opened(path) as (archive, manifest), tempfile.TemporaryDirectory(prefix="vpengine-2p5d-") as folder:
            _refuse_too_large(path, manifest)
            layers = tuple(
                _layer(path, archive, layer, manifest.size_px, Path(folder), f"layers[{number}]")
                for number, layer in enumerate(manifest.layers, 1)
            )
    except OSError as error:
        raise UserError(f"{path}: cannot be unpacked ({error.strerror or _plain(error)})") from error
    return LayeredPicture(manifest.lens, layers)


def write_layers(path: Path, picture: LayeredPicture) -> None:
    """EXRs of half floats in a zip; only when all of it is written is it at ``path``. Raises UserError."""
    height, width = picture.layers[0].pixels.shape[:2]
    try:
        with tempfile.TemporaryDirectory(prefix="vpengine-2p5d-") as name:
            folder = Path(name)
            entries = [_written(folder, number, layer) for number, layer in enumerate(picture.layers, 1)]
            manifest = LayersManifest(version=1, size_px=(width, height), lens=picture.lens, layers=tuple(entries))
            text = manifest.model_dump_json(indent=1, exclude_defaults=True)
            (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")
            _pack(path, folder)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror or error})") from error


def _pack(path: Path, folder: Path) -> None:
    part = path.with_name(path.name + ".part")
    try:
        with zipfile.ZipFile(part, "w") as archive:  # an EXR is packed already
            for member in (folder / MANIFEST, *sorted(folder.glob("*.exr"))):
                archive.write(member, member.name)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)  # of a full disk, or Ctrl-C: no half of a file is left


def _written(folder: Path, number: int, layer: Layer) -> LayerSettings:
    image = f"layer{number}.exr"
    _write_exr(folder / image, layer.pixels)
    given: dict[str, Any]
    if not isinstance(layer.inverse, float):
        with np.errstate(divide="ignore"):  # the sky's
            write_depth(folder / f"layer{number}.depth.exr", (1.0 / layer.inverse).astype(np.float32))
        given = {"depth": f"layer{number}.depth.exr"}
    else:
        given = {"distance_m": 1.0 / layer.inverse} if layer.inverse > 0.0 else {"sky": True}
    return LayerSettings(image=image, color_space=WORKING_SPACE, **given)


def _write_exr(path: Path, pixels: NDArray[np.float16]) -> None:
    """Its data window is what there is of it: a near layer is small."""
    there = np.any(pixels != 0.0, axis=-1)
    rows, columns = np.flatnonzero(there.any(1)), np.flatnonzero(there.any(0))
    top, bottom = (rows[0], rows[-1] + 1) if rows.size else (0, 1)
    left, right = (columns[0], columns[-1] + 1) if columns.size else (0, 1)
    spec = oiio.ImageSpec(int(right - left), int(bottom - top), 4, oiio.HALF)
    spec.x, spec.y = int(left), int(top)
    spec.full_width, spec.full_height = pixels.shape[1], pixels.shape[0]
    spec.channelnames = ("R", "G", "B", "A")
    spec.attribute("compression", "zip")
    out = oiio.ImageOutput.create(str(path))
    part = np.ascontiguousarray(pixels[top:bottom, left:right])
    if out is None or not (out.open(str(path), spec) and out.write_image(part) and out.close()):
        raise UserError(f"{path}: cannot be written ({(out or oiio).geterror().strip() or 'unknown kind'})")


@contextmanager
def _opened(path: Path) -> Iterator[tuple[zipfile.ZipFile, LayersManifest]]:
    """The zip, of which every member that is asked for is there, once, and no larger than is allowed."""
    if path.suffix.lower() != SUFFIX:
        raise UserError(f"{path}: not a picture in layers (allowed: {SUFFIX})")
    if not path.is_file():
        raise UserError(f"{path}: {'not a file' if path.exists() else 'no such file'}")
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: is no zip file, or is cut short ({_plain(error)})") from error
    with archive:
        _refuse_members(path, archive)
        manifest = parse_manifest(_bytes(path, archive, MANIFEST, MANIFEST), path)
        for number, layer in enumerate(manifest.layers, 1):
            _member(path, archive, layer.image, f"layers[{number}].image")
            if layer.depth is not None:
                _member(path, archive, layer.depth, f"layers[{number}].depth")
        yield archive, manifest


def _refuse_members(path: Path, archive: zipfile.ZipFile) -> None:
    # Not is_dir(): that raises IndexError for a name that is empty.
    members = [member for member in archive.infolist() if not member.filename.endswith("/")]
    if len(members) > _MOST_MEMBERS:
        raise UserError(f"{path}: holds {len(members)} files; allowed are up to {_MOST_MEMBERS}")
    names = [member.filename for member in members]
    for member in members:
        name = member.filename
        pure = PurePosixPath(name)
        if pure.is_absolute() or ".." in pure.parts or "\\" in name or ":" in name or not name.isprintable():
            raise UserError(f"{path}: holds a file called {name[:60]!r}, whose path leaves the zip")
        if names.count(name) > 1:
            raise UserError(f"{path}: holds {name[:60]!r} twice; which is it?")
        most = _MANIFEST_BYTES if name == MANIFEST else MOST_BYTES
        if member.file_size > most:
            found = f"is {member.file_size / 1e6:.0f} MB unpacked"
            raise UserError(f"{path}: {name[:60]!r}: {found}; allowed are {most / 1e6:.0f} MB")
    total = sum(member.file_size for member in members)
    if total > 2 * MOST_BYTES:
        raise UserError(f"{path}: is {total / 1e9:.1f} GB unpacked; allowed are {2 * MOST_BYTES / 1e9:.1f}")


def _refuse_too_large(path: Path, manifest: LayersManifest) -> None:
    width, height = manifest.size_px
    wanted, free = width * height * len(manifest.layers) * _BYTES_A_PIXEL, psutil.virtual_memory().available
    if wanted > free:
        raise UserError(
            f"{path}: plate.json: size_px: {len(manifest.layers)} layers of {width} x {height} pixels take "
            f"{wanted / 1e9:.1f} GB of memory and {free / 1e9:.1f} GB are free; save it smaller"
        )


def _member(path: Path, archive: zipfile.ZipFile, name: str, key: str) -> zipfile.ZipInfo:
    try:
        return archive.getinfo(name)
    except KeyError:
        raise UserError(f"{path}: {key}: {name[:60]!r} is not in the zip") from None


def _bytes(path: Path, archive: zipfile.ZipFile, name: str, key: str) -> bytes:
    """A member unpacked: no more than its entry says, which was looked at before."""
    info = _member(path, archive, name, key)
    try:
        return archive.read(info)
    except (OSError, EOFError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error, lzma.LZMAError) as error:
        raise UserError(f"{path}: {key}: {name[:60]!r} cannot be unpacked ({_plain(error)})") from error
    except MemoryError:
        raise UserError(f"{path}: {key}: {name[:60]!r} takes more memory than is free") from None


def _layer(
    path: Path, archive: zipfile.ZipFile, layer: LayerSettings, size: tuple[int, int], folder: Path, key: str
) -> Layer:
    with _unpacked(path, archive, layer.image, folder, f"{key}.image") as (image, told):
        found = told(lambda: picture_size(image))
        if found != size:
            raise UserError(
                f"{path}: {key}.image: {layer.image!r} is {found[0]} x {found[1]} and size_px {size[0]} x {size[1]}"
            )
        pixels = told(lambda: read_picture(image, layer.color_space)).pixels
    if layer.depth is None:
        return Layer(pixels, 0.0 if layer.distance_m is None else 1.0 / layer.distance_m)
    with _unpacked(path, archive, layer.depth, folder, f"{key}.depth") as (depth, told):
        depth_m = told(lambda: _depth_m(depth, size, layer.depth_unit_m))
    return Layer(pixels, (1.0 / depth_m).astype(np.float32))


def _depth_m(file: Path, size: tuple[int, int], unit_m: float) -> Map:
    found = depth_size(file, LAYER_DEPTH_KINDS)
    if found == size:  # else it is not read: it may be of any size
        depth = read_map(file)
        refuse_size(file, depth, size)
        refuse_numbers(file, depth, "depth")
        depth = depth * np.float32(unit_m)
        if depth.min() < _NEAREST_M:
            raise UserError(f"{file}: comes as near as {depth.min():g} m; is depth_unit_m right?")
        return depth
    raise UserError(f"{file}: is {found[0]} x {found[1]} and size_px {size[0]} x {size[1]}")


@contextmanager
def _unpacked(
    path: Path, archive: zipfile.ZipFile, name: str, folder: Path, key: str
) -> Iterator[tuple[Path, Callable[[Callable[[], Any]], Any]]]:
    """A member under a name of our own, and who calls its readers: their sentences are told of the zip and the key."""
    file = folder / f"member{Path(name).suffix.lower()}"
    file.write_bytes(_bytes(path, archive, name, key))

    def told(read: Callable[[], Any]) -> Any:
        try:
            return read()
        except UserError as error:
            raise UserError(f"{path}: {key}: {str(error).replace(str(file), repr(name))}") from None

    try:
        yield file, told
    finally:
        file.unlink()


def _plain(error: Exception) -> str:
    text = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
    return "".join(letter if letter.isprintable() else "?" for letter in text)
