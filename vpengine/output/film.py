"""Film: pictures to an H.264 file, encoded on a thread of its own at lower priority."""

from __future__ import annotations

import os
import queue
import sys
import threading
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

from vpengine.errors import UserError

QUEUE_FRAMES = 8  # a full queue makes ``write`` wait: a film made after the run loses no frame
NICE = 10
BT709 = 1  # primaries and matrix, ITU-T H.273
SRGB_TRANSFER = 13  # IEC 61966-2-1: what the view transform encodes for


class Film:
    """``write`` a frame at a time, then ``close``. Frames have one size, with even sides (4:2:0).

    Raises UserError where the file cannot be written; an encoder's error is raised by the next ``write`` or ``close``.
    """

    def __init__(self, path: Path, size: tuple[int, int], rate: Fraction, crf: int = 18) -> None:
        if size[0] % 2 or size[1] % 2:
            raise ValueError(f"film of {size[0]} x {size[1]}: both sides must be even")
        self.path = path
        self._size = size
        self._frame_s = 1 / rate  # the stream takes another time base when its header is written
        try:
            self._container = av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"})
            self._stream = _h264_stream(self._container, size, rate, crf)
            self._container.start_encoding()
        except (OSError, av.FFmpegError) as error:
            raise UserError(f"film {path}: cannot be written ({error})") from error
        self._frames: queue.Queue[NDArray[np.uint8] | None] = queue.Queue(QUEUE_FRAMES)
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._encode, name=f"film {path.name}", daemon=True)
        self._thread.start()

    def write(self, rgb: NDArray[np.uint8]) -> None:
        """rgb: (height, width, 3) or 4 channels, sRGB-encoded; taken over, and not to be changed afterwards."""
        if rgb.shape[:2] != self._size[::-1] or rgb.dtype != np.uint8:
            raise ValueError(f"film {self.path.name}: {rgb.dtype} {rgb.shape}, expected uint8 of {self._size[::-1]}")
        self._frames.put(rgb)
        self._report()

    def close(self) -> None:
        """Wait until all is encoded; a second call does nothing."""
        if self._thread.is_alive():
            self._frames.put(None)
            self._thread.join()
        self._report()

    def __enter__(self) -> Film:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _report(self) -> None:
        if self._error is not None:
            error, self._error = self._error, None
            raise UserError(f"film {self.path}: encoding stopped ({error})") from error

    def _encode(self) -> None:
        _lower_priority()
        try:
            number = 0
            while (rgb := self._frames.get()) is not None:
                self._container.mux(self._stream.encode(self._frame(rgb, number)))
                number += 1
            self._container.mux(self._stream.encode(None))
            self._container.close()
        except Exception as error:  # noqa: BLE001  it is raised where the film is made, by _report
            self._error = error
            while self._frames.get() is not None:  # a writer must not wait for ever
                pass

    def _frame(self, rgb: NDArray[np.uint8], number: int) -> av.VideoFrame:
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb[..., :3]), format="rgb24")
        # Without a stated matrix the conversion would be BT.601's, and every colour a little off.
        frame = frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)
        frame.pts = number
        frame.time_base = self._frame_s
        return frame


def _h264_stream(container: OutputContainer, size: tuple[int, int], rate: Fraction, crf: int) -> av.VideoStream:
    stream = container.add_stream("libx264", rate=rate, options={"preset": "veryfast", "crf": str(crf)})
    stream.width, stream.height = size
    stream.pix_fmt = "yuv420p"
    context = stream.codec_context
    context.color_primaries = context.colorspace = BT709
    context.color_trc = SRGB_TRANSFER
    context.color_range = ColorRange.MPEG
    return stream


def _lower_priority() -> None:
    """Of this thread alone, where the system can (Linux)."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
