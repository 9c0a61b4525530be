"""``sequence``: numbered images of one folder, played as if they were live."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from pydantic import Field

from vpengine.capture.pace import Pace, Schedule
from vpengine.capture.source import EndedError
from vpengine.frames.captured import CapturedFrame
from vpengine.media.decoding import LostError
from vpengine.media.images import READERS, image_frame, numbered_images
from vpengine.media.pictures import captured
from vpengine.stage.settings import ExistingFile, Rate
from vpengine.stage.settings import Settings as Section
from vpengine.view.timecode import timecode_of


class SequenceSource:
    """A number that is missing leaves the image before it to be seen a little longer."""

    class Settings(Section):
        """Numbered images (PNG, JPEG, TIFF, DPX, BMP), played as if a camera sent them."""

        first: ExistingFile = Field(
            description="The first image, such as shot_0001.png, relative to this file; the others lie beside it."
        )
        rate: Rate = Field(
            default=Fraction(24),
            description='Pictures a second: a whole number, or text such as "24000/1001".',
            json_schema_extra={"default": 24},
        )
        loop: bool = Field(default=True, description="Begin again at the end.")

    def __init__(self, settings: Settings, pace: Pace) -> None:
        self.settings = settings
        self._pace = pace
        self._files: list[tuple[int, Path]] = []
        self._place = 0

    @staticmethod
    def files(settings: SequenceSource.Settings) -> list[Path]:
        try:
            return [path for _, path in numbered_images(settings.first, READERS, title_of(settings))]
        except LostError:  # its reader says so
            return []

    @property
    def title(self) -> str:
        return title_of(self.settings)

    def open(self) -> Fraction:
        self._files = numbered_images(self.settings.first, READERS, self.title)
        self._place, self._loops = 0, 0
        self._schedule = Schedule(self.settings.rate, self._pace)
        return self.settings.rate

    def read(self) -> CapturedFrame | None:
        if self._place >= len(self._files):
            self._again()
        number, path = self._files[self._place]
        index = self._loops + number - self._files[0][0]
        if not self._schedule.wait(index):
            return None
        self._place += 1
        return self._picture(path, index, number)

    def _again(self) -> None:
        if not self.settings.loop:
            raise EndedError(f"{self.title}: has ended")
        self._loops += self._files[-1][0] - self._files[0][0] + 1
        self._place = 0

    def _picture(self, path: Path, index: int, number: int) -> CapturedFrame:
        """Its number is its timecode: what a sequence's name counts is frames."""
        frame = image_frame(path)
        return captured(frame, self._schedule.time_s(index), timecode_of(number, self.settings.rate))

    def close(self) -> None:
        self._files = []


def title_of(settings: SequenceSource.Settings) -> str:
    return f'sequence "{settings.first.name}"'
