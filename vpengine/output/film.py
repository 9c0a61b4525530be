"""Film: pictures to an H.264 file, encoded on a thread of its own at lower priority."""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import numpy as np
from av.container import OutputContainer
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

from vpengine.errors import UserError

QUEUE_FRAMES = 8  # a full queue makes ``write`` wait: a film made after the run loses no frame
NICE = 10
STUCK_S = 2.5  # without a frame taken or a byte written for so long, the disk or the encoder does not answer
BT709 = 1  # primaries and matrix, ITU-T H.273
SRGB_TRANSFER = 13  # IEC 61966-2-1: what the view transform encodes for


class Film:
    """``write`` a frame at a time, then ``close``. Frames have one size, with even sides (4:2:0).

    Raises UserError where the file cannot be written; an encoder's error, and a disk that does not answer, are raised
    by the next ``write`` or ``close``, once.
    """

    def __init__(self, path: Path, size: tuple[int, int], rate: Fraction, crf: int = 18) -> None:
        if size[0] % 2 or size[1] % 2:
            raise ValueError(f"film of {size[0]} x {size[1]}: both sides must be even")
        if path.exists() and not path.is_file():
            raise UserError(f"film {path}: cannot be written (it is not a file)")
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
        self._reported = False
        self._steps = 0  # frames taken and packets written
        self._thread = threading.Thread(target=self._encode, name=f"film {path.name}", daemon=True)
        self._thread.start()

    def write(self, rgb: NDArray[np.uint8]) -> None:
        """rgb: (height, width, 3) or 4 channels, sRGB-encoded; taken over, and not to be changed afterwards."""
        if rgb.shape[:2] != self._size[::-1] or rgb.dtype != np.uint8:
            raise ValueError(f"film {self.path.name}: {rgb.dtype} {rgb.shape}, expected uint8 of {self._size[::-1]}")
        self._put(rgb)
        self._report()

    def close(self) -> None:
        """Wait until all is encoded, for as long as it goes forward; a second call does nothing."""
        self._put(None)
        self._wait(lambda: self._joined(0.05))
        self._joined(0.2)  # after an error it is at its last line, unless it is stuck
        self._report()

    def __enter__(self) -> Film:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if kind is None:
            self.close()
        else:
            with suppress(UserError):  # what ended the work is told, not what followed from it
                self.close()

    def _put(self, frame: NDArray[np.uint8] | None) -> None:
        self._wait(lambda: self._taken(frame))

    def _taken(self, frame: NDArray[np.uint8] | None) -> bool:
        try:
            self._frames.put(frame, timeout=0.05)
        except queue.Full:
            return False
        return True

    def _joined(self, timeout_s: float) -> bool:
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _wait(self, done: Callable[[], bool]) -> None:
        """Until ``done``, or the thread has ended, or nothing has gone forward for STUCK_S."""
        seen, since_s = self._progress(), time.monotonic()
        while self._thread.is_alive() and self._error is None and not done():
            now = self._progress()
            if now != seen:
                seen, since_s = now, time.monotonic()
            elif time.monotonic() - since_s > STUCK_S:
                self._error = TimeoutError("the disk or the encoder does not answer")

    def _progress(self) -> tuple[int, int]:
        """The file's time as well: at the end its index is moved to the front, which is one call however long."""
        try:
            return self._steps, self.path.stat().st_mtime_ns
        except OSError:
            return self._steps, 0

    def _report(self) -> None:
        if self._error is not None and not self._reported:
            self._reported = True
            why = getattr(self._error, "strerror", None) or self._error
            raise UserError(f"film {self.path}: encoding stopped ({why})") from self._error

    def _encode(self) -> None:
        _lower_priority()
        try:
            self._encode_all()
            self._container.close()
        except Exception as error:  # noqa: BLE001  it is raised where the film is made, by _report
            with suppress(Exception):  # what is there may play
                self._container.close()
            self._error = error

    def _encode_all(self) -> None:
        number = 0
        while (rgb := self._frames.get()) is not None:
            for packet in self._stream.encode(self._frame(rgb, number)):
                self._mux(packet)
            number += 1
            self._steps += 1
        for packet in self._stream.codec_context.encode_lazy(None):  # one at a time: a slow machine is not a stuck one
            packet.stream = self._stream
            self._mux(packet)

    def _mux(self, packet: av.Packet) -> None:
        self._container.mux(packet)
        self._steps += 1

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
