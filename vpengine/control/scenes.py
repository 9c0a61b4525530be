"""Which scene is on the wall: triggers in, a ProgramState out; a dissolve begins when the new plate is ready."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from vpengine.control.controls import Controls, Value
from vpengine.control.triggers import SceneTrigger
from vpengine.errors import UserError, did_you_mean
from vpengine.frames.frame_input import ProgramState


@dataclass(frozen=True)
class SceneEntry:
    """place: the name of the plate that the scene shows; scenes on one place differ in their controls only."""

    slug: str
    place: str
    dissolve_s: float
    controls: tuple[tuple[str, Value], ...] = ()


class Scenes:
    """The scene list and the dissolve. Nothing here loads or draws: ``ready`` says whether a place can be drawn."""

    def __init__(self, entries: Iterable[SceneEntry]) -> None:
        self._entries = {entry.slug: entry for entry in entries}
        self._order = list(self._entries)
        first = self._entries[self._order[0]]
        self._state = ProgramState(first.slug, first.place)
        self._wanted: str | None = None
        self._by_hand: set[str] = set()  # controls moved since a scene was last asked for
        self._started_s = 0.0

    @property
    def slugs(self) -> tuple[str, ...]:
        return tuple(self._order)

    @property
    def shown(self) -> str:
        """The slug of the scene on the wall, or coming on to it."""
        return self._state.scene

    def enter_first(self, controls: Controls, time_s: float) -> None:
        """Set the first scene's controls at once."""
        for address, value in self._entries[self._order[0]].controls:
            controls.fade(address, value, time_s, 0.0)

    def ask(self, trigger: SceneTrigger) -> None:
        """Note which scene is wanted. Raises UserError for a scene that does not exist."""
        self._wanted = self._named(trigger) if trigger.action == "goto" else self._neighbour(trigger)
        self._by_hand.clear()

    def moved_by_hand(self, address: str) -> None:
        """A scene that was asked for before, and begins later, leaves this control where the hand put it."""
        self._by_hand.add(address)

    def _neighbour(self, trigger: SceneTrigger) -> str:
        step = 1 if trigger.action == "next" else -1
        here = self._order.index(self._wanted or self._state.scene)
        return self._order[(here + step) % len(self._order)]

    def _named(self, trigger: SceneTrigger) -> str:
        if trigger.name not in self._entries:
            raise UserError(f"no scene {trigger.name!r}{did_you_mean(trigger.name, self._entries)}")
        return trigger.name

    def advance(self, time_s: float, controls: Controls, ready: Callable[[str], bool]) -> ProgramState:
        """The program at ``time_s``: starts the wanted scene when its place is ready, and moves a running dissolve."""
        self._finish_dissolve(time_s)
        if self._wanted and self._state.incoming_place is None and ready(self._entries[self._wanted].place):
            self._begin(self._entries[self._wanted], time_s, controls)
            self._wanted = None
        return self._state

    def _begin(self, entry: SceneEntry, time_s: float, controls: Controls) -> None:
        for address, value in entry.controls:
            if address not in self._by_hand:
                controls.fade(address, value, time_s, entry.dissolve_s)
        if entry.place == self._state.place or entry.dissolve_s <= 0.0:
            self._state = ProgramState(entry.slug, entry.place)
            return
        self._started_s = time_s
        self._state = ProgramState(entry.slug, self._state.place, entry.place, 0.0)

    def _finish_dissolve(self, time_s: float) -> None:
        state = self._state
        if state.incoming_place is None:
            return
        duration_s = self._entries[state.scene].dissolve_s
        mix = min((time_s - self._started_s) / duration_s, 1.0)
        done = mix >= 1.0
        self._state = (
            ProgramState(state.scene, state.incoming_place)
            if done
            else ProgramState(state.scene, state.place, state.incoming_place, mix)
        )
