"""Light before look: what a look's faders do to the light of a plate that knows its own, before a generator sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from vpengine.control.controls import Value
from vpengine.control.declared import LIGHT_LAMPS, LIGHT_SKY, LIGHT_SUN, LIGHT_WINDOWS, NEURAL_AMOUNT
from vpengine.frames.look import Look
from vpengine.view.light import Light

# By fader, the light where it is at 1. Weather covers the sun; what it does to the day's level is the generator's.
USUAL: Mapping[str, Light] = {
    "snow": Light(sun=0.0),
    "night": Light(sky=0.0, lamps=1.0, windows=0.45),
    "fog": Light(sun=0.0),
    "dust": Light(sun=0.4),
    "rain": Light(sun=0.0),
    "fire": Light(sun=0.0, sky=0.45),  # its smoke stands before them
}


@dataclass(frozen=True)
class LightTable:
    """rows: by the name of a generator's fader, the light that it leads to."""

    rows: Mapping[str, Light] = field(default_factory=lambda: USUAL)

    def light(self, look: Look, controls: Mapping[str, Value]) -> Light:
        """The light of a frame: what operators set, and on that the look as far as it is shown.

        Each fader takes its part of sun and sky away from what the others leave, and lights its part of the lamps that
        they leave dark. The sun goes early: a little rain is enough of a cloud.
        """
        sun, sky, lamps, windows = (float(controls[a]) for a in (LIGHT_SUN, LIGHT_SKY, LIGHT_LAMPS, LIGHT_WINDOWS))
        amount = float(controls[NEURAL_AMOUNT])
        for name, value in () if look.plain else look.values:
            row = self.rows.get(name)
            if row is None or isinstance(value, str):
                continue
            share = min(max(float(value) * amount, 0.0), 1.0)
            sun *= 1.0 - (1.0 - (1.0 - share) ** 2) * (1.0 - row.sun)
            sky *= 1.0 - share * (1.0 - row.sky)
            lamps += (1.0 - lamps) * share * row.lamps
            windows += (1.0 - windows) * share * row.windows
        return Light(sun, sky, lamps, windows)
