"""The desk: all that operators said, settled once a frame. Messages in, the frame's controls, program and epoch out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from vpengine.control.controls import Controls, Value
from vpengine.control.declared import look_at_frame
from vpengine.control.gate import Gate
from vpengine.control.messages import ControlChange, OperatorMessage
from vpengine.control.scenes import Scenes
from vpengine.control.triggers import SceneTrigger
from vpengine.errors import UserError
from vpengine.frames.frame_input import ProgramState
from vpengine.frames.look import Look

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settled:
    """What operators want in one frame. look: asked of the generator, in ``epoch``."""

    program: ProgramState
    controls: Mapping[str, Value]
    look: Look
    epoch: int


class Desk:
    """Controls, scenes and gate. A change that cannot be is refused with one line and leaves all as it was.

    Triggers of cameras are not its own: it passes them over.
    """

    def __init__(self, controls: Controls, scenes: Scenes, gate: Gate, generator: str) -> None:
        self.controls = controls
        self.scenes = scenes
        self.gate = gate
        self.refused = 0
        self._generator = generator

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
        elif isinstance(message, ControlChange):
            self.controls.set(message.address, message.value)
            self.scenes.moved_by_hand(message.address)

    def settle(self, time_s: float, ready: Callable[[str], bool]) -> Settled:
        """ready: whether a place can be drawn."""
        program = self.scenes.advance(time_s, self.controls, ready)
        controls = self.controls.freeze(time_s)
        look = look_at_frame(self._generator, controls)
        return Settled(program, controls, look, self.gate.follow(look.generator, look.seed))
