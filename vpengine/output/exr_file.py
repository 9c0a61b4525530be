"""OpenEXR: one picture of the world as post wants it: half float color and alpha, float depth, its matrices and time.

Written as it lies, uncompressed: deflating a 1920 x 1080 picture takes several frames' time of a core, and a proxy can
be made at any time. ``Technical Introduction to OpenEXR`` (openexr.com) has the layout; version 2, scan lines.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vpengine.view.timecode import Timecode
from vpengine.view.view import View

MAGIC, VERSION = 20000630, 2
HALF, FLOAT = 1, 2
NUMPY = {HALF: "<f2", FLOAT: "<f4"}
# ACEScg's: the AP1 primaries and the ACES white point (S-2014-004).
ACESCG = (0.713, 0.293, 0.165, 0.830, 0.128, 0.044, 0.32168, 0.33767)
CHANNELS = (("A", HALF), ("B", HALF), ("G", HALF), ("R", HALF), ("Z", FLOAT))  # in alphabetical order, as they lie

Box = tuple[int, int, int, int]


@dataclass(frozen=True, eq=False)
class World:
    """A picture of the world. rgba: (height, width, 4) half, scene-linear ACEScg. depth_m: (height, width) along the
    view axis, +inf for sky. Row 0 is at the top. seen: the part of its sides that the lens sees, the rest is overscan.
    """

    rgba: NDArray[np.float16]
    depth_m: NDArray[np.float32]
    view: View
    seen: float
    rate: Fraction
    timecode: Timecode
    number: int


def write_exr(path: Path, world: World) -> None:
    """A whole file or none, also when the machine goes off meanwhile. Raises OSError."""
    part = path.with_suffix(".part")
    try:
        with part.open("wb", buffering=0) as file:
            _write(file.fileno(), _header(world))
            _write(file.fileno(), _lines(world))
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def _write(file: int, data: Any) -> None:
    left = memoryview(data).cast("B")
    while len(left):
        left = left[os.write(file, left) :]


def _header(world: World) -> bytes:
    height, width = world.depth_m.shape
    attributes: Mapping[str, tuple[str, bytes]] = {
        "channels": ("chlist", b"".join(_channel(name, kind) for name, kind in CHANNELS) + b"\0"),
        "chromaticities": ("chromaticities", struct.pack("<8f", *ACESCG)),
        "compression": ("compression", b"\0"),
        "dataWindow": ("box2i", struct.pack("<4i", 0, 0, width - 1, height - 1)),
        "displayWindow": ("box2i", struct.pack("<4i", *display_window((width, height), world.seen))),
        "framesPerSecond": ("rational", struct.pack("<iI", world.rate.numerator, world.rate.denominator)),
        "lineOrder": ("lineOrder", b"\0"),
        "pixelAspectRatio": ("float", struct.pack("<f", 1.0)),
        "screenWindowCenter": ("v2f", struct.pack("<2f", 0.0, 0.0)),
        "screenWindowWidth": ("float", struct.pack("<f", 1.0)),
        "tick": ("int", struct.pack("<i", world.number)),
        "timeCode": ("timecode", struct.pack("<2I", _time_and_flags(world.timecode, world.rate), 0)),
        "worldToCamera": ("m44f", _matrix(world.view.view_from_stage)),
        "worldToNDC": ("m44f", _matrix(_SCREEN_FROM_CLIP @ world.view.clip_from_stage)),
    }
    body = b"".join(
        name.encode() + b"\0" + kind.encode() + b"\0" + struct.pack("<i", len(value)) + value
        for name, (kind, value) in attributes.items()
    )
    return struct.pack("<2I", MAGIC, VERSION) + body + b"\0"


# OpenEXR's NDC: 0..1 from the lower left corner to the upper right.
_SCREEN_FROM_CLIP = np.array([[0.5, 0, 0, 0.5], [0, 0.5, 0, 0.5], [0, 0, 1.0, 0], [0, 0, 0, 1.0]])


def _channel(name: str, kind: int) -> bytes:
    return name.encode() + b"\0" + struct.pack("<iB3xii", kind, 0, 1, 1)


def _matrix(matrix: NDArray[np.floating]) -> bytes:
    """Imath's matrices act on rows: the transpose of ours."""
    return np.ascontiguousarray(matrix.T, "<f4").tobytes()


def _time_and_flags(timecode: Timecode, rate: Fraction) -> int:
    """SMPTE 12M, as OpenEXR packs it: binary-coded decimals from the frames up, and drop-frame in bit 6. The tens of
    frames have two bits: beyond 40 a second pairs are counted, and the second of each is told by the field's bit.
    """

    def bcd(value: int) -> int:
        return value // 10 % 10 << 4 | value % 10

    pair, second = divmod(timecode.frames, math.ceil(rate / 40))
    flags = int(timecode.drop) << 6 | min(second, 1) << 15
    return bcd(timecode.hours) << 24 | bcd(timecode.minutes) << 16 | bcd(timecode.seconds) << 8 | bcd(pair) | flags


def display_window(size: tuple[int, int], seen: float) -> Box:
    """What the lens sees, in whole pixels: left, top, right and bottom, the last two included."""
    (width, height) = size
    left, top = round(width * (1.0 - seen) / 2.0), round(height * (1.0 - seen) / 2.0)
    return left, top, width - 1 - left, height - 1 - top


def _lines(world: World) -> NDArray[np.void]:
    """The table of offsets and the lines, each its number and bytes, then its channels one after the other."""
    height, width = world.depth_m.shape
    line = np.dtype(
        [
            ("y", "<i4"),
            ("nbytes", "<i4"),
            *((name, "<f2" if kind == HALF else "<f4", (width,)) for name, kind in CHANNELS),
        ]
    )
    whole = np.empty(1, np.dtype([("offsets", "<u8", (height,)), ("lines", line, (height,))]))
    lines = whole["lines"][0]
    begin = len(_header(world)) + 8 * height
    whole["offsets"][0] = begin + line.itemsize * np.arange(height, dtype=np.uint64)
    lines["y"] = np.arange(height)
    lines["nbytes"] = line.itemsize - 8
    for index, name in enumerate("RGBA"):
        lines[name] = world.rgba[..., index]
    lines["Z"] = world.depth_m
    return whole
