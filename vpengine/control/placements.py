"""Where the worlds of plates stand: controls, and in a dissolve each location by its own scene's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, replace

from vpengine.control.controls import Controls, Value
from vpengine.control.declared import PLATE_FORWARD, PLATE_HEIGHT, PLATE_RIGHT, PLATE_SCALE, PLATE_YAW
from vpengine.frames.frame_input import BusState
from vpengine.view.placement import AS_SET, Placement, Placements

PLACE = (PLATE_YAW, PLATE_RIGHT, PLATE_FORWARD, PLATE_HEIGHT, PLATE_SCALE)  # as Placement has them


def placement_from(controls: Mapping[str, Value]) -> Placement:
    """Where controls put a world."""
    return Placement(*(float(controls[address]) for address in PLACE))


def values_of(placement: Placement) -> dict[str, Value]:
    """The controls that put a world there."""
    return dict(zip(PLACE, astuple(placement), strict=True))


def placed(state: BusState, location: str, placement: Placement) -> BusState:
    """A bus on which the world of a location stands there, and the others where they stood."""
    return replace(state, placements=_named({**dict(state.placements), location: placement}))


class ProgramPlacements:
    """Remembers, from frame to frame, where the worlds stood that a dissolve leaves."""

    def __init__(self) -> None:
        self._at: dict[str, Placement] = {}
        self._target = ""
        self._comes = False  # the target's world stands where its controls are still going

    def settle(
        self, state: BusState, controls: Mapping[str, Value], ends: Mapping[str, Value], locked: bool = False
    ) -> BusState:
        """controls: of the frame. ends: where these rest when their fades have ended. locked: what stands stays there.

        A location that comes stands where its scene will have it, and one that goes where it stood: a world that slid
        while it dissolves would be seen to. One that stays on the walls while its scene changes goes there.
        """
        now, rest = placement_from(controls), placement_from(ends)
        if state.target != self._target:
            self._target, self._comes = state.target, True
        if now == rest:
            self._comes = False
        if locked:
            now = self._at.get(state.target, rest)
        elif self._comes:
            now = rest
        self._at = {location: self._at.get(location, now) for location, _ in state.shares} | {state.target: now}
        return replace(state, placements=_named(self._at))

    def rest(self, controls: Controls) -> None:
        """Fades whose end shows already are ended: where they stopped on their way, the world would go back."""
        ends = controls.targets()
        for address in PLACE if self._comes else ():
            controls.set(address, ends[address])


def _named(by_location: Mapping[str, Placement]) -> Placements:
    return tuple((location, at) for location, at in by_location.items() if at != AS_SET)
