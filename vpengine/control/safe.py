"""SAFE: the safe picture instead of the program, in one frame, and the way back. Pure state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from vpengine.control.controls import Value
from vpengine.control.declared import EXPOSURES, NEURAL_AMOUNT, NEURAL_HOLD, WALL_CHART
from vpengine.control.transitions import smooth
from vpengine.frames.frame_input import BusState

SafePicture = Literal["plate", "hold", "black"]
RELEASE_S = 1.0

Controls = Mapping[str, Value]


@dataclass(frozen=True)
class _Held:
    """What the program was when the safe picture was asked for."""

    state: BusState
    controls: Controls


class Safe:
    """plate: the plate alone. hold: the walls keep what they show. black: nothing. Exposure stays what it was, until
    somebody moves it. Nothing here waits for anybody: it is settled in the frame that it is asked in.
    """

    def __init__(self, picture: SafePicture = "plate") -> None:
        self.picture = picture
        self.on = False
        self._held: _Held | None = None
        self._moved: set[str] = set()  # of the exposures, since
        self._between: dict[str, Value] = {}  # the exposures on their way back, in the newest frame
        self._released_s: float | None = None

    @property
    def locations(self) -> set[str]:
        """What it may show until it is let go, and on the way back."""
        return {location for location, _ in self._held.state.shares} if self._held is not None else set()

    def press(self, on: bool) -> None:
        """Also where it is so already."""
        if on and not self.on:
            self._held = None
            self._moved.clear()
        elif not on and self.on:
            self._released_s = None
        self.on = on

    def moved_by_hand(self, address: str) -> None:
        """An exposure that a hand takes is the hand's."""
        if self.on or self._held is not None:
            self._moved.add(address)
            self._between.pop(address, None)

    def settle(self, state: BusState, controls: Controls, time_s: float) -> tuple[BusState, Controls]:
        """The program's state and controls in this frame."""
        if self.on:
            if self._held is None:
                self._held = _Held(state, {**controls, **self._between})
            return self._safe(self._held, state, controls)
        self._between = {}
        if self._held is None:
            return state, controls
        self._released_s = time_s if self._released_s is None else self._released_s
        part = (time_s - self._released_s) / RELEASE_S
        if part >= 1.0:
            self._held = self._released_s = None
            return state, controls
        state, controls = self._back(self._held, state, controls, smooth(part))
        self._between = {name: controls[name] for name in EXPOSURES}
        return state, controls

    def _safe(self, held: _Held, state: BusState, controls: Controls) -> tuple[BusState, Controls]:
        levels = {address: held.controls[address] for address in EXPOSURES if address not in self._moved}
        controls = {**controls, **levels, WALL_CHART: False}
        if self.picture == "hold":
            return held.state, {
                **held.controls,
                **{name: controls[name] for name in (*EXPOSURES, WALL_CHART)},
                NEURAL_HOLD: True,
            }
        if self.picture == "black":
            return replace(state, dip=(0.0, 0.0, 0.0, 1.0)), controls
        shown = max(held.state.shares, key=lambda share: share[1])[0]
        placements = held.state.placements  # the world stands still
        alone = BusState(state.scene, shown, look=state.look, baked=state.baked, placements=placements)
        return alone, {**controls, NEURAL_AMOUNT: 0.0}

    def _back(self, held: _Held, state: BusState, controls: Controls, part: float) -> tuple[BusState, Controls]:
        """What was safe gives way to what the program is now."""
        kept = [name for name in EXPOSURES if name not in self._moved]
        controls = {**controls, **{name: _mixed(held.controls[name], controls[name], part) for name in kept}}
        if self.picture == "hold":
            return state, controls
        if self.picture == "black":
            red, green, blue, cover = state.dip
            return replace(state, dip=(part * red, part * green, part * blue, 1.0 - part * (1.0 - cover))), controls
        amount = part * float(controls[NEURAL_AMOUNT])
        return _dissolved(held, state, part), {**controls, NEURAL_AMOUNT: amount}


def _mixed(before: Value, now: Value, part: float) -> float:
    return float(before) + (float(now) - float(before)) * part


def _dissolved(held: _Held, state: BusState, part: float) -> BusState:
    """From the plate that was safe, where the program is at another by now."""
    shown = max(held.state.shares, key=lambda share: share[1])[0]
    if state.incoming_location is not None or state.location == shown:
        return state
    stood = tuple(each for each in held.state.placements if each[0] == shown)
    placements = (*state.placements, *stood)
    return replace(state, location=shown, incoming_location=state.location, mix=part, placements=placements)
