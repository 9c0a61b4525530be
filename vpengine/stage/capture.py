"""[[capture]]: where a camera's own picture comes from, as far as all kinds of source share it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from vpengine.frames.captured import Tags
from vpengine.stage.sections import PluginSection
from vpengine.stage.settings import Id, Settings
from vpengine.stage.toml_file import TomlFile


class CaptureSettings(Settings):
    """Where a camera's own picture comes from. The other keys are the source's own."""

    id: Id = Field(description="Name of the capture; what is said of it begins with it.")
    camera: Id = Field(description="The id of the camera whose picture it is.")
    latency_ms: float = Field(
        default=0.0,
        ge=0.0,
        le=1000.0,
        description="From when light falls on the sensor until its picture comes here, in ms.",
    )
    hold_s: float = Field(
        default=1.0,
        ge=0.0,
        le=3600.0,
        description="How long the last good picture stays when no more come, in seconds; then the world is alone.",
    )
    matrix: Literal["tagged", "bt601", "bt709", "bt2020"] = Field(
        default="tagged", description="The Y'CbCr matrix, whatever the source says; tagged takes its word."
    )
    range: Literal["tagged", "limited", "full"] = Field(
        default="tagged", description="Limited (16 to 235) or full (0 to 255), whatever the source says."
    )
    record: bool = Field(
        default=True, description="While a take rolls its pictures are kept as they came, without loss, in its folder."
    )
    color_space: str = Field(
        default="tagged",
        min_length=1,
        max_length=100,
        description="The OpenColorIO space of its R'G'B', such as \"S-Log3 S-Gamut3.Cine\"; tagged takes the transfer "
        "that the source says, and without one a Rec.709 camera's.",
    )

    @property
    def tags(self) -> Tags:
        """What counts, whatever the source says."""
        return Tags(
            None if self.matrix == "tagged" else self.matrix, None if self.range == "tagged" else self.range, None
        )


@dataclass(frozen=True)
class CaptureSection:
    settings: CaptureSettings
    source: PluginSection


def read_captures(
    file: TomlFile, cameras: Iterable[str]
) -> tuple[tuple[CaptureSection, ...], tuple[PluginSection, ...]]:
    """Every [[capture]] that is right as far as is known here, and every source's own part. Problems are noted."""
    allowed = list(cameras)
    read = []
    for key, table in file.many("capture"):
        settings, source = file.plugin(table, "capture", key, CaptureSettings)
        if settings:
            file.refers(f"{key}.camera", settings.camera, "camera", allowed)
        read.append((key, settings, source))
    file.unique("id", [(key, settings.id) for key, settings, _ in read if settings])
    whole = tuple(CaptureSection(settings, source) for _, settings, source in read if settings and source)
    return whole, tuple(source for _, _, source in read if source)
