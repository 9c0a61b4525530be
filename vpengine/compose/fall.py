"""What falls in a frame: snow and rain as its look has them, and as the operators' controls shape them. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from vpengine.control import declared
from vpengine.frames.frame_input import FrameInput
from vpengine.view.precipitation import Weather

OPEN = 0.5  # of a frame's time: a shutter of 180 degrees
THIN_S = 2.0  # as long as all particles take to come or go where a rung has more or fewer


@dataclass(frozen=True)
class Fall:
    """snow, rain: of what falls at a fader's 1, with seed, speed and wind. time_s: of the tick. shutter_s: for how long
    a picture gathers light.
    """

    snow: Weather
    rain: Weather
    time_s: float
    shutter_s: float

    def thinner(self, kept: float) -> Fall:
        """The same with so many of its particles."""
        snow, rain = (replace(weather, amount=weather.amount * kept) for weather in (self.snow, self.rain))
        return replace(self, snow=snow, rain=rain)


@dataclass(frozen=True)
class Thinned:
    """How many of its particles an eye has, 0 to 1, at a time."""

    kept: float
    time_s: float


def thinned(before: Thinned | None, kept: float, time_s: float) -> Thinned:
    """On the way from ``before`` to what a rung keeps. An eye in which nothing fell a while ago is there at once."""
    if before is None or not 0.0 <= time_s - before.time_s < THIN_S:
        return Thinned(kept, time_s)
    step = (time_s - before.time_s) / THIN_S
    return Thinned(min(max(kept, before.kept - step), before.kept + step), time_s)


def fall_of(frame: FrameInput, bus: str, amount: float) -> Fall | None:
    """What falls on a bus; None where nothing does. amount: how much of the look is shown, 0 to 1."""
    look = frame.buses[bus].look
    if look.plain or amount <= 0.0:
        return None
    faders, controls = dict(look.values), frame.controls

    def weather(name: str, density: str, speed: str) -> Weather:
        value = faders.get(name, 0.0)
        level = 0.0 if isinstance(value, str) else max(float(value), 0.0)
        wind_m_s = float(controls[declared.FALL_WIND])
        return Weather(level * amount * float(controls[density]), float(controls[speed]), wind_m_s, look.seed)

    snow = weather("snow", declared.FALL_SNOW_DENSITY, declared.FALL_SNOW_SPEED)
    rain = weather("rain", declared.FALL_RAIN_DENSITY, declared.FALL_RAIN_SPEED)
    if snow.amount <= 0.0 and rain.amount <= 0.0:
        return None
    return Fall(snow, rain, frame.tick.display_time_s, OPEN / float(frame.tick.rate))
