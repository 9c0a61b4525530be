"""Pictures out of anything that FFmpeg opens: container, demuxing and decoding, with its errors in sentences."""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from fractions import Fraction

import av
from av.container import InputContainer

from vpengine.errors import UserError
from vpengine.view.timecode import Timecode, parsed

MOST_DOUBTFUL = 15  # pictures after a broken one; a stream may send no whole picture for minutes (intra refresh)
THREADS = min(4, os.cpu_count() or 1)  # of a file's decoder; the frame and the network need cores too
MATROSKA_DURATION = re.compile(r"([0-9]{1,4}):([0-9]{1,2}):([0-9]{1,2}(?:\.[0-9]{1,12})?)")  # of one stream
# PyAV raises Python's own for much; LookupError where a stream begins that was not there when it was opened.
PYTHON_ERRORS = (av.FFmpegError, OSError, ValueError, LookupError, MemoryError)


class LostError(UserError):
    """What is read cannot be had, or has gone: it may be tried again, after a while."""


class BrokenError(UserError):
    """One picture cannot be used; the next one may be."""


class Decoder:
    """One opened container's first video stream. Raises LostError when there is none, or it cannot be opened."""

    def __init__(
        self,
        url: str,
        what: str,
        *,
        format: str | None = None,
        options: Mapping[str, str] | None = None,
        timeout_s: tuple[float, float] | None = None,
        live: bool = False,
    ) -> None:
        """url: of a file its absolute path, for "16:9.mp4" would have a scheme. what: how sentences call it.
        timeout_s: to open, and to read. live: no picture waits for the next one.
        """
        self._what = what
        try:
            self._container = av.open(url, format=format, options=dict(options or {}), timeout=timeout_s)
        except PYTHON_ERRORS as error:
            raise LostError(f"{what}: cannot be opened ({reason(error)})") from error
        try:
            self._begin(live)
        except BaseException:
            self.close()
            raise

    def _begin(self, live: bool) -> None:
        if not isinstance(self._container, InputContainer) or not self._container.streams.video:
            raise LostError(f"{self._what}: has no picture, only {self._others()}")
        self.stream = self._container.streams.video[0]
        context = self.stream.codec_context
        if context is None:
            raise LostError(f"{self._what}: its pictures are of a codec that FFmpeg does not know")
        context.thread_type = "SLICE" if live else "AUTO"
        context.thread_count = THREADS
        self._start()

    def _start(self) -> None:
        self._packets: Iterator[av.Packet] = self._container.demux(self.stream)
        self._ready: deque[av.VideoFrame] = deque()
        self._doubt = _Doubt()

    def seek(self, pts: int) -> None:
        """Go on with the last picture at or before ``pts`` (in the stream's time base) that is whole by itself.

        Raises LostError where the file cannot be entered anywhere.
        """
        try:
            self._container.seek(pts, stream=self.stream)
        except PYTHON_ERRORS as error:
            raise LostError(f"{self._what}: cannot be entered in the middle ({reason(error)})") from error
        self._start()

    def _others(self) -> str:
        kinds = sorted({stream.type for stream in self._container.streams})
        return " and ".join(kinds) or "an empty file"

    @property
    def rate(self) -> Fraction | None:
        """Pictures a second, as the container says; None where it says nothing sensible."""
        for found in (self.stream.guessed_rate, self.stream.average_rate, self.stream.base_rate):
            if found and 0 < found <= 1000:
                return Fraction(found)
        return None

    @property
    def codec(self) -> str:
        """Its name, and whether each picture is whole by itself."""
        context = self.stream.codec_context
        intra = ", intra" if context.codec.intra_only else ""
        return f"{context.name}{intra}"

    @property
    def pixel_aspect(self) -> Fraction | None:
        """A pixel's width over its height; None where the container says nothing."""
        return self.stream.sample_aspect_ratio or None

    @property
    def seconds(self) -> Fraction | None:
        """How long its pictures last, as the container says; None where it says nothing."""
        if self.stream.duration is not None and self.stream.time_base is not None:
            return self.stream.duration * Fraction(self.stream.time_base)
        told = MATROSKA_DURATION.fullmatch(self.stream.metadata.get("DURATION", ""))
        return 3600 * int(told[1]) + 60 * int(told[2]) + Fraction(told[3]) if told else None

    @property
    def timecode(self) -> Timecode | None:
        """Of the first picture, as the container says (QuickTime's tmcd, MXF)."""
        for notes in (*(stream.metadata for stream in self._container.streams), self._container.metadata):
            with suppress(ValueError):
                return parsed(notes.get("timecode", ""))
        return None

    def next(self) -> av.VideoFrame | None:
        """The next picture; None after the last. Raises BrokenError for one that cannot be decoded, LostError."""
        while not self._ready:
            try:
                packet = next(self._packets, None)
            except PYTHON_ERRORS as error:
                raise LostError(f"{self._what}: reading stopped ({reason(error)})") from error
            if packet is None:
                return None
            self._decode(packet)
        frame = self._ready.popleft()
        if frame.is_corrupt:
            self._doubt.begin(frame.pts)
        if self._doubt.of(frame):
            raise BrokenError(f"{self._what}: a picture came in part, or is made of one that did")
        return frame

    def _decode(self, packet: av.Packet) -> None:
        if packet.is_corrupt:  # MPEG-TS counts its packets; H.264's decoder hides that one is missing
            self._doubt.begin(packet.pts)
        try:
            frames = packet.decode()
        except av.EOFError:
            return
        except PYTHON_ERRORS as error:
            self._doubt.begin(packet.pts)
            raise BrokenError(f"{self._what}: a picture cannot be decoded ({reason(error)})") from error
        self._ready.extend(frame for frame in frames if isinstance(frame, av.VideoFrame))

    def packets(self) -> int:
        """How many there are from here to the end, none of them decoded. Raises LostError."""
        try:
            return sum(1 for packet in self._packets if packet.size)
        except PYTHON_ERRORS as error:
            raise LostError(f"{self._what}: reading stopped ({reason(error)})") from error

    def close(self) -> None:
        with suppress(*PYTHON_ERRORS):  # what it was reading is gone
            self._container.close()


class _Doubt:
    """Which pictures are made of a broken one: those after it, until the next that is whole by itself."""

    def __init__(self) -> None:
        self._left = 0
        self._from: int | None = None

    def begin(self, pts: int | None) -> None:
        self._left, self._from = MOST_DOUBTFUL, pts

    def of(self, frame: av.VideoFrame) -> bool:
        if not self._left or (frame.pts is not None and self._from is not None and frame.pts < self._from):
            return False
        if frame.key_frame and not frame.is_corrupt and frame.pts != self._from:
            self._left = 0
            return False
        self._left -= 1
        return True


def reason(error: BaseException) -> str:
    """Why, in FFmpeg's or the system's words, without the path that the sentence names already."""
    if isinstance(error, av.error.ExitError | av.error.TimeoutError):
        return "nothing came in time"
    said = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(said).split())[:160]
