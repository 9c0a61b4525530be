"""The look that the program has: a bake's or the faders', as far as the gate lets it through."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

from vpengine.control.controls import Value
from vpengine.control.declared import NEURAL_BAKED
from vpengine.control.gate import Gate, Passed, cure
from vpengine.control.looks import Looks
from vpengine.control.scenes import Step
from vpengine.errors import UserError
from vpengine.frames.frame_input import BusState
from vpengine.frames.look import Blend, Look


@dataclass(frozen=True)
class Standing:
    """Where the controls are in a frame. scene: the program's. drifting: as chance has them. ends: where their fades
    go. blends: of texts that change, by address.
    """

    scene: str
    values: Mapping[str, Value]
    drifting: Mapping[str, Value]
    ends: Mapping[str, Value]
    blends: Mapping[str, Blend]


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
        self._stood: Look | None = None  # what was shown, but for what drifted
        self._way: tuple[Look, Look] | None = None  # from there to where the controls are going
        self._told_of: Look | None = None  # where they were going when ``refuse`` was told

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

    def settle(self, at: Standing, locked: bool = False) -> Passed:
        """What the gate lets the program have in this frame. locked: what is shown stays."""
        passed, calm, end = self._ask(at, locked)
        if passed.why and (not self.told or end != self._told_of):  # once, however its numbers go on moving
            self._told_of = end
            self._refuse(f"the look of the scene {at.scene} is not shown: {passed.why}; {self._cure}")
        self.told, self.shown = passed.why, passed.look
        self._stood = passed.look if passed.why else calm
        return passed

    def leave(self, at: Standing) -> None:
        """As ``settle``, before a step begins in the same frame: its way begins where the one before has come to by
        now. From the frame before it would leave out what a fader went on, and its first frame would lie beside it.
        """
        passed, calm, _ = self._ask(at)
        if not passed.why:
            self._stood = calm

    def _ask(self, at: Standing, locked: bool = False) -> tuple[Passed, Look, Look]:
        """What the gate says, the look that the controls are at, and the one that they are going to."""
        baked = self.baked(at.scene, at.drifting)
        look = baked or self.looks.at_frame(at.drifting, at.blends)
        calm = baked or (look if at.drifting is at.values else self.looks.at_frame(at.values, at.blends))
        if locked and self.shown is not None and self.shown.generator == look.generator:
            look = calm = self.shown
        end = baked or self.looks.at_frame({**at.values, **at.ends})
        if self._way is None or self._way[1] != end:
            self._way = (self._stood or end, end)
        passed = self._gate.choose(look, self._way, self._plain(), is_made=baked is not None, calm=calm)
        return passed, calm, end

    def _plain(self) -> Look:
        """What leaves the plate as it is."""
        return replace(self.looks.of({}), plain=True)
