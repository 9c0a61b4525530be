"""What stage files say of the stage, its tracking, its outputs and its generator; stage_file.py reads it."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import Field, PlainValidator, WithJsonSchema, model_validator

from vpengine.frames.feed import Feed, parse_feed, wall_feed
from vpengine.stage.settings import ExistingFile, Id, MatteName, Rate, Resolution, Settings, refusal, shown
from vpengine.stage.walls import WHITE_NITS

_Kind = Annotated[str, Field(min_length=1, max_length=64)]


def _feed(value: object) -> Feed:
    """A feed by its name. Raises what a validator may."""
    if isinstance(value, Feed):
        return value
    if not isinstance(value, str):
        raise refusal(f"found {shown(value)}, expected text in quotes")
    try:
        return parse_feed(value)
    except ValueError as error:
        raise refusal(f"found {shown(value)}, {error}") from None


FeedName = Annotated[Feed, PlainValidator(_feed), WithJsonSchema({"type": "string"})]

_ShowFile = Annotated[
    ExistingFile | None,
    Field(description="The show file that runs when no other is named, relative to this file."),
]


class StageSettings(Settings):
    """What the stage is called, how fast it runs, and what it shows."""

    name: str = Field(min_length=1, max_length=100, description="What the crew calls the stage.")
    rate: Rate = Field(
        default=Fraction(24),
        description='Pictures a second: a whole number, or text such as "24000/1001".',
        json_schema_extra={"default": 24},
    )
    show: _ShowFile = None
    white_nits: float = Field(
        default=WHITE_NITS,
        ge=1.0,
        le=10_000.0,
        description="Luminance on the walls of scene-linear 1.0 (diffuse white) at exposure 0, in nits. A wall's "
        "`peak_nits` over this is the light that asks for its peak: 1200 / 203 = 5.9. Above half of that highlights "
        "roll off; 16 times that, and more, is shown at the peak (`/vp/wall/rolloff`).",
    )


class ShowReference(Settings):
    """What of [stage] is read where the rest has mistakes."""

    show: _ShowFile = None


class TrackingSettings(Settings):
    """Which camera a tracking source moves. The other keys are the source's own."""

    camera: Id = Field(description="The id of the camera that this source moves.")
    latency_ms: float = Field(
        default=0.0,
        ge=0.0,
        le=1000.0,
        description="From when the camera is somewhere until its tracker's packet comes, in ms.",
    )


class OutputSettings(Settings):
    """Which feed an output shows. The other keys are the output's own."""

    wall: Id | None = Field(
        default=None, description='The id of the wall whose picture goes out here; short for feed = "wall:ID".'
    )
    feed: FeedName | None = Field(
        default=None,
        description="What goes out here: wall:ID; world:CAMERA, what the tracked camera must see; composite:CAMERA, "
        "its own picture keyed over that, key:CAMERA, the matte, and picture:CAMERA, the picture alone; "
        "monitor:CAMERA, the composite, or the world, with an operator's tools over it; "
        "camera:CAMERA, what a camera on the stage would photograph; stage, the stage from above. "
        "world:CAMERA@preview is of the scene that stands by.",
    )
    latency_ms: float = Field(
        default=0.0,
        ge=0.0,
        le=1000.0,
        description="From when the display takes a picture until its light leaves the wall, in ms; the first output's "
        "counts.",
    )

    @model_validator(mode="after")
    def _one_of_two(self) -> OutputSettings:
        if (self.wall is None) == (self.feed is None):
            found = "missing: name what it shows" if self.wall is None else "name a wall or a feed, not both"
            raise refusal(f'{found}, such as wall = "main" or feed = "world:1"', "feed")
        return self

    @property
    def shows(self) -> Feed:
        return self.feed or wall_feed(self.wall or "")


class NeuralSettings(Settings):
    """The generator that changes the plate, and what runs its network."""

    generator: _Kind = Field(default="none", description="What makes the pictures; none leaves the plate as it is.")
    runtime: _Kind = Field(
        default="auto",
        description="What runs the generator's network; auto finds the fastest that gives the same picture.",
    )
    host: Literal["auto", "process", "thread"] = Field(
        default="auto",
        description="Where the generator runs: a process, which can be ended when it hangs, or a thread of the engine, "
        "which shares an NVIDIA card with the walls; auto takes a thread only for networks on such a card.",
    )
    resolution: Resolution = Field(default=(480, 270), description="Width and height of a generated picture in pixels.")
    overscan_percent: float = Field(
        default=15.0, ge=0.0, le=100.0, description="How much wider than the lens's view, per side, in percent of it."
    )
    keyframes: int = Field(default=4, ge=1, le=4, description="How many generated pictures are kept and re-projected.")
    max_rate: float = Field(default=60.0, gt=0.0, le=240.0, description="Generated pictures a second, at most.")
    surround_resolution: Annotated[int, Field(ge=0, le=1024)] | None = Field(
        default=None,
        description="Side in pixels of the seven generated pictures all round a location, which show what no other "
        "does and light the outer walls; 0 makes none. By default half as many pixels as ``resolution``.",
    )
    surround_mb: float = Field(
        default=64.0,
        gt=0.0,
        le=8192.0,
        description="Graphics memory for these, in megabytes; two sets are always there.",
    )

    matte: MatteName = Field(
        default="none",
        description="What corrects the green screen's matte after the key has measured it: none, or an ONNX file "
        "beside this one, as tools/train_matte.py makes them.",
    )

    @property
    def surround_px(self) -> int:
        """The side of a face; 0 for none."""
        if self.surround_resolution is not None:
            return self.surround_resolution
        width, height = self.resolution
        return max(round(math.sqrt(width * height / 2.0) / 8.0), 1) * 8
