"""``file``: a film played as if it were live, at any rate, looped, to the engine's clock."""

from __future__ import annotations

from fractions import Fraction

import av
from pydantic import Field

from vpengine.capture.decoding import Decoder
from vpengine.capture.pace import Pace, Schedule
from vpengine.capture.pictures import captured
from vpengine.capture.source import EndedError, LostError
from vpengine.frames.captured import CapturedFrame
from vpengine.stage.settings import ExistingFile, Rate
from vpengine.stage.settings import Settings as Section
from vpengine.view.timecode import Timecode, number_of, timecode_of

HOLE_S = 5  # in timestamps; what is longer is no hole, but another count
NEAR = Fraction(1, 10)  # of a picture's time: Matroska rounds to milliseconds
# What a film is. A play list, which FFmpeg reads too, would open other files and addresses.
CONTAINERS = "mov,mp4,matroska,webm,mxf,avi,mpegts,mpeg,mpegvideo,nut,ivf,h264,hevc,dv,flv,gif,yuv4mpegpipe,obu,av1"
OPTIONS = {"protocol_whitelist": "file", "format_whitelist": CONTAINERS}


class FileSource:
    """Frame n of a loop is due at its start + n / rate, whatever the decoder's and the thread's jitter."""

    class Settings(Section):
        """A film, played as if a camera sent it: to try a stage, a key or a grade without a camera."""

        file: ExistingFile = Field(description="The film, relative to this file.")
        rate: Rate | None = Field(
            default=None,
            description='Pictures a second, whatever the film says: a whole number, or text such as "24000/1001".',
        )
        loop: bool = Field(default=True, description="Begin again at the end.")

    def __init__(self, settings: Settings, pace: Pace) -> None:
        self.settings = settings
        self._pace = pace
        self._decoder: Decoder | None = None
        self._waiting: tuple[Fraction, av.VideoFrame] | None = None  # decoded, and not due yet

    @property
    def title(self) -> str:
        return f'file "{self.settings.file.name}"'

    def open(self) -> Fraction:
        self.close()
        decoder = self._begin()
        self._own_rate = decoder.rate or Fraction(25)
        self._rate = self.settings.rate or self._own_rate
        self._first_timecode = decoder.timecode
        self._base = Fraction(0)
        self._schedule = Schedule(self._rate, self._pace)
        return self._rate

    def _begin(self) -> Decoder:
        """The film from its first picture on."""
        self._end()
        self._decoder = Decoder(str(self.settings.file), self.title, options=OPTIONS)
        self._first: Fraction | None = None
        self._decoded = 0
        self._next = Fraction(0)
        return self._decoder

    def read(self) -> CapturedFrame | None:
        if self._waiting is None:
            self._waiting = self._decode()
        index, frame = self._waiting
        place = self._base + index
        if not self._schedule.wait(place):
            return None
        self._waiting = None
        return captured(frame, self._schedule.time_s(place), self._timecode(index))

    def _decode(self) -> tuple[Fraction, av.VideoFrame]:
        if self._decoder is None:
            raise LostError(f"{self.title}: is not open")
        frame = self._decoder.next()
        if frame is not None:
            return self._index(frame), frame
        if self._decoded == 0:
            raise LostError(f"{self.title}: holds no picture that can be decoded")
        if not self.settings.loop:
            raise EndedError(f"{self.title}: has ended")
        self._base += self._next
        self._begin()
        return self._decode()

    def _index(self, frame: av.VideoFrame) -> Fraction:
        """Its place in the film, in pictures from 0: whole, but where the film's own rate varies."""
        index = Fraction(self._decoded)
        self._decoded += 1
        if frame.pts is not None and frame.time_base:
            at = frame.pts * Fraction(frame.time_base) * self._own_rate
            self._first = at if self._first is None else self._first
            if not -1 <= at - self._first - self._next <= HOLE_S * self._own_rate:
                self._first = at - self._next  # timestamps begin again: films that were joined
            index = _snapped(at - self._first)
        self._next = index + 1
        return index

    def _timecode(self, index: Fraction) -> Timecode | None:
        """Counted from the container's; each loop begins with it again."""
        if self._first_timecode is None:
            return None
        try:
            number = number_of(self._first_timecode, self._own_rate)
        except ValueError:  # a label that its rate does not have
            return None
        return timecode_of(number + int(index), self._own_rate)

    def _end(self) -> None:
        if self._decoder is not None:
            self._decoder.close()
        self._decoder = None

    def close(self) -> None:
        self._end()
        self._waiting = None


def _snapped(index: Fraction) -> Fraction:
    """A whole number of pictures where it is one but for the rounding of timestamps."""
    whole = Fraction(round(index))
    return whole if abs(index - whole) <= NEAR else index
