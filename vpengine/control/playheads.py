"""Where the clips of moving plates stand in a frame: from their beginning, when their scene comes on. Pure state."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from fractions import Fraction

from vpengine.control.triggers import ClipTrigger
from vpengine.frames.feed import PROGRAM
from vpengine.frames.frame_input import BusState, Tick


class Playheads:
    """A clip begins in the first frame in which the program shows anything of its location, and plays on while it does.
    What only the preview shows stands by at its beginning. All is counted in ticks, so that the cadence is exact, and
    clips that begin in one frame stay locked to each other.
    """

    def __init__(self, moving: Collection[str] = ()) -> None:
        """moving: the locations whose plates move."""
        self._moving = frozenset(moving)
        self._began: dict[str, int] = {}  # with which tick, of those that the program shows
        self._restart = self.paused = False
        self._stood = 0  # ticks, since the run began
        self._before: int | None = None

    def take(self, moving: Collection[str]) -> None:
        """Others move from now on; clips that play go on."""
        self._moving = frozenset(moving)

    def press(self, trigger: ClipTrigger) -> None:
        if trigger.action == "restart":
            self._restart = True
        else:
            self.paused = not self.paused

    def at(self, tick: Tick, buses: Mapping[str, BusState]) -> dict[str, Fraction]:
        """By location, of those that any bus shows: seconds of the clip that have run, exactly. Once a frame."""
        if self.paused and self._before is not None:
            self._stood += tick.number - self._before
        self._before = tick.number
        played = tick.number - self._stood
        shown = self._moving.intersection(location for location, _ in buses[PROGRAM].shares)
        if self._restart:
            self._began, self._restart = {}, False
        self._began = {location: self._began.get(location, played) for location in sorted(shown)}
        standing_by = {
            location for state in buses.values() for location, _ in state.shares if location in self._moving
        } - shown
        heads = {location: (played - began) / tick.rate for location, began in self._began.items()}
        return {**heads, **dict.fromkeys(sorted(standing_by), Fraction(0))}
