"""Y'CbCr to R'G'B': the matrices and ranges of video, and chroma brought to full size. The twin of a shader."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Matrix = Literal["bt601", "bt709", "bt2020"]
Range = Literal["limited", "full"]
Siting = Literal["left", "center"]

# Kr and Kb: Rec. ITU-R BT.601-7 table 1, BT.709-6 item 3.2, BT.2020-2 table 4 (non-constant luminance).
LUMA: dict[Matrix, tuple[float, float]] = {
    "bt601": (0.299, 0.114),
    "bt709": (0.2126, 0.0722),
    "bt2020": (0.2627, 0.0593),
}

SDI_CODES = (4, 1019)  # of ten bits, what SDI may carry (Rec. ITU-R BT.709-6, item 5.7)

Array = NDArray[Any]


def rgb_from_yuv_matrix(matrix: Matrix) -> Array:
    """(3, 3), on a column of Y' 0..1 and Cb, Cr -0.5..0.5.

    From Y' = Kr R' + Kg G' + Kb B', Cb = (B' - Y') / 2(1 - Kb) and Cr = (R' - Y') / 2(1 - Kr) (BT.709-6, item 3).
    """
    kr, kb = LUMA[matrix]
    kg = 1.0 - kr - kb
    red, blue = 2.0 * (1.0 - kr), 2.0 * (1.0 - kb)
    return np.array([[1.0, 0.0, red], [1.0, -kb * blue / kg, -kr * red / kg], [1.0, blue, 0.0]])


def scales(bits: int, range_: Range) -> tuple[float, float, float, float]:
    """(offset of Y', its span, offset of Cb and Cr, their span) in code values; Rec. ITU-T H.273, 8.3."""
    if range_ == "full":
        top = float((1 << bits) - 1)
        return 0.0, top, float(1 << (bits - 1)), top
    unit = float(1 << (bits - 8))
    return 16.0 * unit, 219.0 * unit, 128.0 * unit, 224.0 * unit


def rgb_from_yuv(yuv: Array, bits: int, matrix: Matrix, range_: Range) -> Array:
    """(..., 3) code values to non-linear R'G'B', black 0 and white 1, as float32.

    What lies beyond (super-white, colours that no display has) is kept: who shows it clips it.
    """
    luma_offset, luma_span, chroma_offset, chroma_span = scales(bits, range_)
    offset = np.array([luma_offset, chroma_offset, chroma_offset])
    span = np.array([luma_span, chroma_span, chroma_span])
    to_rgb = rgb_from_yuv_matrix(matrix) / span  # on columns: each of them scaled
    return (yuv @ to_rgb.T.astype(np.float32) - (to_rgb @ offset).astype(np.float32)).astype(np.float32)


def yuv_from_rgb(rgb: Array, bits: int, matrix: Matrix, range_: Range) -> Array:
    """(..., 3) non-linear R'G'B' 0..1 to code values, neither rounded nor clipped, as float32."""
    luma_offset, luma_span, chroma_offset, chroma_span = scales(bits, range_)
    to_yuv = np.linalg.inv(rgb_from_yuv_matrix(matrix)) * np.array([[luma_span], [chroma_span], [chroma_span]])
    offset = np.array([luma_offset, chroma_offset, chroma_offset])
    return (rgb @ to_yuv.T.astype(np.float32) + offset.astype(np.float32)).astype(np.float32)


def planes_422(yuv: Array) -> tuple[NDArray[np.uint16], NDArray[np.uint16], NDArray[np.uint16]]:
    """(height, width, 3) ten-bit code values, neither rounded nor clipped, as 4:2:2: chroma filtered (1 2 1) about the
    left one of two pixels, where it is sited.
    """
    chroma = 0.5 * yuv[:, ::2, 1:]
    chroma += 0.25 * yuv[:, 1::2, 1:]
    chroma[:, 1:] += 0.25 * yuv[:, 1:-1:2, 1:]
    chroma[:, 0] += 0.25 * yuv[:, 1, 1:]  # beyond the edge it is as within
    return _carried(yuv[..., 0]), _carried(chroma[..., 0]), _carried(chroma[..., 1])


def _carried(plane: Array) -> NDArray[np.uint16]:
    found = np.clip(plane + 0.5, *SDI_CODES).astype(np.uint16)
    found.flags.writeable = False
    return found


def chroma_at_full_size(plane: Array, size: tuple[int, int], across: int, down: int, siting: Siting) -> Array:
    """A chroma plane (rows, columns) brought to ``size`` (width, height), linearly interpolated, as float32.

    across, down: how many pixels share a sample, 1 or 2. siting: a sample lies on the left of its two pixels (H.262
    and after: H.264 6.2, chroma_sample_loc_type 0) or between them (JPEG, JFIF 1.02); in height always between.
    """
    width, height = size
    wide = _stretched(plane.astype(np.float32), width, across, 0.0 if siting == "left" else 0.5, 1)
    return _stretched(wide, height, down, 0.5, 0)


def _stretched(plane: Array, length: int, factor: int, sample_at: float, axis: int) -> Array:
    """sample_at: where in pixels the first sample lies, counted from the first pixel's middle."""
    if factor == 1:
        return plane
    last = plane.shape[axis] - 1
    at = np.clip((np.arange(length) - sample_at) / factor, 0.0, last)
    low = np.minimum(at.astype(int), last)
    part = (at - low).astype(np.float32).reshape((-1, 1) if axis == 0 else (1, -1))
    high = np.minimum(low + 1, last)
    return plane.take(low, axis) * (1.0 - part) + plane.take(high, axis) * part
