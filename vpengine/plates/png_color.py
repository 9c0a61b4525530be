"""What a PNG's chunks say of its colour (PNG third edition, 11.3.2): cICP, sRGB, gAMA and cHRM."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_LARGEST = 64  # bytes; the chunks meant here are shorter


@dataclass(frozen=True)
class PngColor:
    """cicp: primaries, transfer, matrix, range as ITU-T H.273 numbers them. chromaticities: red, green, blue, white."""

    cicp: tuple[int, int, int, int] | None = None
    srgb: bool = False
    gamma: float | None = None
    chromaticities: tuple[float, ...] | None = None


def read_png_color(path: Path) -> PngColor:
    """The chunks before the pixels; an empty answer for what is no PNG. Raises OSError."""
    found: dict[bytes, bytes] = {}
    with path.open("rb") as file:
        if file.read(8) != SIGNATURE:
            return PngColor()
        while len(head := file.read(8)) == 8:
            size, name = struct.unpack(">I4s", head)
            if name == b"IDAT":
                break
            if size <= _LARGEST:
                found[name] = file.read(size)
                file.seek(4, 1)
            else:
                file.seek(size + 4, 1)
    return _color(found)


def _color(found: dict[bytes, bytes]) -> PngColor:
    cicp, gamma, chromaticities = found.get(b"cICP", b""), found.get(b"gAMA", b""), found.get(b"cHRM", b"")
    encoded = struct.unpack(">I", gamma)[0] if len(gamma) == 4 else 0
    xy = None
    if len(chromaticities) == 32:
        white_first = [value / 100000.0 for value in struct.unpack(">8I", chromaticities)]
        xy = (*white_first[2:], *white_first[:2])
    return PngColor(
        cicp=(cicp[0], cicp[1], cicp[2], cicp[3]) if len(cicp) == 4 else None,
        srgb=b"sRGB" in found,
        gamma=100000.0 / encoded if encoded else None,
        chromaticities=xy,
    )
