"""``file``: a film played as if it were live, at any rate, looped, to the engine's clock."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
from pydantic import Field

from vpengine.capture.pace import Pace, Schedule
from vpengine.capture.source import EndedError
from vpengine.frames.captured import CapturedFrame
from vpengine.media.containers import OPTIONS, USUAL_RATE, Places
from vpengine.media.decoding import Decoder, LostError
from vpengine.media.pictures import captured
from vpengine.stage.settings import ExistingFile, Rate
from vpengine.stage.settings import Settings as Section
from vpengine.view.timecode import Timecode, label_rate, number_of, timecode_of


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

    @staticmethod
    def files(settings: FileSource.Settings) -> list[Path]:
        return [settings.file]

    @property
    def title(self) -> str:
        return f'file "{self.settings.file.name}"'

    def open(self) -> Fraction:
        self.close()
        decoder = self._begin()
        self._own_rate = decoder.rate or USUAL_RATE
        self._rate = self.settings.rate or self._own_rate
        self._first_timecode = decoder.timecode
        self._base = Fraction(0)
        self._schedule = Schedule(self._rate, self._pace)
        return self._rate

    def _begin(self) -> Decoder:
        """The film from its first picture on."""
        self._end()
        self._decoder = Decoder(str(self.settings.file.absolute()), self.title, options=OPTIONS)
        self._places = Places(self._decoder.rate or USUAL_RATE)
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
            return self._places.of(frame), frame
        if not self._places.found:
            raise LostError(f"{self.title}: holds no picture that can be decoded")
        if not self.settings.loop:
            raise EndedError(f"{self.title}: has ended")
        self._base += self._places.next
        self._begin()
        return self._decode()

    def _timecode(self, index: Fraction) -> Timecode | None:
        """Counted from the container's; each loop begins with it again."""
        if self._first_timecode is None:
            return None
        rate = label_rate(self._first_timecode, self._own_rate)
        try:
            number = number_of(self._first_timecode, rate)
        except ValueError:  # a label that its rate does not have
            return None
        return timecode_of(number + int(index), rate)

    def _end(self) -> None:
        if self._decoder is not None:
            self._decoder.close()
        self._decoder = None

    def close(self) -> None:
        self._end()
        self._waiting = None
