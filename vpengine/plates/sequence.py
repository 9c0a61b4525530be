"""The sequence plate: numbered images on a flat card, as a render or a scan delivers them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from pydantic import Field

from vpengine.errors import UserError
from vpengine.frames.captured import CapturedFrame, Tags
from vpengine.media.clips import ImageClip
from vpengine.media.decoding import BrokenError
from vpengine.media.images import READERS, image_frame, numbered_images
from vpengine.media.pictures import captured
from vpengine.plates.clip_card import ClipCard, ClipSettings, Light, space_problems
from vpengine.plates.image_file import has_alpha, picture_problems, picture_size, read_picture
from vpengine.stage.settings import ExistingFile, Rate

OF_FLOATS = (".exr", ".hdr")
KINDS = (*OF_FLOATS, *READERS)
SRGB = "iec61966-2-1"  # as FFmpeg calls it: what an image is that says nothing
GAMMA_22 = "gamma22"  # how PNG files spell sRGB's curve that cannot say it otherwise; a still takes it for that too


class SequenceSettings(ClipSettings):
    """Which images, how they play, and where their card hangs."""

    first: ExistingFile = Field(
        description="The first image, such as shot_0001.exr: EXR, HDR, PNG, JPEG, TIFF, DPX or BMP. The others lie "
        "beside it; a number that is missing leaves the image before it a little longer."
    )
    rate: Rate = Field(
        Fraction(24),
        description='Pictures a second: a whole number, or text such as "24000/1001".',
        json_schema_extra={"default": 24},
    )
    color_space: str | None = Field(
        None,
        description="The images' OpenColorIO colour space; by default what they say, else sRGB; of EXR, linear.",
    )


class Sequence(ClipCard):
    """EXR, HDR and what has alpha come as light, with OpenColorIO; others like video, and become light in a shader."""

    Settings = SequenceSettings

    def __init__(self, settings: SequenceSettings) -> None:
        self._space = settings.color_space
        title = f'sequence "{settings.first.name}"'
        files = numbered_images(settings.first, KINDS, title)
        as_light = _comes_as_light(settings.first)
        read: Callable[[Path], CapturedFrame | Light] = _light_reader(settings) if as_light else _video_of
        width, height = picture_size(settings.first) if as_light else _video_of(settings.first).size
        super().__init__(ImageClip(files, settings.rate, width / height, read), settings, title)

    def color_space(self) -> str:
        return self._space or "tagged"

    @staticmethod
    def check(settings: SequenceSettings) -> list[tuple[str, str]]:
        """What is wrong with the images, as far as the first one shows: (key, sentence) pairs."""
        if _comes_as_light(settings.first):
            pairs = picture_problems(settings.first, settings.color_space)
            return [("first" if key == "file" else key, sentence) for key, sentence in pairs]
        try:
            numbered_images(settings.first, KINDS, f'sequence "{settings.first.name}"')
            image_frame(settings.first)
        except UserError as error:
            return [("first", str(error))]
        return space_problems(settings.color_space or "tagged")


def _comes_as_light(first: Path) -> bool:
    """Alpha is multiplied in, in linear light, as a still's is: video has none."""
    return first.suffix.lower() in OF_FLOATS or has_alpha(first)


def _video_of(path: Path) -> CapturedFrame:
    frame = captured(image_frame(path), 0.0)
    tags = frame.tags
    transfer = SRGB if tags.transfer in (None, GAMMA_22) else tags.transfer
    return replace(frame, tags=Tags(tags.matrix or "bt601", tags.range or "full", transfer))


def _light_reader(settings: SequenceSettings) -> Callable[[Path], Light]:
    size = picture_size(settings.first)

    def read(path: Path) -> Light:
        try:
            pixels = read_picture(path, settings.color_space).pixels
        except UserError as error:
            raise BrokenError(str(error)) from error
        if (pixels.shape[1], pixels.shape[0]) != size:
            found = f"{pixels.shape[1]} x {pixels.shape[0]}"
            raise BrokenError(f'image "{path.name}": {found} pixels, and the first has {size[0]} x {size[1]}')
        return pixels

    return read
