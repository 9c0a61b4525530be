"""The light that a plate is drawn under, where it knows its own: declared once, driven by controls and by looks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Light:
    """Shares, 0 to 1. sun: 1 shines, at 0 clouds cover it. sky: 1 is day, 0 night, when the sun has set.

    lamps: of the street lamps' light. windows: how many of them are lit.
    """

    sun: float = 1.0
    sky: float = 1.0
    lamps: float = 0.0
    windows: float = 0.0


DAY = Light()
KINDS = (DAY, Light(sun=0.5, lamps=1.0), Light(sun=0.0), Light(sun=0.0, lamps=1.0))  # that plates draw in other ways
