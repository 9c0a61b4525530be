"""CapturedFrame: a video's picture as it came, in its own pixel format, with when it was captured and its tags."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vpengine.view.timecode import Timecode
from vpengine.view.yuv import Matrix, Range, Siting, chroma_at_full_size, rgb_from_yuv

HD_LINES = 720  # from here on video is BT.709 where nothing else is said; below it is BT.601
MATRICES: dict[Matrix, str] = {"bt601": "BT.601", "bt709": "BT.709", "bt2020": "BT.2020"}


@dataclass(frozen=True)
class PixelFormat:
    """How planes lie in memory. name: FFmpeg's. across, down: how many pixels share a chroma sample, 1 or 2.

    shift: by how many bits a sample is shifted up in its 16 (P010). semi_planar: Cb and Cr share one plane, in turn.
    """

    name: str
    bits: int
    across: int = 1
    down: int = 1
    model: Literal["yuv", "rgb"] = "yuv"
    semi_planar: bool = False
    shift: int = 0

    @property
    def dtype(self) -> type[np.uint8] | type[np.uint16]:
        return np.uint8 if self.bits == 8 else np.uint16

    def shapes(self, size: tuple[int, int]) -> tuple[tuple[int, ...], ...]:
        """Of each plane, for a picture of ``size`` (width, height): (rows, columns) or (rows, columns, channels)."""
        width, height = size
        if self.model == "rgb":
            return ((height, width, 3),)
        rows, columns = -(-height // self.down), -(-width // self.across)
        chroma = ((rows, columns, 2),) if self.semi_planar else ((rows, columns), (rows, columns))
        return ((height, width), *chroma)


def _planar() -> list[PixelFormat]:
    sharing = {"420": (2, 2), "422": (2, 1), "444": (1, 1)}
    ends = {8: "", 10: "10le", 12: "12le"}
    return [
        PixelFormat(f"yuv{name}p{end}", bits, across, down)
        for name, (across, down) in sharing.items()
        for bits, end in ends.items()
    ]


FORMATS = {
    one.name: one
    for one in (
        *_planar(),
        PixelFormat("nv12", 8, 2, 2, semi_planar=True),
        PixelFormat("p010le", 10, 2, 2, semi_planar=True, shift=6),
        PixelFormat("rgb24", 8, model="rgb"),
        PixelFormat("rgb48le", 16, model="rgb"),
    )
}


@dataclass(frozen=True)
class Tags:
    """What a source says of its colours; None where it says nothing, or something that is not known here.

    transfer: as FFmpeg calls it, such as "bt709", "iec61966-2-1" (sRGB), "smpte2084" (PQ), "arib-std-b67" (HLG).
    """

    matrix: Matrix | None = None
    range: Range | None = None
    transfer: str | None = None


@dataclass(frozen=True, eq=False)
class CapturedFrame:
    """planes: read-only arrays in ``format``, row 0 at the top. size: width and height in pixels.

    time_s: when its light was captured, by the engine's monotonic clock. number: of good frames of its source since its
    reader began, so that what a recording left out shows; it never begins again. siting: where chroma samples lie.
    interlaced: its lines are of two moments, in turn.
    """

    planes: tuple[NDArray[Any], ...]
    format: PixelFormat
    size: tuple[int, int]
    tags: Tags
    time_s: float
    number: int = 0
    timecode: Timecode | None = None
    siting: Siting = "left"
    interlaced: bool = False

    @property
    def matrix(self) -> Matrix:
        """As tagged; without a tag the one that is usual for so many lines."""
        return self.tags.matrix or usual_matrix(self.size[1])

    @property
    def range(self) -> Range:
        """As tagged; without a tag limited for Y'CbCr and full for R'G'B'."""
        return self.tags.range or ("full" if self.format.model == "rgb" else "limited")

    @property
    def nbytes(self) -> int:
        return sum(plane.nbytes for plane in self.planes)


def cropped(frame: CapturedFrame, left: int, top: int, right: int, bottom: int) -> CapturedFrame:
    """The part of a frame between these edges, in pixels; a little more where pixels share their chroma."""
    kind, (width, height) = frame.format, frame.size
    first_column, first_row = left // kind.across, top // kind.down
    last_column, last_row = -(-right // kind.across), -(-bottom // kind.down)
    left, top = first_column * kind.across, first_row * kind.down
    right, bottom = min(last_column * kind.across, width), min(last_row * kind.down, height)
    luma, *chroma = frame.planes
    shared = [plane[first_row:last_row, first_column:last_column] for plane in chroma]
    tags = replace(frame.tags, matrix=frame.matrix)  # what is usual for so few lines may be another
    return replace(frame, planes=(luma[top:bottom, left:right], *shared), size=(right - left, bottom - top), tags=tags)


def turned(frame: CapturedFrame, quarters: int) -> CapturedFrame:
    """The frame turned counter-clockwise by so many quarters. Where pixels that share chroma lie beside each other and
    not in a square, each has its own then.
    """
    if quarters % 4 == 0:
        return frame
    kind, (width, height) = frame.format, frame.size
    luma, *chroma = frame.planes
    if kind.across != kind.down and quarters % 2:
        chroma = [np.repeat(plane, kind.across, axis=1)[:, :width] for plane in chroma]
        kind = FORMATS[kind.name.replace("422", "444")]
    planes = tuple(np.ascontiguousarray(np.rot90(plane, quarters)) for plane in (luma, *chroma))
    for plane in planes:
        plane.flags.writeable = False
    tags = replace(frame.tags, matrix=frame.matrix)  # as its lines were counted before
    size = (height, width) if quarters % 2 else (width, height)
    siting: Siting = "center"  # half a pixel from where it is now, and what was left is not left any more
    return replace(frame, planes=planes, format=kind, size=size, tags=tags, siting=siting)


def usual_matrix(lines: int) -> Matrix:
    return "bt709" if lines >= HD_LINES else "bt601"


def rgb_of(frame: CapturedFrame) -> NDArray[np.float32]:
    """(height, width, 3) non-linear R'G'B', black 0 and white 1; what lies beyond is kept (see view.yuv).

    The reference for the shader that does the same, and for tests; not for every frame of a show.
    """
    kind = frame.format
    if kind.model == "rgb":
        low, span = _rgb_scale(kind.bits, frame.range)
        scaled: NDArray[np.float32] = (frame.planes[0].astype(np.float32) - low) / span
        return scaled
    luma, *chroma = (plane >> kind.shift if kind.shift else plane for plane in frame.planes)
    if kind.semi_planar:
        chroma = [chroma[0][..., 0], chroma[0][..., 1]]
    full = [chroma_at_full_size(plane, frame.size, kind.across, kind.down, frame.siting) for plane in chroma]
    yuv = np.stack([luma.astype(np.float32), *full], axis=-1)
    return rgb_from_yuv(yuv, kind.bits, frame.matrix, frame.range).astype(np.float32)


def _rgb_scale(bits: int, range_: Range) -> tuple[np.float32, np.float32]:
    """Code values of black, and from black to white."""
    unit = 1 << (bits - 8)
    return (
        (np.float32(16 * unit), np.float32(219 * unit))
        if range_ == "limited"
        else (
            np.float32(0),
            np.float32((1 << bits) - 1),
        )
    )
