"""From FFmpeg's frames to ours: planes copied as they are, tags read, timecode found."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange, ColorTrc
from numpy.typing import NDArray

from vpengine.frames.captured import FORMATS, CapturedFrame, PixelFormat, Tags, turned
from vpengine.view.timecode import Timecode, parsed
from vpengine.view.yuv import Matrix, Range, Siting

# Rec. ITU-T H.273 table 4; 5 and 6 are BT.601's of 625 and 525 lines, with the same coefficients.
MATRIX_CODES: dict[int, Matrix] = {1: "bt709", 5: "bt601", 6: "bt601", 9: "bt2020"}
RANGES: dict[int, Range] = {int(ColorRange.MPEG): "limited", int(ColorRange.JPEG): "full"}
TRANSFERS = {
    int(ColorTrc.BT709): "bt709",
    int(ColorTrc.GAMMA22): "gamma22",
    int(ColorTrc.GAMMA28): "gamma28",
    int(ColorTrc.SMPTE170M): "smpte170m",
    int(ColorTrc.SMPTE240M): "smpte240m",
    int(ColorTrc.LINEAR): "linear",
    int(ColorTrc.LOG): "log100",
    int(ColorTrc.LOG_SQRT): "log316",
    int(ColorTrc.IEC61966_2_4): "iec61966-2-4",
    int(ColorTrc.BT1361_ECG): "bt1361e",
    int(ColorTrc.IEC61966_2_1): "iec61966-2-1",
    int(ColorTrc.BT2020_10): "bt2020-10",
    int(ColorTrc.BT2020_12): "bt2020-12",
    int(ColorTrc.SMPTE2084): "smpte2084",
    int(ColorTrc.SMPTE428): "smpte428",
    int(ColorTrc.ARIB_STD_B67): "arib-std-b67",
}
# FFmpeg's older names for full range in the same layout.
OF_JPEG = {"yuvj420p": "yuv420p", "yuvj422p": "yuv422p", "yuvj444p": "yuv444p"}
REPACKED = {"yuyv422": "yuv422p", "uyvy422": "yuv422p", "yvyu422": "yuv422p", "nv16": "yuv422p", "nv21": "nv12"}


def captured(frame: av.VideoFrame, time_s: float, timecode: Timecode | None = None) -> CapturedFrame:
    """``frame`` in the same pixel format, or in the nearest that is known here, without a change of matrix or range.

    It is turned as its file says.
    """
    of_jpeg = frame.format.name in OF_JPEG
    tags = tags_of(frame)
    if of_jpeg or (tags.range is None and _is_grey(frame.format)):
        tags = replace(tags, range="full")
    known = frame if of_jpeg or frame.format.name in FORMATS else _repacked(frame)
    kind = FORMATS[OF_JPEG.get(known.format.name, known.format.name)]
    size = (known.width, known.height)
    planes = tuple(_plane(known.planes[n], shape, kind) for n, shape in enumerate(kind.shapes(size)))
    siting: Siting = "center" if of_jpeg else "left"
    label = timecode_in(frame) or timecode
    lying = CapturedFrame(planes, kind, size, tags, time_s, 0, label, siting, bool(frame.interlaced_frame))
    return turned(lying, quarters_of(frame))


def quarters_of(frame: av.VideoFrame) -> int:
    """How often its file says that it is to be turned counter-clockwise by a right angle: as the camera was held."""
    return round(frame.rotation / 90.0) % 4


def tags_of(frame: av.VideoFrame) -> Tags:
    return Tags(
        MATRIX_CODES.get(int(frame.colorspace)),
        RANGES.get(int(frame.color_range)),
        TRANSFERS.get(int(frame.color_trc)),
    )


def timecode_in(frame: av.VideoFrame) -> Timecode | None:
    """What the picture itself carries: SMPTE ST 12-1 in H.264's and HEVC's SEI, or MPEG-2's at a group's start."""
    try:
        return parsed(str(frame.metadata.get("timecode", "")))
    except ValueError:
        return None


def _repacked(frame: av.VideoFrame) -> av.VideoFrame:
    """Another layout of the same samples; where there is none here, more bits and less sharing, never fewer."""
    name = REPACKED.get(frame.format.name) or _nearest(frame.format)
    rgb = name.startswith("rgb")
    # Both ranges are named alike, so that no code value is stretched; untagged ones would be guessed at. FFmpeg itself
    # takes grey for full range, and would squeeze it.
    full = rgb or _is_grey(frame.format)
    same = frame.color_range if int(frame.color_range) in RANGES else (ColorRange.JPEG if full else ColorRange.MPEG)
    return frame.reformat(format=name, src_color_range=same, dst_color_range=same)


def _is_grey(found: Any) -> bool:
    """One component, and perhaps alpha: of pictures, and of cameras that see no colour."""
    return len(found.components) <= 2 and not found.is_rgb and not found.has_palette


def _nearest(found: Any) -> str:
    bits = max(component.bits for component in found.components)
    if found.is_rgb or found.has_palette:
        return "rgb24" if bits <= 8 else "rgb48le"
    return "yuv444p" if bits <= 8 else "yuv444p10le" if bits <= 10 else "yuv444p12le"


def _plane(plane: Any, shape: tuple[int, ...], kind: PixelFormat) -> NDArray[Any]:
    """A copy without the padding at the ends of lines, which nobody may write to."""
    rows = np.frombuffer(plane, kind.dtype).reshape(-1, plane.line_size // np.dtype(kind.dtype).itemsize)
    samples = int(np.prod(shape[1:]))
    copied: NDArray[Any] = rows[: shape[0], :samples].reshape(shape).copy()
    copied.flags.writeable = False
    return copied
