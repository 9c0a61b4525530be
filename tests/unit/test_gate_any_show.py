"""The gate under every operation in any order: nobody finds a way through, and a gate that leaks is caught."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tests.gates import (
    BAKED,
    BAKED_APPROVAL,
    HARBOUR,
    LOOKS,
    MODEL,
    OTHER_MODEL,
    PROMPT,
    SNOW,
    SOME_SNOW,
    keyframe,
    look,
    make_desk,
)
from vpengine.control.approvals import Approvals, is_between
from vpengine.control.declared import NEURAL_AMOUNT, NEURAL_BAKED, NEURAL_SEED
from vpengine.control.desk import FAULT
from vpengine.control.gate import MADE, Gate, Passed
from vpengine.control.messages import ControlChange
from vpengine.control.triggers import (
    CueEdit,
    CueTrigger,
    LookTrigger,
    RefreshTrigger,
    SafeTrigger,
    SceneTrigger,
    TakeTrigger,
)
from vpengine.frames.feed import PROGRAM
from vpengine.frames.frame_input import BusState
from vpengine.frames.keyframe import Keyframe, MadeOf, SurroundFace
from vpengine.frames.look import Look

VALUES = st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.6, 0.9, 1.0])
SCENES = st.sampled_from(["day", "some", "storm", "harbour", "bake"])
DECISIONS = st.sampled_from(["candidate", "approve", "temporary", "revoke"])


class AnyShow(RuleBasedStateMachine):
    """Every public operation, in any order. What the program may show is judged here from the approvals alone."""

    make_gate: Callable[[Approvals], Gate]

    def __init__(self) -> None:
        super().__init__()
        self.gate = self.make_gate(Approvals((SOME_SNOW, HARBOUR, BAKED_APPROVAL)))
        self.gate.model_sha256 = MODEL
        self.desk = make_desk(self.gate)
        self.time_s = 0.0
        self.settled = self.desk.settle(0.0, lambda _: True)
        self.starts: list[Look] = []  # looks that the program had, since approvals changed
        self.had: list[Look] = []  # also before
        self.asked: set[MadeOf] = set()  # what it had made, since approvals changed
        self.admitted: list[Keyframe] = []
        self.kept: list[Keyframe] = []  # on the walls, or ready for them

    @rule(snow=VALUES, text=st.sampled_from([None, "", "a harbour", "a jetty"]))
    def faders(self, snow: float, text: str | None) -> None:
        changes = [ControlChange(SNOW, snow), *([ControlChange(PROMPT, text)] if text is not None else [])]
        self.desk.apply(changes)

    @rule(address=st.sampled_from([NEURAL_SEED, NEURAL_AMOUNT, NEURAL_BAKED]), value=st.sampled_from([0, 1, 7]))
    def engine_control(self, address: str, value: int) -> None:
        self.desk.apply([ControlChange(address, value)])
        self.frame(0.01)

    @rule(scene=SCENES, bus=st.sampled_from(["program", "preview"]))
    def scene(self, scene: str, bus: str) -> None:
        self.desk.apply([SceneTrigger("goto", scene, bus)])

    @rule(snow=VALUES, taken=st.booleans())
    def tried_in_the_preview(self, snow: float, taken: bool) -> None:
        self.desk.apply([ControlChange(SNOW, snow, "preview"), *([SceneTrigger("take")] if taken else [])])

    @rule(scene=st.sampled_from(["some", "harbour", "harbour", "storm", "bake"]))
    def scene_at_rest(self, scene: str) -> None:
        self.desk.apply([SceneTrigger("goto", scene), SceneTrigger("goto", scene, "preview")])
        self.frame(0.01)
        self.frame(3.0)

    @rule(action=st.sampled_from(["go", "back", "pause", "goto", "standby"]), number=st.sampled_from(["1", "2"]))
    def cue(self, action: Any, number: str) -> None:
        self.desk.apply([CueTrigger(action, number)])

    @rule(action=st.sampled_from(["record", "update", "delete", "undo", "redo"]), number=st.sampled_from(["1", "2"]))
    def edit(self, action: Any, number: str) -> None:
        self.desk.apply([CueEdit(action, number)])

    @rule(on=st.booleans(), action=st.sampled_from(["next", "previous"]))
    def safe(self, on: bool, action: Any) -> None:
        self.desk.apply([SafeTrigger(on), SceneTrigger(action), RefreshTrigger()])

    @rule(action=st.sampled_from(["roll", "lock"]), step_s=st.sampled_from([0.2, 3.0]))
    def locked(self, action: Any, step_s: float) -> None:
        """Whatever is pressed meanwhile: the look stays."""
        self.frame(0.01)
        self.desk.apply([TakeTrigger(action)])
        before, closed = self.settled.buses["program"].look, self.settled.closed
        self.desk.apply([ControlChange(SNOW, 0.1), SceneTrigger("next"), CueTrigger("go"), RefreshTrigger()])
        self.frame(step_s)
        assert self.settled.buses["program"].look == before
        assert closed or not self.settled.closed
        self.desk.apply([TakeTrigger("cut"), TakeTrigger("unlock")])

    @rule(action=DECISIONS)
    def decide(self, action: Any) -> None:
        before = self.gate.approvals
        self.desk.apply([LookTrigger(action, "Ana")])
        after = self.gate.approvals
        assert before is not None
        assert after is not None
        if any(one.lets_through and one not in after.each for one in before.each):  # it was taken back
            self.starts.clear()
            self.asked.clear()
            kept = self.kept[-10:]
            self.frame(0.01)
            assert all(one in self.kept for one in kept if self._covers(*one.made_of)), "what is approved stays"
        self.frame(0.01)

    @rule(scene=SCENES, fade_s=st.sampled_from([0.0, 0.0, 0.2, 0.7]))
    def another_model(self, scene: str, fade_s: float) -> None:
        """A ladder steps down, or a machine starts again with other weights; also while a scene comes."""
        if fade_s:
            self.desk.apply([SceneTrigger("goto", scene)])
            self.frame(0.01)
            self.frame(fade_s)
        self.gate.model_sha256 = OTHER_MODEL if self.gate.model_sha256 == MODEL else MODEL
        self.starts.clear()
        self.frame(0.01)

    @rule(
        data=st.data(),
        model=st.sampled_from([MODEL, OTHER_MODEL]),
        bus=st.sampled_from(["program", "preview"]),
        face=st.sampled_from([None, SurroundFace(0, 3)]),
    )
    def a_picture_from_somewhere(self, data: st.DataObject, model: str, bus: str, face: SurroundFace | None) -> None:
        """A stored surround, a cache, a bake, an answer that was late."""
        wanted = data.draw(st.sampled_from([*map(look, (0.1, 0.5, 0.9)), BAKED, *self.had[-20:]]))
        self.admitted += self.gate.admit([keyframe(wanted, self.gate.epoch, model, bus, face)])

    @rule(step_s=st.sampled_from([0.01, 0.2, 0.7, 3.0]))
    def frame(self, step_s: float) -> None:
        self.time_s += step_s
        self.settled = self.desk.settle(self.time_s, lambda _: True)
        state = self.settled.buses["program"]
        self._judge_state(state)
        made = keyframe(state.look, self.settled.epoch, self.gate.model_sha256)
        if not state.baked and not self.settled.closed:
            self.asked.add(made.made_of)
            shown = self.gate.admit([made])
            assert len(shown) == 1, "what the program asks for may be shown"
            self.kept += shown
        barred = self.gate.barred(picture.made_of for picture in self.kept)
        self.kept = [picture for picture in self.kept if picture.request.look not in barred][-20:]
        assert all(map(self._stays, self.kept))
        self.starts.append(state.look)
        self.had.append(state.look)

    def _stays(self, picture: Keyframe) -> bool:
        """Whether it may, by the approvals alone: it is of one, or of a way from one to another.

        No fade makes pictures of a bake: they are those of the model that it is approved with.
        """
        wanted, model = picture.made_of
        if wanted.plain or self._covers(wanted, model) or (wanted, model) in self.asked:
            return True
        return wanted != BAKED and wanted in self._ways()

    def _ways(self) -> set[Look]:
        """What the program had that is of such a way; a fade that was interrupted may be where another begins."""
        had = dict.fromkeys(self.had)
        good = {one for one in had if self._approved(one)}
        ends = [*good]
        for one in had:
            if one not in good and any(is_between(one, start, end) for start in good for end in ends):
                good.add(one)
        return good

    def _covers(self, wanted: Look, model: str) -> bool:
        approvals = self.gate.approvals
        assert approvals is not None
        return any(one.lets_through and not one.why_not(wanted, model) for one in approvals.each)

    def _judge_state(self, state: BusState) -> None:
        if self.settled.closed:
            assert self.settled.controls[NEURAL_AMOUNT] == 0.0
            return
        assert self._lets_through(state.look), state.look

    def _lets_through(self, wanted: Look) -> bool:
        """Approved; or on the way from a look that the program had to one that is approved."""
        if self._approved(wanted):
            return True
        ends = [
            LOOKS.of({"snow": snow, "prompt": text}) for snow in (0.0, 0.2, 0.4, 0.6, 1.0) for text in ("", "a harbour")
        ]
        ends = [replace(end, seed=wanted.seed) for end in ends]
        approved = [end for end in ends if self._approved(end)]
        return any(is_between(wanted, start, end) for start in [*self.starts, *approved] for end in approved)

    def _approved(self, wanted: Look) -> bool:
        approvals = self.gate.approvals
        assert approvals is not None
        model = "" if wanted.generator == "other" else self.gate.model_sha256
        return wanted.plain or any(one.lets_through and not one.why_not(wanted, model) for one in approvals.each)

    @invariant()
    def nothing_that_can_be_pressed_is_a_fault(self) -> None:
        assert not any(why.startswith(FAULT) for why in self.desk.refusals), list(self.desk.refusals)

    @invariant()
    def no_picture_of_a_look_that_nobody_let_through(self) -> None:
        pictures, self.admitted = self.admitted, []
        for picture in pictures:
            request = picture.request
            for_preview = request.bus == "preview" and request.face is None  # a face is there for either bus
            assert for_preview or self._stays(picture)
            self.kept += [] if for_preview else [picture]


def frames_judged(make_gate: Callable[[Approvals], Gate], examples: int = 600, phases: Any = tuple(Phase)) -> int:
    """How many frames were judged, and every one of them right. Raises AssertionError with the way through."""
    frames = 0

    class Judged(AnyShow):
        def __init__(self) -> None:
            self.make_gate = make_gate
            super().__init__()

        def _judge_state(self, state: BusState) -> None:
            nonlocal frames
            super()._judge_state(state)
            frames += 1

    kept = settings(
        max_examples=examples,
        phases=phases,
        stateful_step_count=40,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Judged, settings=kept)  # type: ignore[arg-type]
    return frames


def test_no_way_through() -> None:
    assert frames_judged(Gate) > 5000


class LeavesOldPictures(Gate):
    """A mutant: what it let through once it lets through for ever, also after an approval was taken back."""

    def decide(self, approvals: Approvals) -> None:
        self._approvals = approvals
        self._answers.clear()


class KeepsOldPictures(Gate):
    """A mutant: what was taken back goes no more to the program, and stays on it where it is."""

    def barred(self, kept: Iterable[MadeOf]) -> frozenset[Look]:
        del kept
        return frozenset()


class TakesABakeForItsOwn(Gate):
    """A mutant: a look that was let through as a bake may be made by whatever makes pictures now."""

    def _pass(self, look: Look, model_sha256: str, way: Any = None) -> Passed:
        return super()._pass(look, self.model_sha256 if model_sha256 == MADE else model_sha256, way)


class ForgetsSeeds(Gate):
    """A mutant: an approval is asked without the seed."""

    def why_not(self, look: Look, is_made: bool = False) -> str:
        why = super().why_not(look, is_made)
        return "" if why.startswith("seed") else why


class LetsPicturesIn(Gate):
    """A mutant: of a picture only its epoch is looked at."""

    def _may_show(self, keyframe: Keyframe) -> bool:
        del keyframe
        return True


class ForgetsFaces(Gate):
    """A mutant: a face that was asked for the preview is taken for the preview's, as other pictures are."""

    def _may_show(self, keyframe: Keyframe) -> bool:
        return keyframe.request.bus != PROGRAM or super()._may_show(keyframe)


class GoesOnFading(Gate):
    """A mutant: where a fade comes from and goes to is not asked."""

    def _may_fade(self, start: Look, end: Look) -> bool:
        del start, end
        return True


class GoesOnWithAnotherModel(Gate):
    """A mutant: what was let through once may be where a fade goes to, whatever makes it now."""

    def _may_fade(self, start: Look, end: Look) -> bool:
        return all(look in self._let_through or not self.why_not(look) for look in (start, end))


@pytest.mark.parametrize(
    "mutant",
    [
        LeavesOldPictures,
        KeepsOldPictures,
        TakesABakeForItsOwn,
        ForgetsSeeds,
        LetsPicturesIn,
        ForgetsFaces,
        GoesOnFading,
        GoesOnWithAnotherModel,
    ],
)
def test_a_gate_that_leaks_is_caught(mutant: type[Gate]) -> None:
    with pytest.raises(AssertionError):
        frames_judged(mutant, 5000, (Phase.generate,))  # the first way through is enough
