"""SAFE: the safe picture instead of the program, in one frame, and the way back. Pure state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from vpengine.control.controls import Value
from vpengine.control.declared import EXPOSURES, NEURAL_AMOUNT, NEURAL_HOLD, WALL_CHART
from vpengine.control.placements import PLACE, placed, placement_from, values_of
from vpengine.control.transitions import smooth
from vpengine.frames.frame_input import BusState
from vpengine.view.placement import Placement

SafePicture = Literal["plate", "hold", "black"]
RELEASE_S = 1.0
KEPT = (*EXPOSURES, *PLACE)

Controls = Mapping[str, Value]


@dataclass(frozen=True)
class _Held:
    """What the program was when the safe picture was asked for. shown: the location with most of the picture."""

    state: BusState
    controls: Controls
    shown: str


class Safe:
    """plate: the plate alone. hold: the walls keep what they show. black: nothing. Exposure, and where the plate's
    world stands, stay what they were until a hand moves them; under hold a hand on the world is seen on release.
    Nothing here waits for anybody: it is settled in the frame that it is asked in.
    """

    def __init__(self, picture: SafePicture = "plate") -> None:
        self.picture = picture
        self.on = False
        self._held: _Held | None = None
        self._kept: dict[str, Value] = {}  # of KEPT, when it was asked for, and as hands have moved them since
        self._now: dict[str, Value] = {}  # of KEPT, in the newest frame; empty when the program is back
        self._shown = ""  # the location whose world these are of
        self._by_hand: dict[str, Value] = {}  # since the newest frame
        self._released_s: float | None = None

    @property
    def locations(self) -> set[str]:
        """What it may show until it is let go, and on the way back."""
        return {location for location, _ in self._held.state.shares} if self._held is not None else set()

    def press(self, on: bool) -> None:
        """Also where it is so already."""
        if on and not self.on:
            self._held = None
        elif not on and self.on:
            self._released_s = None
        self.on = on

    def moved_by_hand(self, address: str, value: Value) -> None:
        """What a hand takes is the hand's."""
        if address in KEPT:
            self._by_hand[address] = value

    def settle(self, state: BusState, controls: Controls, time_s: float) -> tuple[BusState, Controls]:
        """The program's state and controls in this frame."""
        self._follow_hands(state)
        if self.on:
            held = self._held = self._held or self._hold(state, controls)
            return self._safe(held, state, controls)
        if self._held is None:
            self._now = {}
            return state, controls
        self._released_s = time_s if self._released_s is None else self._released_s
        part = (time_s - self._released_s) / RELEASE_S
        if part >= 1.0:
            self._held = self._released_s = None
            self._now = {}
            return state, controls
        return self._back(self._held, state, controls, smooth(part))

    def _follow_hands(self, state: BusState) -> None:
        """A hand on the world moves the one that the program has."""
        own = {*EXPOSURES}
        if state.target == self._shown and not (self.on and self.picture == "hold"):
            own.update(PLACE)
        moved = {address: value for address, value in self._by_hand.items() if address in own and self._now}
        self._kept |= moved
        self._now |= moved
        self._by_hand = {}

    def _hold(self, state: BusState, controls: Controls) -> _Held:
        """From what is visible now, which may be on the way back from the last time."""
        shown = max(state.shares, key=lambda share: share[1])[0]
        visible = self._now if shown == self._shown else {name: self._now[name] for name in EXPOSURES if self._now}
        self._shown = shown
        self._kept = {**_values(state, controls, shown), **visible}
        return _Held(state, controls, shown)

    def _safe(self, held: _Held, state: BusState, controls: Controls) -> tuple[BusState, Controls]:
        self._now = dict(self._kept)
        levels = {WALL_CHART: False, **{name: self._kept[name] for name in EXPOSURES}}
        if self.picture == "hold":
            stays = placed(held.state, held.shown, placement_from(self._kept))
            return stays, {**held.controls, **levels, NEURAL_HOLD: True}
        if self.picture == "black":
            return replace(state, dip=(0.0, 0.0, 0.0, 1.0)), {**controls, **levels}
        alone = BusState(state.scene, held.shown, look=state.look, baked=state.baked)
        alone = placed(alone, held.shown, placement_from(self._kept))
        return alone, {**controls, **levels, NEURAL_AMOUNT: 0.0}

    def _back(self, held: _Held, state: BusState, controls: Controls, part: float) -> tuple[BusState, Controls]:
        """What was safe gives way to what the program is now."""
        values = _values(state, controls, held.shown)
        self._now = {name: _mixed(self._kept[name], values[name], part) for name in KEPT}
        controls = {**controls, **{name: self._now[name] for name in EXPOSURES}}
        if self.picture == "black":
            red, green, blue, cover = state.dip
            return replace(state, dip=(part * red, part * green, part * blue, 1.0 - part * (1.0 - cover))), controls
        if held.shown in dict(state.shares):
            state = placed(state, held.shown, placement_from(self._now))
        if self.picture == "hold":
            return state, controls
        amount = part * float(controls[NEURAL_AMOUNT])
        stood = placement_from(self._kept)
        return _dissolved(held.shown, stood, state, part), {**controls, NEURAL_AMOUNT: amount}


def _values(state: BusState, controls: Controls, location: str) -> dict[str, Value]:
    """What KEPT are on the program, of the world of a location."""
    return {**{name: controls[name] for name in EXPOSURES}, **values_of(state.placement(location))}


def _mixed(before: Value, now: Value, part: float) -> float:
    return float(before) + (float(now) - float(before)) * part


def _dissolved(shown: str, stood: Placement, state: BusState, part: float) -> BusState:
    """From the plate that was safe, where the program is at another by now."""
    if state.incoming_location is not None or state.location == shown:
        return state
    return placed(replace(state, location=shown, incoming_location=state.location, mix=part), shown, stood)
