"""The gate: what nobody has approved does not reach the program, and a refusal says the cure."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.gates import (
    APPROVALS,
    HARBOUR,
    LOOKS,
    MODEL,
    OTHER_MODEL,
    OWN,
    PROMPT,
    SNOW,
    SOME_SNOW,
    keyframe,
    look,
    make_desk,
)
from vpengine.control.approvals import Approval, Approvals, approval_of, is_between
from vpengine.control.controls import Controls
from vpengine.control.cues import Cue
from vpengine.control.declared import ENGINE_CONTROLS, NEURAL_AMOUNT
from vpengine.control.desk import Desk
from vpengine.control.gate import Gate
from vpengine.control.messages import ControlChange, ControlToggle, OperatorMessage
from vpengine.control.scenes import SceneEntry, Scenes
from vpengine.control.settled import Settled
from vpengine.control.triggers import CueEdit, CueTrigger, LookTrigger, SceneTrigger
from vpengine.errors import UserError
from vpengine.frames.look import Look


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
    """Found by the machine of ``test_gate_any_show``."""
    gate = Gate(Approvals((HARBOUR,)))
    gate.model_sha256 = MODEL
    wanted, plain = look(0.3, "a harbour", 7), replace(look(), plain=True)
    assert gate.choose(wanted, (wanted, wanted), plain).look == wanted
    gate.model_sha256 = OTHER_MODEL
    passed = gate.choose(wanted, (wanted, wanted), plain)
    assert (passed.look, passed.closed) == (plain, True)


def test_what_is_taken_back_is_barred_and_the_middle_of_a_fade_only_with_an_end_of_it() -> None:
    jetty = replace(HARBOUR, name="jetty", texts=(("prompt", "a harbour"),), ranges=(("snow", (0.9, 1.0)),))
    other = replace(SOME_SNOW, name="another scene's")
    gate = Gate(Approvals((HARBOUR, jetty, other)))
    gate.model_sha256 = MODEL
    start, half, end = (look(snow, "a harbour", 7) for snow in (0.3, 0.6, 0.9))
    for wanted in (start, half, end):
        assert not gate.choose(wanted, (start, end), replace(look(), plain=True)).closed
    kept = [(each, MODEL) for each in (start, half, end)]
    assert gate.barred(kept) == frozenset()
    gate.decide(Approvals((HARBOUR, jetty)))
    assert gate.barred(kept) == frozenset(), "what another scene has been refused is nothing to these"
    gate.decide(Approvals((HARBOUR,)))
    assert gate.barred(kept) == {half, end}
    gate.turn(None)
    assert gate.barred(kept) == frozenset()
    gate.turn(Approvals((jetty,)))
    assert gate.barred(kept) == {start, half}


def test_a_bake_that_is_approved_approves_no_other_model() -> None:
    """One that came from it may begin there, and shows nothing of the look itself."""
    baked = Approval("bake", "weather", (), (("snow", (0.5, 0.5)),), 0, OTHER_MODEL, "approved", "Ana", "2026-11-28")
    gate = Gate(Approvals((SOME_SNOW, replace(baked, ranges=(("snow", (0.8, 0.8)),)))))
    gate.model_sha256 = MODEL
    made, goes_to, plain = look(0.8), look(0.2), replace(look(), plain=True)
    assert gate.choose(made, None, plain, is_made=True).look == made
    assert len(gate.admit([keyframe(made, 0, OTHER_MODEL)])) == 1
    assert gate.choose(made, (made, goes_to), plain).look == made
    assert gate.admit([keyframe(made, 0, MODEL)]) == ()
    on_its_way = look(0.5)
    assert gate.choose(on_its_way, (made, goes_to), plain).look == on_its_way
    assert len(gate.admit([keyframe(on_its_way, 0, MODEL)])) == 1


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
    approvals = Approvals().decide(made, "approved", "Ana", "now")
    assert [approvals.covering(look(snow, "dusk", 4)) is not None for snow in (0.0, 0.8, 0.81)] == [True, True, False]
    assert approvals.covering(look(0.8, "dusk", 5)) is None
    taken_back = approvals.revoke(look(0.5, "dusk", 4), "Beto", "later")
    assert taken_back.covering(look(0.5, "dusk", 4)) is None
    assert taken_back.each[0].by == "Beto"
    with pytest.raises(UserError, match="not approved"):
        taken_back.revoke(look(0.5, "dusk", 4), "Beto", "later")
    temporary = Approvals().decide(made, "temporary", "Ana", "now")
    assert temporary.covering(look(0.8, "dusk", 4)) is not None
    assert temporary.lasting().covering(look(0.8, "dusk", 4)) is None


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


def test_a_scene_and_its_approval_may_come_in_one_frame_and_what_was_decided_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    desk = make_desk(Gate(APPROVALS))
    shown(desk, at_s=0.0)
    shown(desk, SceneTrigger("goto", "storm", "preview"), LookTrigger("approve", "Ana"), at_s=1.0)
    assert not desk.refusals
    assert shown(desk, SceneTrigger("goto", "storm"), at_s=2.0).buses["program"].target == "hall"
    assert "the look 'look' is approved, by Ana" in caplog.text
    shown(desk, SceneTrigger("goto", "storm", "preview"), LookTrigger("revoke", "Beto"), at_s=5.0)
    assert "the look 'look' is not approved any more, with all that it covered: Beto took that back" in caplog.text


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


@pytest.mark.parametrize("wait_s", [0.0, 0.5])
def test_a_cue_that_follows_is_refused_as_go_is(wait_s: float) -> None:
    """By itself or by hand: the cue that runs stays, with its scene, and it is told once."""
    desk = make_desk(Gate(APPROVALS))
    for cue in (Cue("1", scene="some", follow_s=1.0), Cue("2", scene="storm", wait_s=wait_s)):
        desk.cues.record(cue)
    shown(desk, CueTrigger("go"), at_s=1.0)
    for step in range(30):
        now = shown(desk, at_s=2.5 + 0.1 * step)
    assert (desk.playback.running, now.buses["program"].scene) == ("1", "some")
    assert desk.playback.standby == desk.cues.now.find("2")
    shown(desk, CueTrigger("go"), at_s=6.0)
    by_itself, by_hand = desk.refusals
    assert by_itself == by_hand
    assert by_hand.startswith("this look may not be on the program: snow 1 is outside")
    shown(desk, LookTrigger("approve", "Ana"), CueTrigger("go"), at_s=7.0)
    assert shown(desk, at_s=10.0).buses["program"].scene == "storm"


def test_a_cue_that_waits_is_asked_for_again_when_its_time_comes() -> None:
    """What it was let go with may have been taken back meanwhile."""
    desk = make_desk(Gate(APPROVALS))
    for cue in (Cue("1", scene="day"), Cue("2", scene="some", wait_s=1.0, follow_s=0.0), Cue("3", scene="day")):
        desk.cues.record(cue)
    shown(desk, CueTrigger("go"), at_s=1.0)
    shown(desk, CueTrigger("go"), at_s=5.0)
    assert desk.playback.running == "2"
    desk.gate.decide(Approvals((HARBOUR,)))
    for step in range(20):
        now = shown(desk, at_s=5.5 + 0.1 * step)
    assert (desk.playback.running, now.buses["program"].scene, len(desk.refusals)) == ("1", "day", 1)


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


@pytest.mark.parametrize("decision", [LookTrigger("keep"), LookTrigger("candidate", "ice")])
def test_what_is_kept_in_the_middle_of_a_fade_leaves_the_walls_as_they_are(decision: LookTrigger) -> None:
    """Also where another fade was interrupted, so that where this one comes from is no look of its own."""
    ice = Approval("ice", "weather", (), (("snow", (0.5, 0.6)),), None, "", "approved", "Ana", "now")
    scenes = [SceneEntry("day", "street", 2.0), SceneEntry("ice", "street", 2.0, ((SNOW, 0.5),))]
    controls = Controls((*ENGINE_CONTROLS, *OWN))
    desk = Desk(controls, Scenes(scenes, ((SNOW, 0.0),)), Gate(Approvals((ice,))), LOOKS)
    shown(desk, at_s=0.0)
    shown(desk, SceneTrigger("goto", "ice"), SceneTrigger("goto", "ice", "preview"), at_s=1.0)
    shown(desk, at_s=2.0)
    shown(desk, SceneTrigger("goto", "day"), at_s=2.0)
    half = shown(desk, at_s=2.2)
    assert 0.1 < float(half.controls[SNOW]) < 0.3
    after = shown(desk, decision, at_s=2.2)
    assert (after.closed, after.buses["program"].look) == (False, half.buses["program"].look)
    assert not desk.refusals
    assert desk.gate.approvals is not None
    assert [one.status for one in desk.gate.approvals.each] == ["approved", "candidate"]
    shown(desk, LookTrigger("revoke", "Ana"), at_s=2.2)
    assert shown(desk, at_s=2.2).closed, "but what was taken back is gone"


def test_a_thousand_approvals_are_asked_once_and_not_in_every_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Look] = []
    real = Approvals.covering

    def counted(self: Approvals, wanted: Look, model_sha256: str = "") -> Approval | None:
        asked.append(wanted)
        return real(self, wanted, model_sha256)

    monkeypatch.setattr(Approvals, "covering", counted)
    desk = make_desk(Gate(Approvals(tuple(replace(SOME_SNOW, name=str(number)) for number in range(1000)))))
    desk.scenes.enter_first(desk.controls, 0.0, "some")
    shown(desk, SceneTrigger("goto", "storm", "preview"), at_s=0.0)
    for step in range(100):
        assert "preview: snow 1 is outside" in desk.gate_words
        assert not shown(desk, at_s=0.1 * step).closed
    assert len(asked) == len(set(asked)) == 2


def test_what_is_refused_leaves_what_is_tried_in_the_preview() -> None:
    desk = make_desk(Gate(APPROVALS))
    tried = shown(desk, ControlChange(SNOW, 0.7, "preview"), at_s=1.0).buses["preview"].look
    refused = [
        CueTrigger("standby", "99"),
        CueTrigger("goto", "x"),
        CueTrigger("back"),
        SceneTrigger("goto", "dya", "preview"),
    ]
    assert shown(desk, *refused, at_s=2.0).buses["preview"].look == tried
    assert desk.refused == 4


def test_a_control_that_is_not_there_is_refused() -> None:
    desk = make_desk(Gate(APPROVALS))
    desk.apply([ControlChange("/vp/look/snwo", 0.5), ControlToggle("/vp/neural/hodl"), ControlChange(SNOW, "much")])
    assert list(desk.refusals) == [
        "no control '/vp/look/snwo'; did you mean '/vp/look/snow'?",
        "no control '/vp/neural/hodl'; did you mean '/vp/neural/hold'?",
        "/vp/look/snow: 'much', expected a number from 0 to 1",
    ]


def test_what_is_kept_is_kept_whole_or_not_at_all() -> None:
    desk = make_desk(Gate(APPROVALS))
    shown(desk, SceneTrigger("goto", "some"), at_s=0.0)
    shown(desk, at_s=5.0)
    desk.apply([CueEdit("record", "9999"), LookTrigger("keep", "it")])
    assert desk.gate.approvals == APPROVALS
    assert [cue.number for cue in desk.cues.now.cues] == ["9999"]
    assert (desk.refused, desk.kept()) == (1, None)
