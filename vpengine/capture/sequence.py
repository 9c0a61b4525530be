"""``sequence``: numbered images of one folder, played as if they were live."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

from pydantic import Field

from vpengine.capture.decoding import Decoder
from vpengine.capture.pace import Pace, Schedule
from vpengine.capture.pictures import captured
from vpengine.capture.source import BrokenError, EndedError, LostError
from vpengine.frames.captured import CapturedFrame
from vpengine.stage.settings import ExistingFile, Rate
from vpengine.stage.settings import Settings as Section
from vpengine.view.timecode import timecode_of

NUMBERED = re.compile(r"(.*?)([0-9]+)(\.[A-Za-z0-9]+)")
# Display-referred, as a camera's picture is: EXR and HDR hold scene-linear light and are plates.
READERS = {
    ".png": "png_pipe",
    ".jpg": "jpeg_pipe",
    ".jpeg": "jpeg_pipe",
    ".tif": "tiff_pipe",
    ".tiff": "tiff_pipe",
    ".dpx": "dpx_pipe",
    ".bmp": "bmp_pipe",
}


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

    @property
    def title(self) -> str:
        return f'sequence "{self.settings.first.name}"'

    def open(self) -> Fraction:
        self._files = self._found()
        self._place, self._loops = 0, 0
        self._schedule = Schedule(self.settings.rate, self._pace)
        return self.settings.rate

    def _found(self) -> list[tuple[int, Path]]:
        first = self.settings.first
        named = NUMBERED.fullmatch(first.name)
        if named is None or first.suffix.lower() not in READERS:
            kinds = ", ".join(READERS)
            raise LostError(f"{self.title}: is no numbered image, such as shot_0001.png (allowed: {kinds})")
        head, number, suffix = named.groups()
        try:
            beside = [(NUMBERED.fullmatch(path.name), path) for path in first.parent.iterdir()]
        except OSError as error:
            raise LostError(f"{self.title}: its folder cannot be read ({error.strerror})") from error
        numbered = [(int(found[2]), path) for found, path in beside if found and (found[1], found[3]) == (head, suffix)]
        files = sorted(pair for pair in numbered if pair[0] >= int(number))
        if not files:
            raise LostError(f"{self.title}: there is no such image any more")
        return files

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
        try:
            decoder = Decoder(
                str(path),
                f'image "{path.name}"',
                format=READERS[path.suffix.lower()],
                options={"protocol_whitelist": "file"},
            )
        except LostError as error:
            raise BrokenError(str(error)) from error
        try:
            frame = decoder.next()
        except LostError as error:
            raise BrokenError(str(error)) from error
        finally:
            decoder.close()
        if frame is None:
            raise BrokenError(f'image "{path.name}": holds no picture')
        return captured(frame, self._schedule.time_s(index), timecode_of(number, self.settings.rate))

    def close(self) -> None:
        self._files = []
