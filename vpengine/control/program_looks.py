"""The look that the program has: a bake's or the faders', as far as the gate lets it through."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from vpengine.control.controls import Controls, Value
from vpengine.control.declared import NEURAL_BAKED
from vpengine.control.gate import Gate, Passed, cure
from vpengine.control.looks import Looks
from vpengine.control.scenes import Step
from vpengine.errors import UserError
from vpengine.frames.frame_input import BusState
from vpengine.frames.look import Look


class ProgramLooks:
    """Asks the gate before anything goes, and once a frame; remembers what was shown.

    looks: of the generator, which looks are asked of. baked: those that scenes were baked with, by slug: they are
    theirs, whatever the faders say. refuse: is told, once, when the gate does not let through what is wanted.
    """

    def __init__(
        self,
        gate: Gate,
        looks: Looks,
        baked: Mapping[str, Look],
        approvers: Collection[str],
        refuse: Callable[[str], None],
    ) -> None:
        self.looks = looks
        self.shown: Look | None = None  # in the newest frame
        self.told = ""  # why it is not what is wanted
        self._gate = gate
        self._baked, self._cure = baked, cure(approvers)
        self._refuse = refuse
        self._way: tuple[Look, Look] | None = None  # from what was shown to where the controls are going

    def take_show(self, baked: Mapping[str, Look], approvers: Collection[str]) -> None:
        """What another version of the show says, from now on."""
        self._baked, self._cure = baked, cure(approvers)

    def baked(self, scene: str, values: Mapping[str, Value]) -> Look | None:
        """Its bake's, where it has one and that is to be shown."""
        return self._baked.get(scene) if values[NEURAL_BAKED] else None

    def put(self, state: BusState, look: Look, values: Mapping[str, Value]) -> BusState:
        """The bus with this look."""
        return replace(state, look=look, baked=look == self.baked(state.scene, values))

    def refuse_step(self, step: Step, targets: Mapping[str, Value]) -> None:
        """Raises UserError where what it leads to is not let through. targets: of the controls that it leaves."""
        baked = self.baked(step.scene, targets)
        if baked is None:
            self.refuse_unapproved({**targets, **{move.address: move.value for move in step.moves}})
        elif why := self._gate.why_not(baked, is_made=True):
            raise UserError(f"the bake of the scene {step.scene} may not be shown: {why}; {self._cure}")

    def refuse_unapproved(self, values: Mapping[str, Value]) -> None:
        """Raises UserError where the program would come to rest in a look that the gate does not let through."""
        if why := self._gate.why_not(self.looks.at_frame(values)):
            raise UserError(f"this look may not be on the program: {why}; {self._cure}")

    def settle(self, scene: str, values: Mapping[str, Value], controls: Controls, now_s: float, locked: bool) -> Passed:
        """What the gate lets the program have in this frame. locked: what is shown stays.

        values: of the controls, as chance has them; ``controls`` knows where their fades go.
        """
        baked = self.baked(scene, values)
        look = baked or self.looks.at_frame(values, controls.blends(now_s))
        if locked and self.shown is not None and self.shown.generator == look.generator:
            look = self.shown  # also where a text was on its way
        end = baked or self.looks.at_frame({**values, **controls.targets()})
        if self._way is None or self._way[1] != end:
            self._way = (self.shown or end, end)
        passed = self._gate.choose(look, self._way, self._plain(), is_made=baked is not None)
        if passed.why and passed.why != self.told:
            self._refuse(f"the look of the scene {scene} is not shown: {passed.why}; {self._cure}")
        self.told, self.shown = passed.why, passed.look
        return passed

    def _plain(self) -> Look:
        """What leaves the plate as it is."""
        return replace(self.looks.of({}), plain=True)
