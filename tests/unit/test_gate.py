"""The gate: what nobody has approved does not reach the program, by whatever way; and a gate that leaks is caught."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from vpengine.control.approvals import Approval, Approvals, approval_of, is_between
from vpengine.control.controls import Control, Controls
from vpengine.control.cues import CueEdits
from vpengine.control.declared import ENGINE_CONTROLS, NEURAL_AMOUNT, NEURAL_BAKED, NEURAL_SEED
from vpengine.control.desk import Desk, Settled
from vpengine.control.gate import Gate
from vpengine.control.looks import Looks, look_address
from vpengine.control.messages import ControlChange, OperatorMessage
from vpengine.control.scenes import SceneEntry, Scenes
from vpengine.control.triggers import (
    CueEdit,
    CueTrigger,
    LookTrigger,
    RefreshTrigger,
    SafeTrigger,
    SceneTrigger,
    TakeTrigger,
)
from vpengine.errors import UserError
from vpengine.frames.frame_input import BusState
from vpengine.frames.grade_table import neutral_grade
from vpengine.frames.images import ImageSet
from vpengine.frames.keyframe import Keyframe, Request, Timings
from vpengine.frames.look import Look
from vpengine.frames.pixels import Pixels
from vpengine.frames.provenance import Provenance
from vpengine.view.camera import camera_view
from vpengine.view.lens import Lens
from vpengine.view.pose import Pose

SNOW, PROMPT = look_address("snow"), look_address("prompt")
OWN = (Control(SNOW, "float", 0.0, "Snow."), Control(PROMPT, "text", "", "A prompt."))
LOOKS = Looks("weather", OWN, lambda values: not values["snow"] and not values["prompt"])
MODEL, OTHER_MODEL = "abc", "def"
SOME_SNOW = Approval("snow", "weather", (), (("snow", (0.0, 0.6)),), None, "", "approved", "Ana", "2026-11-28")
HARBOUR = Approval(
    "harbour", "weather", (("prompt", "a harbour"),), (("snow", (0.2, 0.4)),), 7, MODEL, "approved", "Ana", "2026-11-28"
)
APPROVALS = Approvals((SOME_SNOW, HARBOUR))
BAKED = Look("other", (("mix", 1.0),), 3)
BAKED_APPROVAL = Approval("bake", "other", (), (("mix", (0.0, 1.0)),), 3, "", "approved", "Ana", "2026-11-28")


def look(snow: float = 0.0, prompt: str = "", seed: int = 0) -> Look:
    return replace(LOOKS.of({"snow": snow, "prompt": prompt}), seed=seed)


def keyframe(wanted: Look, epoch: int, model: str = MODEL, bus: str = "program") -> Keyframe:
    view = camera_view(Pose((0.0, 0.0, 1.6)), Lens((24.89, 14.0), 24.0), (2, 2))
    color = np.zeros((2, 2, 3), np.float16)
    plate = ImageSet.of(color, np.ones((2, 2), np.float32), color[..., 0], view, Provenance("plate"))
    source = Provenance("weather", model_sha256=model)
    request = Request(1, epoch, "street", plate, wanted, 0.0, bus=bus)
    return Keyframe(request, Pixels(color), Pixels(color), neutral_grade(), source, Timings(0.0, 0.0, 0.0))


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        (look(0.6), ""),
        (look(0.61), "snow 0.61 is outside"),
        (look(0.3, "a harbour", 7), ""),
        (look(0.3, "a harbour", 8), "seed 8 is not 7"),
        (look(0.3, "a jetty", 7), "prompt is another text"),
        (look(0.1, "a harbour", 7), "snow 0.1 is outside 0.2 to 0.4"),
        (replace(look(0.3), generator="diffusion"), "nobody has approved it"),
        (look(), ""),
    ],
)
def test_an_approval_covers_what_it_says(wanted: Look, why: str) -> None:
    found = Gate(APPROVALS).why_not(wanted)
    assert found.startswith(why) if why else not found
    assert Gate().why_not(wanted) == "", "a show may turn it off"


def test_another_model_is_another_look() -> None:
    gate = Gate(APPROVALS)
    gate.model_sha256 = OTHER_MODEL
    assert (
        gate.why_not(look(0.3, "a harbour", 7))
        == "it was approved with another model (the look 'harbour', approved by Ana)"
    )
    assert gate.why_not(look(0.3)) == ""
    wanted = look(0.3, "a harbour", 7)
    assert gate.admit([keyframe(wanted, 0, OTHER_MODEL)]) == ()
    assert len(gate.admit([keyframe(wanted, 0, MODEL)])) == 1


def test_what_was_shown_with_one_model_does_not_stay_when_another_makes_it() -> None:
    """Found by the machine below."""
    gate = Gate(Approvals((HARBOUR,)))
    gate.model_sha256 = MODEL
    wanted, plain = look(0.3, "a harbour", 7), replace(look(), plain=True)
    assert gate.choose(wanted, (wanted, wanted), plain).look == wanted
    gate.model_sha256 = OTHER_MODEL
    passed = gate.choose(wanted, (wanted, wanted), plain)
    assert (passed.look, passed.closed) == (plain, True)


def test_what_lies_between_two_looks() -> None:
    start, end = look(0.2, "a harbour"), look(0.6, "a jetty")
    half = replace(look(0.4, "a jetty"), blends=(("prompt", (("a harbour", 0.5), ("a jetty", 0.5))),))
    assert is_between(half, start, end)
    assert not is_between(replace(half, seed=1), start, end)
    assert not is_between(replace(half, generator="other"), start, end)
    assert not is_between(look(0.7, "a jetty"), start, end)
    assert not is_between(replace(half, blends=(("prompt", (("a ship", 0.5), ("a jetty", 0.5))),)), start, end)


def test_a_tap_approves_what_is_seen_and_what_is_weaker() -> None:
    made = approval_of("dusk", look(0.8, "dusk", 4), {"snow": 0.0, "prompt": ""}, MODEL)
    assert made.status == "candidate"
    approvals = Approvals().decide(look(0.8, "dusk", 4), made, "approved", "Ana", "now")
    assert [approvals.covering(look(snow, "dusk", 4)) is not None for snow in (0.0, 0.8, 0.81)] == [True, True, False]
    assert approvals.covering(look(0.8, "dusk", 5)) is None
    taken_back = approvals.revoke(look(0.5, "dusk", 4), "Beto", "later")
    assert taken_back.covering(look(0.5, "dusk", 4)) is None
    assert taken_back.each[0].by == "Beto"
    with pytest.raises(UserError, match="not approved"):
        taken_back.revoke(look(0.5, "dusk", 4), "Beto", "later")
    temporary = Approvals().decide(look(0.8, "dusk", 4), made, "temporary", "Ana", "now")
    assert temporary.covering(look(0.8, "dusk", 4)) is not None
    assert temporary.lasting().covering(look(0.8, "dusk", 4)) is None


def make_desk(gate: Gate) -> Desk:
    scenes = [
        SceneEntry("day", "street", 1.0),
        SceneEntry("some", "street", 1.0, ((SNOW, 0.5),)),
        SceneEntry("storm", "hall", 1.0, ((SNOW, 1.0),)),
        SceneEntry("harbour", "hall", 2.0, ((SNOW, 0.3), (PROMPT, "a harbour"), (NEURAL_SEED, 7))),
        SceneEntry("bake", "hall", 1.0),
    ]
    base = ((SNOW, 0.0), (PROMPT, ""), (NEURAL_SEED, 0))
    controls = Controls((*ENGINE_CONTROLS, *OWN))
    return Desk(controls, Scenes(scenes, base), gate, LOOKS, {"bake": BAKED}, CueEdits())


def shown(desk: Desk, *messages: OperatorMessage, at_s: float) -> Settled:
    desk.apply(messages)
    return desk.settle(at_s, lambda _: True)


def test_a_scene_that_nobody_approved_does_not_begin_and_the_refusal_says_the_cure() -> None:
    desk = make_desk(Gate(APPROVALS))
    assert shown(desk, SceneTrigger("goto", "some"), at_s=1.0).buses["program"].scene == "some"
    assert shown(desk, SceneTrigger("goto", "storm"), at_s=4.0).buses["program"].scene == "some"
    (why,) = desk.refusals
    assert why == (
        "this look may not be on the program: snow 1 is outside 0 to 0.6 (the look 'snow', approved by Ana); show it "
        "in the preview (/vp/preview/look/...) and approve it there (/vp/approve and a name)"
    )


def test_a_fade_between_two_approved_looks_goes_all_the_way() -> None:
    """Through values that neither has: from snow without words to words with another seed, at once."""
    desk = make_desk(Gate(APPROVALS))
    shown(desk, SceneTrigger("goto", "some"), at_s=0.0)
    snow = [dict(shown(desk, at_s=0.1 * step).buses["program"].look.values)["snow"] for step in range(12)]
    assert snow == sorted(snow)
    assert snow[-1] == 0.5
    shown(desk, SceneTrigger("goto", "day"), at_s=5.0)
    back = [dict(shown(desk, at_s=5.0 + 0.1 * step).buses["program"].look.values)["snow"] for step in range(12)]
    assert back == sorted(back, reverse=True)
    assert back[-1] == 0.0
    assert not desk.refusals


def test_a_hand_beyond_the_range_is_refused_and_the_fader_stays() -> None:
    desk = make_desk(Gate(APPROVALS))
    shown(desk, ControlChange(SNOW, 0.4), at_s=1.0)
    settled = shown(desk, ControlChange(SNOW, 0.9), at_s=2.0)
    assert settled.controls[SNOW] == 0.4
    assert desk.refused == 1


def test_a_show_that_begins_with_what_nobody_approved_shows_the_plate() -> None:
    desk = make_desk(Gate(Approvals()))
    desk.scenes.enter_first(desk.controls, 0.0, "storm")
    settled = shown(desk, at_s=0.0)
    assert settled.closed
    assert settled.controls[NEURAL_AMOUNT] == 0.0
    assert settled.buses["program"].look.plain
    shown(desk, at_s=1.0)
    assert len(desk.refusals) == 1, "told once"


def test_what_was_approved_in_the_preview_may_go_and_what_is_taken_back_leaves() -> None:
    desk = make_desk(Gate(Approvals()))
    desk.gate.model_sha256 = MODEL
    shown(desk, SceneTrigger("goto", "storm", "preview"), at_s=0.0)
    assert shown(desk, SceneTrigger("goto", "storm"), at_s=1.0).buses["program"].scene == "day"
    shown(desk, LookTrigger("approve", "Ana"), at_s=2.0)
    approval = desk.gate.approvals.each[0]  # type: ignore[union-attr]
    assert (approval.by, approval.status, approval.model_sha256) == ("Ana", "approved", MODEL)
    shown(desk, SceneTrigger("goto", "storm"), at_s=3.0)
    storm = shown(desk, at_s=9.0)
    assert storm.buses["program"].look.values == (("snow", 1.0), ("prompt", ""))
    shown(desk, LookTrigger("revoke", "Beto"), at_s=10.0)
    gone = shown(desk, at_s=11.0)
    assert gone.closed
    assert gone.controls[NEURAL_AMOUNT] == 0.0


def test_a_look_is_tried_in_the_preview_approved_there_and_taken() -> None:
    """Nothing on the walls moves meanwhile; the scene on them is tried where none was put there."""
    desk = make_desk(Gate(Approvals()))
    before = shown(desk, at_s=0.0).buses["program"]
    tried = shown(desk, ControlChange(SNOW, 0.7, "preview"), ControlChange(PROMPT, "ice", "preview"), at_s=1.0)
    assert (tried.buses["preview"].scene, tried.buses["preview"].look) == ("day", look(0.7, "ice"))
    assert (tried.buses["program"], tried.controls[SNOW]) == (before, 0.0)
    shown(desk, SceneTrigger("take"), at_s=2.0)
    assert desk.refused == 1
    shown(desk, LookTrigger("approve", "Ana"), SceneTrigger("take"), at_s=3.0)
    assert shown(desk, at_s=9.0).buses["program"].look == look(0.7, "ice")
    desk.apply([SceneTrigger("goto", "", "preview"), SceneTrigger("take"), ControlChange(SNOW, "much", "preview")])
    assert list(desk.refusals)[1:] == [
        "there is nothing in the preview to take",
        "/vp/look/snow: 'much', expected a number from 0 to 1",
    ]


def test_a_show_may_say_who_may_approve() -> None:
    scenes, controls = Scenes([SceneEntry("storm", "hall", 1.0, ((SNOW, 1.0),))]), Controls((*ENGINE_CONTROLS, *OWN))
    desk = Desk(controls, scenes, Gate(Approvals()), LOOKS, approvers=("Ana", "Beto"))
    shown(desk, SceneTrigger("goto", "storm", "preview"), at_s=0.0)
    desk.apply([LookTrigger("approve", "Carla"), LookTrigger("candidate", "Carla"), SceneTrigger("goto", "storm")])
    assert list(desk.refusals) == [
        "'Carla' may not decide on looks of this show; Ana or Beto may",
        "this look may not be on the program: it is a candidate, and nobody has approved it; show it in the preview "
        "(/vp/preview/look/...) and Ana or Beto may approve it there (/vp/approve and a name)",
    ]
    desk.apply([LookTrigger("approve", " ana "), SceneTrigger("goto", "storm")])
    assert desk.refused == 2
    assert desk.gate.approvals is not None
    assert desk.gate.approvals.each[-1].by == "Ana"


def test_a_decision_needs_a_name_and_a_preview() -> None:
    desk = make_desk(Gate(Approvals()))
    desk.apply([LookTrigger("approve", "Ana")])
    shown(desk, SceneTrigger("goto", "storm", "preview"), at_s=0.0)
    desk.apply([LookTrigger("approve", " ")])
    assert list(desk.refusals) == [
        "there is nothing in the preview to decide on; put a scene or a cue there",
        "who decides? send a name with /vp/approve",
    ]


VALUES = st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.6, 0.9, 1.0])
SCENES = st.sampled_from(["day", "some", "storm", "harbour", "bake"])
DECISIONS = st.sampled_from(["candidate", "approve", "temporary", "revoke"])


class AnyShow(RuleBasedStateMachine):
    """Every public operation, in any order. What the program may show is judged here from the approvals alone."""

    make_gate: Callable[[Approvals], Gate] = Gate

    def __init__(self) -> None:
        super().__init__()
        self.gate = type(self).make_gate(Approvals((SOME_SNOW, HARBOUR, BAKED_APPROVAL)))
        self.gate.model_sha256 = MODEL
        self.desk = make_desk(self.gate)
        self.time_s = 0.0
        self.settled = self.desk.settle(0.0, lambda _: True)
        self.starts: list[Look] = []  # looks that the program had, since approvals changed
        self.had: list[Look] = []  # also before
        self.admitted: list[Keyframe] = []

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
        before = self.settled.buses["program"].look
        self.desk.apply([ControlChange(SNOW, 0.1), SceneTrigger("next"), CueTrigger("go"), RefreshTrigger()])
        self.frame(step_s)
        assert self.settled.closed or self.settled.buses["program"].look == before
        self.desk.apply([TakeTrigger("cut"), TakeTrigger("unlock")])

    @rule(action=DECISIONS)
    def decide(self, action: Any) -> None:
        before = self.gate.approvals
        self.desk.apply([LookTrigger(action, "Ana")])
        if self.gate.approvals != before:
            self.starts.clear()
        self.frame(0.01)

    @rule()
    def another_model(self) -> None:
        """A ladder steps down, or a machine starts again with other weights."""
        self.gate.model_sha256 = OTHER_MODEL if self.gate.model_sha256 == MODEL else MODEL
        self.starts.clear()
        self.frame(0.01)

    @rule(data=st.data(), model=st.sampled_from([MODEL, OTHER_MODEL]), bus=st.sampled_from(["program", "preview"]))
    def a_picture_from_somewhere(self, data: st.DataObject, model: str, bus: str) -> None:
        """A stored surround, a cache, a bake, an answer that was late."""
        wanted = data.draw(st.sampled_from([*map(look, (0.1, 0.5, 0.9)), *self.had[-20:]]))
        self.admitted += self.gate.admit([keyframe(wanted, self.gate.epoch, model, bus)])

    @rule(step_s=st.sampled_from([0.01, 0.2, 0.7, 3.0]))
    def frame(self, step_s: float) -> None:
        self.time_s += step_s
        self.settled = self.desk.settle(self.time_s, lambda _: True)
        state = self.settled.buses["program"]
        self._judge_state(state)
        made = keyframe(state.look, self.settled.epoch, self.gate.model_sha256)
        if not state.baked and not self.settled.closed:
            assert len(self.gate.admit([made])) == 1, "what the program asks for may be shown"
        self.starts.append(state.look)
        self.had.append(state.look)

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
    def no_picture_of_a_look_that_nobody_let_through(self) -> None:
        pictures, self.admitted = self.admitted, []
        for picture in pictures:
            request, model = picture.request, picture.provenance.model_sha256
            approvals = self.gate.approvals
            assert approvals is not None
            covered = any(one.lets_through and not one.why_not(request.look, model) for one in approvals.each)
            assert request.bus == "preview" or request.look.plain or covered or request.look in self.starts


def judged(make_gate: Callable[[Approvals], Gate], examples: int = 600, phases: Any = tuple(Phase)) -> None:
    machine = type("Judged", (AnyShow,), {"make_gate": staticmethod(make_gate)})
    kept = settings(
        max_examples=examples,
        phases=phases,
        stateful_step_count=40,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=kept)  # type: ignore[arg-type]


def test_no_way_through() -> None:
    judged(Gate)


class LeavesOldPictures(Gate):
    """A mutant: what it let through once it lets through for ever, also after an approval was taken back."""

    def decide(self, approvals: Approvals) -> None:
        self._approvals = approvals


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
    "mutant", [LeavesOldPictures, ForgetsSeeds, LetsPicturesIn, GoesOnFading, GoesOnWithAnotherModel]
)
def test_a_gate_that_leaks_is_caught(mutant: type[Gate]) -> None:
    with pytest.raises(AssertionError):
        judged(mutant, 5000, (Phase.generate,))  # the first way through is enough
