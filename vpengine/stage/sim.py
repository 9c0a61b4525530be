"""[sim]: what stands on the simulated stage, which `camera:` and `stage` feeds and films show."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from vpengine.stage.settings import Degrees, Metres, Position, Settings, refusal

Side = Annotated[float, Field(ge=0.05, le=10.0)]


class ActorSettings(Settings):
    """The stand-in for an actor, 1.75 m tall. The key and the fill light stand around it."""

    present: bool = Field(default=True, description="Whether there is one.")
    position_m: tuple[Metres, Metres] = Field(default=(0.52, 2.2), description="Where it stands: X right, Y forward.")
    turned_deg: Degrees = Field(
        default=-50.0, description="0 faces the camera's area (-Y); positive turns it anticlockwise, seen from above."
    )


class BallSettings(Settings):
    """A ball to read light from, on a stand; two of a size and height, less than 60 cm apart, share one."""

    surface: Literal["grey", "chrome"] = Field(
        description="grey reflects 18 percent, matte; chrome mirrors. At most one is of chrome."
    )
    position_m: Position = Field(description="Its middle: X right, Y forward, Z up, in metres.")
    radius_m: float = Field(default=0.1, ge=0.02, le=0.5, description="Its radius in metres.")


class FlagSettings(Settings):
    """A black flag on a stand: upright cloth that keeps light away."""

    position_m: Position = Field(description="Its middle: X right, Y forward, Z up, in metres.")
    size_m: tuple[Side, Side] = Field(default=(0.6, 0.9), description="Width and height in metres.")
    turned_deg: Degrees = Field(
        default=0.0, description="0 faces the camera's area (-Y); positive turns it anticlockwise, seen from above."
    )


_BALLS = (
    BallSettings(surface="grey", position_m=(-0.635, 2.3, 1.36)),
    BallSettings(surface="chrome", position_m=(-0.365, 2.3, 1.36)),
)


class SimSettings(Settings):
    """What stands on the simulated stage. Nothing of it shows on the walls."""

    actor: ActorSettings = Field(default=ActorSettings(), description="The stand-in for an actor.")
    ball: Annotated[tuple[BallSettings, ...], Field(max_length=8)] = Field(
        default=_BALLS, description="The balls instead of the usual two; `ball = []` for none."
    )
    flag: Annotated[tuple[FlagSettings, ...], Field(max_length=8)] = Field(default=(), description="Black flags.")

    @model_validator(mode="after")
    def _one_of_chrome(self) -> SimSettings:
        chrome = [number for number, ball in enumerate(self.ball, 1) if ball.surface == "chrome"]
        if len(chrome) > 1:
            raise refusal(
                f"found {len(chrome)} balls of chrome, allowed one: its reflection is drawn around it", "ball"
            )
        return self
