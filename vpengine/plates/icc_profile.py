"""ICC profiles of pictures (ISO 15076-1): one curve a channel and a matrix to XYZ, which is all that cameras write."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Curve = Callable[[Array], Array]

_PARAMETERS = (1, 3, 4, 5, 7)  # of a parametric curve's kinds 0 to 4


class UnusableProfileError(Exception):
    """A profile that is damaged or of another kind: why, as the end of a sentence."""


@dataclass(frozen=True, eq=False)
class IccProfile:
    """curves: red, green, blue, or the one of grey. xyz_from_rgb: (3, 3) to XYZ under D50; None for grey."""

    curves: tuple[Curve, ...]
    xyz_from_rgb: NDArray[np.float64] | None

    def linear(self, pixels: Array) -> Array:
        """(..., 3) code values 0..1 to light; a grey curve does for all three."""
        curves = self.curves if len(self.curves) == 3 else self.curves * 3
        return np.stack([curve(pixels[..., channel]) for channel, curve in enumerate(curves)], axis=-1)


def parse_icc_profile(data: bytes) -> IccProfile:
    """Raises UnusableProfileError."""
    try:
        return _parse(data)
    except (struct.error, IndexError, ValueError) as error:
        raise UnusableProfileError("is damaged") from error


def _parse(data: bytes) -> IccProfile:
    space = data[16:20]
    if len(data) < 132 or data[36:40] != b"acsp":
        raise UnusableProfileError("is damaged")
    tags = _tags(data)
    if space == b"GRAY" and b"kTRC" in tags:
        return IccProfile((_curve(tags[b"kTRC"]),), None)
    wanted = (b"rTRC", b"gTRC", b"bTRC", b"rXYZ", b"gXYZ", b"bXYZ")
    if space != b"RGB " or any(name not in tags for name in wanted):
        raise UnusableProfileError("is not one of three curves and a matrix")
    matrix = np.stack([_xyz(tags[name]) for name in wanted[3:]], axis=-1)
    if abs(float(np.linalg.det(matrix))) < 1e-5:
        raise UnusableProfileError("is damaged")
    return IccProfile(tuple(_curve(tags[name]) for name in wanted[:3]), matrix)


def _tags(data: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", data, 128)
    found = {}
    for index in range(min(count, 200)):
        name, start, size = struct.unpack_from(">4sII", data, 132 + 12 * index)
        found[name] = data[start : start + size]
    return found


def _xyz(tag: bytes) -> NDArray[np.float64]:
    return np.array(struct.unpack_from(">3i", tag, 8)) / 65536.0


def _curve(tag: bytes) -> Curve:
    if tag[:4] == b"para":
        (kind,) = struct.unpack_from(">H", tag, 8)
        values = struct.unpack_from(f">{_PARAMETERS[kind]}i", tag, 12)
        return _parametric(kind, [value / 65536.0 for value in values])
    if tag[:4] != b"curv":
        raise UnusableProfileError("has a curve of an unknown kind")
    (count,) = struct.unpack_from(">I", tag, 8)
    if count == 0:
        return lambda code: code
    table = np.array(struct.unpack_from(f">{count}H", tag, 12))
    if count == 1:
        return _parametric(0, [table[0] / 256.0])
    return _table(table / 65535.0)


def _table(values: NDArray[np.float64]) -> Curve:
    codes = np.linspace(0.0, 1.0, len(values))
    return lambda code: np.interp(code, codes, values).astype(np.float32)


def _parametric(kind: int, values: list[float]) -> Curve:
    """(a x + b)^g + e from d on, c x + f below; what a kind leaves out is zero."""
    g, a, b, c, d, e, f = values[0], 1.0, 0.0, 0.0, -np.inf, 0.0, 0.0
    if kind >= 1:
        a, b = values[1:3]
        d = -b / a if a else 0.0
    if kind == 2:
        e = f = values[3]
    elif kind >= 3:
        c, d = values[3:5]
    if kind == 4:
        e, f = values[5:7]

    def curve(code: Array) -> Array:
        power = np.maximum(a * code + b, 0.0) ** g + e
        return np.where(code >= d, power, c * code + f).astype(np.float32)

    return curve
