"""The video plate: a film on a flat card."""

from __future__ import annotations

from pydantic import Field

from vpengine.errors import UserError
from vpengine.media.clips import VideoClip
from vpengine.plates.clip_card import ClipCard, ClipSettings, space_problems
from vpengine.stage.settings import ExistingFile, Rate


class VideoSettings(ClipSettings):
    """Which film, how it plays, and where its card hangs."""

    file: ExistingFile = Field(
        description="The film: MP4, MOV, MKV, MXF, AVI, WebM and others; best of an intra codec, such as ProRes."
    )
    rate: Rate | None = Field(
        None, description='Pictures a second, whatever the film says: a whole number, or text such as "24000/1001".'
    )
    color_space: str = Field(
        "tagged", description="The film's OpenColorIO colour space; tagged goes by what the film says of itself."
    )


class Video(ClipCard):
    """Decoded in its own pixel format, ahead of where it is shown; its colours become light in a shader."""

    Settings = VideoSettings

    def __init__(self, settings: VideoSettings) -> None:
        self._space = settings.color_space
        super().__init__(VideoClip(settings.file, settings.rate), settings, f'clip "{settings.file.name}"')

    def color_space(self) -> str:
        return self._space

    @staticmethod
    def check(settings: VideoSettings) -> list[tuple[str, str]]:
        """What is wrong with the film, as far as its first picture shows: (key, sentence) pairs."""
        try:
            VideoClip(settings.file).close()
        except UserError as error:
            return [("file", str(error)), *space_problems(settings.color_space)]
        return space_problems(settings.color_space)
