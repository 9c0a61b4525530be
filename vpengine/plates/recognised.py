"""What a file is as a plate: which kind shows it, with which settings, and what of the lens that took it is known."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vpengine.errors import UserError
from vpengine.frames.captured import Tags
from vpengine.frames.transfers import unknown_transfer
from vpengine.media.clips import VideoClip
from vpengine.media.images import NUMBERED, numbered_images
from vpengine.plates.gltf.buffers import Buffers
from vpengine.plates.gltf.document import open_gltf
from vpengine.plates.gltf.left_out import left_out
from vpengine.plates.gltf.scene import read_batches
from vpengine.plates.image_source import KINDS, Header, open_picture
from vpengine.plates.layers_file import SUFFIX, inspect_layers
from vpengine.plates.sequence import KINDS as SEQUENCE_KINDS

EYE_HEIGHT_M = 1.6  # of a lens that says nothing of where it stood
DIAGONAL_35MM = math.hypot(36.0, 24.0)  # CIPA DCG-001: equivalent focal lengths are by the diagonal
DOME_SHAPE = (1.99, 2.01)  # width over height of an equirectangular picture
FEWEST_IMAGES = {".jpg": 24, ".jpeg": 24}  # in a row that are a sequence: cameras number photographs too
FEWEST_OTHERS = 4
VIDEO_SUFFIXES = (
    ".mp4",
    ".mov",
    ".m4v",
    ".mkv",
    ".webm",
    ".mxf",
    ".avi",
    ".ts",
    ".mts",
    ".mpg",
    ".mpeg",
    ".dv",
    ".ivf",
)
UNREADABLE = (OSError, ValueError, SyntaxError, TypeError, KeyError, Image.DecompressionBombError)  # Pillow's
MODEL_SUFFIXES = (".glb", ".gltf")
AHEAD_M = 3.0
HARDLY_SEEN_M = 0.1
EXIF_IFD, FOCAL_35MM = 0x8769, 0xA405


@dataclass(frozen=True)
class Recognised:
    """kind: of plate. settings: its own, as a show has them. facts: what the file says of itself, for people. doubts:
    what was guessed, and how to say it otherwise. files: which others are shown with it.
    """

    kind: str
    settings: Mapping[str, Any]
    facts: tuple[str, ...]
    doubts: tuple[str, ...] = ()
    files: tuple[Path, ...] = field(default=())


def recognised(path: Path) -> Recognised:
    """Raises UserError, in one sentence, for what no plate shows."""
    suffix = path.suffix.lower()
    if not path.is_file():
        raise UserError(f"{path}: there is no such file")
    if suffix == SUFFIX:
        return _layers(path)
    if suffix in MODEL_SUFFIXES:
        return _model(path)
    if suffix in VIDEO_SUFFIXES:
        return _video(path)
    if suffix in SEQUENCE_KINDS and len(files := _in_a_row(path)) >= FEWEST_IMAGES.get(suffix, FEWEST_OTHERS):
        return _sequence(path, files)
    if suffix in KINDS:
        return _picture(path)
    allowed = ", ".join(sorted({*KINDS, *SEQUENCE_KINDS, *VIDEO_SUFFIXES, *MODEL_SUFFIXES, SUFFIX}))
    raise UserError(f"{path}: no plate shows files of this kind; allowed are {allowed}")


def _layers(path: Path) -> Recognised:
    manifest = inspect_layers(path)
    width, height = manifest.size_px
    lens = f"{manifest.lens.horizontal_fov_deg:.0f} degrees wide, from {manifest.lens.eye_height_m:g} m"
    facts = (f"{width} x {height}", f"{len(manifest.layers)} layers", lens)
    return Recognised("layers", {"file": path}, facts)


def _model(path: Path) -> Recognised:
    """It stands on the floor, its nearest side AHEAD_M from the stage's origin."""
    file = open_gltf(path)
    batches = read_batches(file, Buffers(file))
    if not batches:
        raise UserError(f"{path}: there is no surface in its scene")
    points = np.concatenate([batch.position for batch in batches])
    low, high = points.min(axis=0), points.max(axis=0)
    width, height, depth = (high - low).tolist()
    position_m = [-0.5 * (low[0] + high[0]), AHEAD_M + high[2], -low[1]]
    triangles = sum(len(batch.triangles) for batch in batches)
    facts = (f"{triangles} triangles", f"{width:.3g} m wide, {depth:.3g} deep, {height:.3g} high")
    doubts = ["its unit is taken for a metre, as glTF has it; scale and position_m say it better"]
    if missing := left_out(file.document):
        doubts.append(f"it is drawn without: {', '.join(missing)}")
    if 0.0 < (longest := max(width, height, depth)) < HARDLY_SEEN_M:
        doubts.append(
            f"{longest:.2g} m are hardly seen from there; scale = {3.0 / longest:.0f} makes them three metres"
        )
    return Recognised("gltf", {"file": path, "position_m": [float(each) for each in position_m]}, facts, tuple(doubts))


def _video(path: Path) -> Recognised:
    clip = VideoClip(path)
    try:
        first = clip.next()
        width, height = clip.size
        seconds = float(clip.length / clip.rate)
        found = [f"{width} x {height}", f"{float(clip.rate):.6g} a second, {seconds:.1f} s", *_tagged(first)]
        unknown = unknown_transfer(first[1].tags.transfer) if first is not None else None
        doubts = (unknown, _no_lens()) if unknown else (_no_lens(),)
        return Recognised("video", {"file": path}, (*found, clip.codec), doubts)
    finally:
        clip.close()


def _tagged(first: Any) -> Iterator[str]:
    if first is not None:
        frame = first[1]
        yield f"{frame.format.bits} bits, {frame.matrix} {frame.range}{_told(frame.tags)}"


def _told(tags: Tags) -> str:
    """Of a transfer that is not known here a doubt says more."""
    if unknown_transfer(tags.transfer):
        return ""
    return " (tagged)" if tags.matrix and tags.transfer else " (partly untagged: judged by its size)"


def _sequence(path: Path, files: tuple[Path, ...]) -> Recognised:
    facts = (f"{len(files)} images", "24 a second") if path.suffix.lower() == ".dpx" else _image_facts(path, files)
    return Recognised("sequence", {"first": path}, facts, ("rate = 24 is a guess", _no_lens()), files)


def _image_facts(path: Path, files: Collection[Path]) -> tuple[str, ...]:
    with open_picture(path) as (_, header):
        return (f"{len(files)} images of {header.display.width} x {header.display.height}", _color(header))


def _in_a_row(path: Path) -> tuple[Path, ...]:
    """``path``, and the images numbered one by one after it."""
    if NUMBERED.fullmatch(path.name) is None:
        return (path,)
    files = numbered_images(path, SEQUENCE_KINDS, str(path))
    first = files[0][0]
    return tuple(each for turn, (number, each) in enumerate(files) if number == first + turn)


def _picture(path: Path) -> Recognised:
    with open_picture(path) as (_, header):
        width, height = header.display.width, header.display.height
        if header.orientation >= 5:
            width, height = height, width
        facts = (f"{width} x {height}", _color(header))
    if DOME_SHAPE[0] <= width / height <= DOME_SHAPE[1]:
        doubt = "twice as wide as high: taken for all round (equirectangular)"
        return Recognised("dome", {"file": path}, facts, (doubt,))
    depth = path.with_name(f"{path.stem}.depth.exr")
    relief = {"depth": depth} if depth.is_file() else {}
    files = (depth,) if relief else ()
    fov_deg = lens_fov_deg(path, width, height)
    if fov_deg is None:
        return Recognised("still", {"file": path, **relief}, (*facts, *_relief(relief)), (_no_lens(),), files)
    lens = {"horizontal_fov_deg": round(fov_deg, 2), "eye_height_m": EYE_HEIGHT_M, "horizon": 0.5}
    settings = {"file": path, **relief, "lens": lens}
    doubts = (f"lens.eye_height_m = {EYE_HEIGHT_M} and lens.horizon = 0.5 are guesses",)
    return Recognised("still", settings, (*facts, f"{fov_deg:.0f} degrees wide", *_relief(relief)), doubts, files)


def _relief(depth: Mapping[str, Path]) -> Iterator[str]:
    if depth:
        yield "relief by its depth"


def _no_lens() -> str:
    return "it carries no lens: it hangs 30 m wide, 20 m away; lens, or distance_m and width_m, say it better"


def _color(header: Header) -> str:
    values = "whole numbers" if header.is_integer else "floats, scene-linear"
    profile = ", with a profile" if header.icc is not None else ""
    return f"{header.format}, {values}{profile}"


def lens_fov_deg(path: Path, width: int, height: int) -> float | None:
    """Angle of view across a photograph, in degrees, by its EXIF; None where that says nothing.

    From the focal length in terms of 35 mm film, which CIPA DCG-001 takes by the picture's diagonal.
    """
    focal_mm = 0.0
    with suppress(*UNREADABLE), Image.open(path) as image:
        focal_mm = float(image.getexif().get_ifd(EXIF_IFD).get(FOCAL_35MM, 0.0))
    if not 3.0 <= focal_mm <= 2000.0:
        return None
    across_mm = DIAGONAL_35MM * width / math.hypot(width, height)
    return math.degrees(2.0 * math.atan(across_mm / (2.0 * focal_mm)))
