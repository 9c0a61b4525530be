"""Where the worlds of plates stand: controls, and in a dissolve each location by its own scene's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from vpengine.control.controls import Value
from vpengine.control.declared import PLATE_FORWARD, PLATE_HEIGHT, PLATE_RIGHT, PLATE_SCALE, PLATE_YAW
from vpengine.frames.frame_input import BusState
from vpengine.view.placement import AS_SET, Placement, Placements


def placement_from(controls: Mapping[str, Value]) -> Placement:
    """Where controls put a world."""
    of = (PLATE_YAW, PLATE_RIGHT, PLATE_FORWARD, PLATE_HEIGHT, PLATE_SCALE)
    return Placement(*(float(controls[address]) for address in of))


def placed(state: BusState, placement: Placement) -> BusState:
    """A bus whose target's world stands there."""
    return replace(state, placements=_named({state.target: placement}))


class ProgramPlacements:
    """Remembers, from frame to frame, where the worlds stood that a dissolve leaves."""

    def __init__(self) -> None:
        self._at: dict[str, Placement] = {}
        self._target = ""
        self._comes = False

    def settle(
        self, state: BusState, controls: Mapping[str, Value], values: Mapping[str, Value], ends: Mapping[str, Value]
    ) -> BusState:
        """controls: of the frame. values: as operators have them. ends: where these rest when their fades have ended.

        A location that comes stands where its scene will have it, and one that goes where it stood: a world that slid
        while it dissolves would be seen to. One that stays on the walls while its scene changes goes there.
        """
        rest = placement_from(ends)
        if state.target != self._target:
            self._target, self._comes = state.target, True
        if placement_from(values) == rest:
            self._comes = False
        now = rest if self._comes else placement_from(controls)
        self._at = {location: self._at.get(location, now) for location, _ in state.shares} | {state.target: now}
        return replace(state, placements=_named(self._at))


def _named(by_location: Mapping[str, Placement]) -> Placements:
    return tuple((location, at) for location, at in by_location.items() if at != AS_SET)
