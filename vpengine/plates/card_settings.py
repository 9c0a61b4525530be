"""Where a flat picture hangs: what stills and clips are told alike."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from vpengine.plates.card import Card, facing
from vpengine.plates.taking_lens import LensSettings
from vpengine.stage.settings import Settings, refusal


class CardSettings(Settings):
    """How bright a picture is, and where its card hangs."""

    exposure_stops: float = Field(0.0, ge=-10.0, le=10.0, description="Exposure of the picture, in stops.")
    distance_m: float = Field(20.0, gt=0.1, le=3000.0, description="From the stage's origin to the card, in metres.")
    width_m: float = Field(30.0, gt=0.01, le=10000.0, description="Width of the card, in metres.")
    center_height_m: float = Field(
        1.6, ge=-1000.0, le=1000.0, description="Height of the card's middle above the floor, in metres."
    )
    yaw_deg: float = Field(
        0.0, ge=-180.0, le=180.0, description="Where the card hangs, in degrees from straight ahead to the left."
    )
    beyond: Literal["mirror", "color"] = Field(
        "mirror",
        description="Where the picture ends: mirror goes on with it, mirrored and the softer the farther out; color "
        "is the backdrop's.",
    )
    beyond_color: tuple[float, float, float] = Field(
        (0.0, 0.0, 0.0), description="The backdrop's colour where the picture ends: linear ACEScg."
    )
    lens: LensSettings | None = Field(
        None,
        description="The lens that took the picture. It then hangs where it is seen as it was taken, whatever "
        "distance_m is: width_m and center_height_m follow from it.",
    )

    @property
    def gain(self) -> float:
        return 2.0**self.exposure_stops

    def card(self, aspect: float) -> Card:
        """aspect: the picture's width over its height."""
        card_from_stage = facing(self.yaw_deg)
        width_m = self.width_m if self.lens is None else self.distance_m * self.lens.across
        height_m = width_m / aspect
        center_m = card_from_stage[2] * self.distance_m + [0.0, 0.0, self._center_height_m(height_m)]
        beyond = self.beyond_color if self.beyond == "color" else None
        return Card(card_from_stage, center_m, width_m, height_m, beyond)

    def _center_height_m(self, height_m: float) -> float:
        """With a lens, so that the picture's horizon is as high as the lens was: level with it at every distance."""
        if self.lens is None:
            return self.center_height_m
        return self.lens.eye_height_m + (self.lens.horizon - 0.5) * height_m

    @model_validator(mode="after")
    def _placed_once(self) -> Self:
        both = sorted({"width_m", "center_height_m"} & self.model_fields_set)
        if self.lens is not None and both:
            raise refusal("found beside lens, which says where the picture hangs; leave one of them out", both[0])
        return self
