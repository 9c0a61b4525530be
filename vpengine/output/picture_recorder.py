"""PictureRecorder: a camera's own pictures, every one, losslessly in its own pixel format, while they come.

    NAME.mkv                 FFV1; what did not come, or was lost, leaves its place empty: what follows is in time
    NAME.pictures.jsonl      a line a picture: frame (from 1), number, when captured, timecode, where it is interlaced

A picture has the place after the one before, or a later one where it is more than half a place late: the clock counts
from the file's first, so that jitter makes no holes and a source that is slower than it says stays in time.
A source that comes back with another size, format or rate begins another file. Where chroma samples share a plane, or
lie shifted in their 16 bits (NV12, P010), they are laid out as FFV1 wants them: the samples are the same.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import av
import numpy as np
from av.video.reformatter import ColorRange
from numpy.typing import NDArray

from vpengine.frames.captured import CapturedFrame
from vpengine.output.codecs import BT709, RGB, captured_codec
from vpengine.output.encoding import lower_priority, why
from vpengine.output.recording_files import release_stem, reserved_stem
from vpengine.output.video_file import Numbered, VideoFile

log = logging.getLogger(__name__)

POLL_S = 0.02  # how often it is asked whether there is a picture: the tap holds several, however large
CLOSE_S = 2.0
SUFFIX = ".mkv"

# ITU-T H.273.
MATRICES = {"bt601": 6, "bt709": BT709, "bt2020": 9}
PRIMARIES = {"bt601": 6, "bt709": 1, "bt2020": 9}
TRANSFERS = {
    "bt709": 1,
    "gamma22": 4,
    "gamma28": 5,
    "smpte170m": 6,
    "linear": 8,
    "iec61966-2-1": 13,
    "bt2020-10": 14,
    "bt2020-12": 15,
    "smpte2084": 16,
    "arib-std-b67": 18,
}
RANGES = {"limited": ColorRange.MPEG, "full": ColorRange.JPEG}


class Taken(Protocol):
    """What pictures are taken from: a ``capture.ring.Tap``."""

    @property
    def dropped(self) -> int:
        """Pictures that found no room in it."""

    def next(self) -> CapturedFrame | None:
        """The oldest that waits; None where none does."""


class PictureRecorder:
    """Records from when it is made until ``close``. Whatever goes wrong ends it with one sentence, and not the show.

    The tap is its own, bounded, and fills when encoder or disk are too slow: then pictures are lost, the newest first,
    and counted. frames: that are in the files. lost: that are missing between them, by their times and numbers, and
    after them; an outage of the camera's as well.
    """

    def __init__(
        self,
        tap: Taken,
        stem: Path | Callable[[], Path | None],
        rate: Fraction,
        name: str = "camera",
        said_rate: Callable[[], Fraction | None] = lambda: None,
    ) -> None:
        """stem: where files go, without a suffix; a numbered one where they are there. A function is asked in the
        recorder's thread, when the first picture is there; None where they can go nowhere. said_rate: pictures a second
        as the source says, asked with each; while it says none what it said last goes on, and ``rate`` before that.
        """
        self._tap, self._stem, self._rate, self._name = tap, stem, rate, name
        self._said_rate = said_rate
        self.frames = 0
        self.error: Exception | None = None
        self.paths: list[Path] = []
        self._next = 0  # the number that is to come
        self._missed = self._missed_numbers = 0  # all that are missing before what came; those that the tap left out
        self._file: _PictureFile | None = None
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"record {name}", daemon=True)
        self._thread.start()

    @property
    def lost(self) -> int:
        return self._missed + max(self._tap.dropped - self._missed_numbers, 0)

    def end(self) -> None:
        """What is in the tap now is the last. Never waits."""
        self._ending.set()

    def joined(self, limit_s: float) -> bool:
        """Whether all is written, within so long."""
        self._thread.join(limit_s)
        return not self._thread.is_alive()

    def wait(self) -> None:
        """Until all is written, but no longer than a run's end may take."""
        if not self.joined(CLOSE_S):
            log.error("recording %s: the disk or the encoder does not answer; its end is lost.", self._name)

    def close(self) -> None:
        """A second call does nothing."""
        self.end()
        self.wait()

    def report(self) -> list[dict[str, object]]:
        """As ``output.Finishing`` has it."""
        return [
            {
                "feed": self._name,
                "format": "ffv1",
                "files": [str(path) for path in self.paths],
                "frames": self.frames,
                "dropped": self.lost,
                "whole": self.error is None,
            }
        ]

    def _run(self) -> None:
        lower_priority()
        try:
            ending = False
            while not ending:
                ending = self._ending.wait(POLL_S)
                while (frame := self._tap.next()) is not None:
                    self._write(frame)
            self._close_file()
        except Exception as error:  # noqa: BLE001  this thread has nobody above it
            self.error = error
            with suppress(Exception):  # what is there plays
                self._close_file()
            ends = f"it ends after {self.frames} pictures, which can be played" if self.frames else "it is not recorded"
            log.error("recording %s: %s; %s, and the next take is tried again.", self._name, why(error), ends)
            self._pass_over()
        if self.lost and self.error is None:
            self._tell_missing()

    def _tell_missing(self) -> None:
        """A camera's outage is not the disk's fault."""
        slow = max(self._tap.dropped, self._missed_numbers)
        log.warning(
            "recording %s: %d pictures are missing: %d as disk or machine are too slow, %d did not come in time.",
            self._name,
            self.lost,
            slow,
            self.lost - slow,
        )

    def _write(self, frame: CapturedFrame) -> None:
        self._rate = self._said_rate() or self._rate
        self._miss_before(frame)
        if self._file is None or not self._file.takes(frame, self._rate):
            self._close_file()
            self._file = self._begun(frame)
            self.paths.append(self._file.path)
        self._file.write(frame)
        self._next = frame.number + 1
        self.frames += 1

    def _miss_before(self, frame: CapturedFrame) -> None:
        if self._file is not None:  # else it is the first
            numbers = max(frame.number - self._next, 0)
            self._missed += max(self._file.place_of(frame) - self._file.next, numbers)
            self._missed_numbers += numbers
        self._next = frame.number

    def _begun(self, first: CapturedFrame) -> _PictureFile:
        stem = reserved_stem(self._where(), SUFFIX)
        try:
            return _PictureFile(stem, first, self._rate, self._name)
        except Exception:
            release_stem(stem, SUFFIX)
            raise

    def _pass_over(self) -> None:
        """What comes after a failure is counted and let go: a full tap would hold its pictures until the take ends."""
        ending = False
        while not ending:
            ending = self._ending.wait(POLL_S)
            while (frame := self._tap.next()) is not None:
                numbers = frame.number - self._next if self.frames else 0
                self._missed += numbers + 1
                self._missed_numbers += numbers
                self._next = frame.number + 1

    def _where(self) -> Path:
        found = self._stem() if callable(self._stem) else self._stem
        if found is None:
            raise OSError("its take has no folder")
        return found

    def _close_file(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()


class _PictureFile:
    """Pictures of one size, format and rate. next: the place after the last, from 0."""

    def __init__(self, stem: Path, first: CapturedFrame, rate: Fraction, name: str) -> None:
        self._kind, self._rate = _kind_of(first), rate
        self._first_s, self.next = first.time_s, 0
        self.path = stem.with_name(stem.name + SUFFIX)
        planar, _ = LAID_OUT.get(first.format.name, (first.format.name, None))
        is_rgb = first.format.model == "rgb"
        transfer = TRANSFERS.get(first.tags.transfer) if first.tags.transfer else None
        codec = captured_codec(
            planar,
            RGB if is_rgb else MATRICES[first.matrix],
            transfer,
            RANGES[first.range],
            None if is_rgb else PRIMARIES[first.matrix],
        )
        self._video = VideoFile(self.path, codec, first.size, rate, _metadata(first, name))
        try:
            beside = stem.with_name(stem.name + ".pictures.jsonl")
            self._lines = beside.open("w", encoding="utf-8", buffering=1)
        except OSError:
            self._video.close()
            raise

    def takes(self, frame: CapturedFrame, rate: Fraction) -> bool:
        return _kind_of(frame) == self._kind and rate == self._rate

    def place_of(self, frame: CapturedFrame) -> int:
        """Where it is to go. By the time from the first, and not from the one before: rounding does not add up."""
        return max(self.next, round((frame.time_s - self._first_s) * float(self._rate)))

    def write(self, frame: CapturedFrame) -> None:
        place = self.place_of(frame)
        self._video.write(Numbered(place, partial(video_frame, frame)))
        self.next = place + 1
        line: dict[str, object] = {"frame": place + 1, "number": frame.number, "time_s": frame.time_s}
        if frame.timecode is not None:
            line["timecode"] = str(frame.timecode)
        if frame.interlaced:
            line["interlaced"] = True
        self._lines.write(json.dumps(line) + "\n")

    def close(self) -> None:
        try:
            self._video.finish()
        finally:
            self._lines.close()
            self._video.close()


def _kind_of(frame: CapturedFrame) -> tuple[object, ...]:
    """Whether it is interlaced is each picture's own: H.264 and telecine go to and fro."""
    return frame.format, frame.size, frame.matrix, frame.range, frame.tags, frame.siting


def _metadata(first: CapturedFrame, name: str) -> Mapping[str, str]:
    """captured: seconds of the clock of the wall, for people; the exact times are in the lines beside it."""
    captured_s = time.time() - time.monotonic() + first.time_s
    said = {
        "title": name,
        "comment": f"pixel format {first.format.name}, chroma sited {first.siting}",
        "captured": f"{captured_s:.6f}",
    }
    return said | ({"timecode": str(first.timecode)} if first.timecode is not None else {})


def _rgb24_as_bgr0(planes: tuple[NDArray[Any], ...]) -> tuple[NDArray[Any], ...]:
    rgb = planes[0]
    out = np.empty((*rgb.shape[:2], 4), np.uint8)
    out[..., :3], out[..., 3] = rgb[..., ::-1], 255
    return (out.reshape(rgb.shape[0], -1),)


def _rgb48_as_planes(planes: tuple[NDArray[Any], ...]) -> tuple[NDArray[Any], ...]:
    return tuple(planes[0][..., index] for index in (1, 2, 0))  # green, blue, red


def _nv12_as_planes(planes: tuple[NDArray[Any], ...]) -> tuple[NDArray[Any], ...]:
    luma, chroma = planes
    return luma, chroma[..., 0], chroma[..., 1]


def _p010_as_planes(planes: tuple[NDArray[Any], ...]) -> tuple[NDArray[Any], ...]:
    return tuple(plane >> 6 for plane in _nv12_as_planes(planes))


# Formats that FFV1 has in another layout: its name there, and the planes.
LAID_OUT: Mapping[str, tuple[str, Callable[[tuple[NDArray[Any], ...]], tuple[NDArray[Any], ...]]]] = {
    "nv12": ("yuv420p", _nv12_as_planes),
    "p010le": ("yuv420p10le", _p010_as_planes),
    "rgb24": ("bgr0", _rgb24_as_bgr0),
    "rgb48le": ("gbrp16le", _rgb48_as_planes),
}


def video_frame(frame: CapturedFrame) -> av.VideoFrame:
    """The same samples as a frame of FFmpeg's."""
    name, lay_out = LAID_OUT.get(frame.format.name, (frame.format.name, tuple))
    made = av.VideoFrame(*frame.size, name)
    for plane, samples in zip(made.planes, lay_out(frame.planes), strict=True):
        _fill(plane, samples)
    return made


def _fill(plane: Any, samples: NDArray[Any]) -> None:
    """Rows in memory are longer than a picture's."""
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    data = np.ascontiguousarray(samples).view(np.uint8).reshape(samples.shape[0], -1)
    rows[: data.shape[0], : data.shape[1]] = data
