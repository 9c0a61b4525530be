"""The desk: all that operators said, settled once a frame. Messages in, the frame's controls, program and epoch out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from vpengine.control.controls import Controls, Value
from vpengine.control.declared import NEURAL_BAKED
from vpengine.control.gate import Gate
from vpengine.control.looks import Looks
from vpengine.control.messages import ControlChange, OperatorMessage
from vpengine.control.scenes import Scenes
from vpengine.control.triggers import RefreshTrigger, SceneTrigger
from vpengine.errors import UserError
from vpengine.frames.feed import PREVIEW, PROGRAM
from vpengine.frames.frame_input import BusState
from vpengine.frames.look import Look

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settled:
    """What operators want in one frame. epoch: of what the program asks of the generator. refresh: all of it anew."""

    buses: Mapping[str, BusState]
    controls: Mapping[str, Value]
    epoch: int
    refresh: bool = False


class Desk:
    """Controls, scenes and gate. A change that cannot be is refused with one line and leaves all as it was.

    looks: of the generator, which the frame's Look is asked of. baked: the looks that scenes were baked with, by slug:
    they are theirs, whatever the faders say. Triggers of cameras are not the desk's own: it passes them over.
    """

    def __init__(
        self, controls: Controls, scenes: Scenes, gate: Gate, looks: Looks, baked: Mapping[str, Look] | None = None
    ) -> None:
        self.controls = controls
        self.scenes = scenes
        self.gate = gate
        self.refused = 0
        self._looks = looks
        self._baked = baked or {}
        self._refresh = False

    def ask_of(self, looks: Looks) -> None:
        """Another generator from now on."""
        self._looks = looks

    def apply(self, messages: Iterable[OperatorMessage]) -> None:
        """In the order in which they came: a hand on a fader overrides scenes asked for before, not those after."""
        for message in messages:
            try:
                self._take(message)
            except UserError as error:
                self.refused += 1
                log.warning("%s", error)

    def _take(self, message: OperatorMessage) -> None:
        if isinstance(message, SceneTrigger):
            self.scenes.ask(message)
        elif isinstance(message, RefreshTrigger):
            self._refresh = True
        elif isinstance(message, ControlChange):
            self.controls.set(message.address, message.value)
            self.scenes.moved_by_hand(message.address)

    def settle(self, time_s: float, ready: Callable[[str], bool]) -> Settled:
        """ready: whether a location can be drawn."""
        program = self.scenes.advance(time_s, self.controls, ready)
        controls = self.controls.freeze(time_s)
        look = self._looks.at_frame(controls, self.controls.blends(time_s))
        buses, looks = {PROGRAM: program}, {PROGRAM: look}
        standby = self.scenes.standby(ready)
        if standby is not None:
            buses[PREVIEW] = standby
            looks[PREVIEW] = self._looks.at_frame({**controls, **self.scenes.standby_controls()})
        shown = {bus: self._with_look(state, looks[bus], controls) for bus, state in buses.items()}
        epoch = self.gate.follow(shown[PROGRAM].look)
        refresh, self._refresh = self._refresh, False
        return Settled(shown, controls, epoch, refresh)

    def _with_look(self, state: BusState, look: Look, controls: Mapping[str, Value]) -> BusState:
        baked = self._baked.get(state.scene) if controls[NEURAL_BAKED] else None
        return replace(state, look=look) if baked is None else replace(state, look=baked, baked=True)
