"""Where and with what lens a picture was taken: enough to put it so that it is seen as it was taken."""

from __future__ import annotations

import math

from pydantic import Field

from vpengine.stage.settings import Settings


class LensSettings(Settings):
    """Where and with what the picture was taken. Its axis is level: a horizon off the middle is a shifted lens's."""

    horizontal_fov_deg: float = Field(ge=1.0, le=170.0, description="Angle of view across the whole picture.")
    eye_height_m: float = Field(ge=-200.0, le=200.0, description="Height of the camera above the stage's origin.")
    horizon: float = Field(ge=-2.0, le=3.0, description="Where the horizon is: 0 the picture's top, 1 its bottom.")

    @property
    def across(self) -> float:
        """The whole picture's width at a distance of 1."""
        return 2.0 * math.tan(math.radians(self.horizontal_fov_deg) / 2.0)
