"""``synthetic``: a camera that is not there: a figure moving before a green screen, its alpha exactly known."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vpengine.capture.pace import Pace, Schedule
from vpengine.capture.synthetic_scene import Scene, Truth
from vpengine.frames.captured import FORMATS, CapturedFrame, Tags
from vpengine.media.decoding import LostError
from vpengine.stage.settings import Rate
from vpengine.stage.settings import Settings as Section
from vpengine.view.timecode import timecode_of
from vpengine.view.yuv import planes_422, yuv_from_rgb

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Side = Annotated[int, Field(ge=32, le=4096, multiple_of=2)]
FORMAT = FORMATS["yuv422p10le"]  # what SDI and HDMI carry
TAGS = Tags("bt709", "limited", "bt709")
STEPS = 4096  # of the table from light to code values
NOISE = np.array([6.0, 3.0, 3.0], np.float32)  # deviation at 1, in 10-bit code values of Y', Cb, Cr: a noisy camera's


class SyntheticSource:
    """Ten-bit 4:2:2 BT.709, as a camera sends it. ``truth`` says what any of its pictures is made of."""

    class Settings(Section):
        """A camera that is not there: a figure moving before a green screen, to light, key and test by."""

        resolution: tuple[Side, Side] = Field(default=(640, 360), description="Width and height in pixels, even.")
        rate: Rate = Field(
            default=Fraction(24),
            description='Pictures a second: a whole number, or text such as "24000/1001".',
            json_schema_extra={"default": 24},
        )
        seed: int = Field(default=1, ge=0, le=2**31, description="The same seed makes the same pictures.")
        unevenness: Share = Field(default=0.4, description="How unevenly the screen is lit; 1 leaves a quarter of it.")
        noise: Share = Field(default=0.3, description="The camera's noise; 1 is a dark stage at a high gain.")
        spill: Share = Field(default=0.4, description="Green light of the screen on the figure.")
        blur: Share = Field(default=0.5, description="The shutter, in parts of a picture's time: 0.5 is 180 degrees.")
        hair: Share = Field(default=0.5, description="How much hair stands off the head, thinner than a pixel.")

    def __init__(self, settings: Settings, pace: Pace) -> None:
        self.settings = settings
        self._pace = pace
        self._schedule: Schedule | None = None
        self._scene: Scene | None = None
        self._number = 0

    @property
    def title(self) -> str:
        return "synthetic camera"

    @property
    def scene(self) -> Scene:
        """Made when it is first needed, which takes a moment."""
        if self._scene is None:
            own = self.settings
            self._scene = Scene(own.resolution, own.seed, own.unevenness, own.spill, own.hair)
            self._noise = _noise(own.resolution, own.seed, own.noise)
            self._table = _bt709_codes()
        return self._scene

    def open(self) -> Fraction:
        assert self.scene
        self._number = 0
        self._schedule = Schedule(self.settings.rate, self._pace)
        return self.settings.rate

    def read(self) -> CapturedFrame | None:
        if self._schedule is None:
            raise LostError(f"{self.title}: is not open")
        self._number = max(self._number, self._schedule.newest())  # late for one, as a camera it leaves it out
        if not self._schedule.wait(self._number):
            return None
        frame = self.picture(self._number, self._schedule.time_s(self._number))
        self._number += 1
        return frame

    def truth(self, number: int) -> Truth:
        """What picture ``number`` is made of: it depends on the settings alone."""
        rate = float(self.settings.rate)
        return self.scene.truth(number / rate, self.settings.blur / rate)

    def picture(self, number: int, time_s: float) -> CapturedFrame:
        light = self.scene.photographed(
            number / float(self.settings.rate), self.settings.blur / float(self.settings.rate)
        )
        yuv = yuv_from_rgb(self._encoded(light), FORMAT.bits, "bt709", "limited")
        yuv += self._grain(number)
        planes = planes_422(yuv)
        timecode = timecode_of(number, self.settings.rate)
        return CapturedFrame(planes, FORMAT, self.settings.resolution, TAGS, time_s, 0, timecode)

    def _encoded(self, light: NDArray[np.float32]) -> NDArray[np.float32]:
        steps = np.clip(light, 0.0, 1.0)
        np.sqrt(steps, out=steps)  # the table is fine where the curve is steep
        steps *= STEPS - 1
        steps += 0.5
        encoded: NDArray[np.float32] = self._table.take(steps.astype(np.uint16))
        return encoded

    def _grain(self, number: int) -> NDArray[np.float32]:
        """Another part of one large table for each picture: noise that is drawn anew costs more than the picture."""
        width, height = self.settings.resolution
        right, down = np.random.default_rng((self.settings.seed, number)).integers(0, (width, height))
        return self._noise[down : down + height, right : right + width]

    def close(self) -> None:
        self._schedule = None


def _bt709_codes() -> NDArray[np.float32]:
    """R'G'B' by the square root of light (Rec. ITU-R BT.709-6, item 1.2)."""
    light = np.linspace(0.0, 1.0, STEPS) ** 2
    return np.where(light < 0.018, 4.5 * light, 1.099 * light**0.45 - 0.099).astype(np.float32)


def _noise(size: tuple[int, int], seed: int, strength: float) -> NDArray[np.float32]:
    rng = np.random.default_rng((seed, 2))
    return rng.standard_normal((2 * size[1], 2 * size[0], 3), np.float32) * (NOISE * np.float32(strength))
