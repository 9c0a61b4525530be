"""What a frame shows to who listens: the controls as they stand, and displays by their addresses.

A display that is not written is not sent, so whoever has more to say adds it to the mapping under its address of
``buttons.DISPLAYS``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from vpengine.control.controls import Value
from vpengine.frames.feed import PREVIEW, PROGRAM
from vpengine.frames.frame_input import BusState, Tick

SCENE, STANDBY = "/vp/state/scene", "/vp/state/preview"
TIMECODE, FPS = "/vp/state/timecode", "/vp/state/fps"
FPS_PERIOD_S = 1.0  # the words change no more often


@dataclass(frozen=True, slots=True)
class Shown:
    """One frame's values by address. Neither mapping is changed once it is here: another thread reads it."""

    controls: Mapping[str, Value]
    displays: Mapping[str, Value] = field(default_factory=dict)


class FrameRate:
    """Frames a second, counted, in words: "23.9 of 24"."""

    def __init__(self) -> None:
        self._words = ""
        self._since_s: float | None = None
        self._frames = 0

    def words(self, tick: Tick) -> str:
        """Called once a frame."""
        self._frames += 1
        if self._since_s is None:
            self._since_s, self._frames = tick.display_time_s, 0
        elif tick.display_time_s - self._since_s >= FPS_PERIOD_S:
            rate = self._frames / (tick.display_time_s - self._since_s)
            self._words = f"{rate:.1f} of {float(tick.rate):.4g}"
            self._since_s, self._frames = tick.display_time_s, 0
        return self._words


class Displays:
    """The displays that buses and tick alone tell."""

    def __init__(self) -> None:
        self._rate = FrameRate()

    def at(self, buses: Mapping[str, BusState], tick: Tick) -> dict[str, Value]:
        """Called once a frame."""
        return {
            SCENE: buses[PROGRAM].scene,
            STANDBY: buses[PREVIEW].scene if PREVIEW in buses else "",
            TIMECODE: str(tick.timecode),
            FPS: self._rate.words(tick),
        }
