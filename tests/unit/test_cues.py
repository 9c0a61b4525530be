"""Cues: numbers as on lighting desks, GO and BACK, waits and follows, pause, recording, and changes taken back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpengine.control.controls import Controls
from vpengine.control.cues import MOST_CUES, Cue, CueEdits, CueList, cue_number
from vpengine.control.declared import ENGINE_CONTROLS, INNER_EXPOSURE, NEURAL_HOLD, OUTER_EXPOSURE
from vpengine.control.desk import Desk
from vpengine.control.gate import Gate
from vpengine.control.looks import Looks
from vpengine.control.messages import ControlChange, OperatorMessage
from vpengine.control.scenes import SceneEntry, Scenes
from vpengine.control.settled import Settled
from vpengine.control.transitions import Transition
from vpengine.control.triggers import CueEdit, CueTrigger, SceneTrigger, TakeTrigger
from vpengine.errors import UserError
from vpengine.frames.frame_input import NO_DIP
from vpengine.mailbox import Inbox
from vpengine.remote.handing_over import hand_over

GO, BACK, PAUSE = CueTrigger("go"), CueTrigger("back"), CueTrigger("pause")
WHITE = (1.0, 1.0, 1.0)


def cue(number: str, scene: str | None, seconds: float = 0.0, **more: object) -> Cue:
    transition = Transition("dissolve" if seconds else "cut", seconds)
    return Cue(number, f"to {scene}", scene, **{"transition": transition, **more})  # type: ignore[arg-type]


CUES = (
    cue("1", "a"),
    cue("1.5", "b", 2.0, controls=((INNER_EXPOSURE, 2.0), (OUTER_EXPOSURE, -2.0)), fades=((OUTER_EXPOSURE, 4.0),)),
    cue("2", "c", wait_s=1.0, follow_s=0.5),
    cue("10", "a", 4.0),
)


class Bench:
    def __init__(self, cues: tuple[Cue, ...] = CUES) -> None:
        scenes = Scenes([SceneEntry("a", "street", 1.0), SceneEntry("b", "hall", 1.0), SceneEntry("c", "field", 1.0)])
        looks = Looks("none", (), lambda _: True)
        self.desk = Desk(Controls(ENGINE_CONTROLS), scenes, Gate(), looks, cues=CueEdits(CueList.of(cues)))
        self.ready = {"street", "hall", "field"}

    def press(self, *messages: OperatorMessage) -> None:
        self.desk.apply(messages)

    def at(self, time_s: float) -> Settled:
        return self.desk.settle(time_s, lambda location: location in self.ready)

    def scene(self, time_s: float) -> str:
        return self.at(time_s).buses["program"].scene

    @property
    def running(self) -> str | None:
        return self.desk.playback.running


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize(
    ("value", "number"),
    [("1", "1"), ("1.50", "1.5"), (" 2 ", "2"), (1.100000023841858, "1.1"), (3, "3"), ("0.001", "0.001"), ("10", "10")],
)
def test_a_number_is_written_as_on_a_desk(value: str | float, number: str) -> None:
    assert cue_number(value) == number


@pytest.mark.parametrize("value", ["", "0", "-1", "one", "1.2345", "10000", "nan", float("inf"), "1" * 400])
def test_what_is_no_number_is_one_sentence(value: str | float) -> None:
    with pytest.raises(UserError, match=r"number of a cue|allowed are"):
        cue_number(value)


def test_they_are_in_the_order_of_their_numbers() -> None:
    cues = CueList.of([cue("10", "a"), cue("2", "a"), cue("1.5", "a")])
    assert [each.number for each in cues.cues] == ["1.5", "2", "10"]
    with pytest.raises(UserError, match=r"no cue 3; the nearest are 2, 10"):
        cues.find("3")


def test_go_goes_through_the_list_and_back_again(bench: Bench) -> None:
    shown = []
    for step in range(2):
        bench.press(GO)
        shown.append(bench.scene(10.0 + step))
    assert shown == ["a", "b"]
    bench.press(BACK)
    assert (bench.scene(20.0), bench.running) == ("a", "1")
    bench.press(BACK)
    bench.at(21.0)
    assert (bench.running, bench.desk.refused) == ("1", 1)
    bench.press(CueTrigger("goto", "10"), GO)
    bench.at(22.0)
    assert bench.running == "10"
    assert list(bench.desk.refusals) == ["there is no cue before 1", "there is no cue after 10"]


def test_two_gos_in_one_frame_are_two_cues(bench: Bench) -> None:
    bench.press(GO, GO)
    assert (bench.scene(1.0), bench.running) == ("b", "1.5")


def test_a_cue_begins_when_its_plate_is_ready_and_the_other_stays(bench: Bench) -> None:
    bench.ready.discard("hall")
    bench.press(GO, GO)
    assert bench.scene(1.0) == "a"
    bench.ready.add("hall")
    assert bench.scene(2.0) == "b"


def test_each_control_has_its_own_time(bench: Bench) -> None:
    bench.press(GO, GO)
    bench.at(10.0)
    middle = bench.at(12.0).controls
    assert middle[INNER_EXPOSURE] == 2.0
    assert middle[OUTER_EXPOSURE] == pytest.approx(-1.0)
    assert bench.at(14.0).controls[OUTER_EXPOSURE] == -2.0


def test_a_hand_leaves_the_fade_and_the_last_action_wins(bench: Bench) -> None:
    bench.press(GO, GO)
    bench.at(10.0)
    bench.press(ControlChange(INNER_EXPOSURE, -1.0))
    assert bench.at(12.0).controls[INNER_EXPOSURE] == -1.0
    assert bench.at(14.0).controls[OUTER_EXPOSURE] == -2.0, "the others go on"
    bench.press(CueTrigger("goto", "1.5"))
    bench.at(20.0)
    assert bench.at(24.0).controls[INNER_EXPOSURE] == 2.0


def test_a_cue_waits_and_the_next_follows(bench: Bench) -> None:
    bench.press(CueTrigger("goto", "2"))
    assert [bench.scene(10.0 + step) for step in (0.0, 0.5, 0.99, 1.0, 1.25)] == ["a", "a", "a", "c", "c"]
    assert bench.running == "2"
    bench.at(11.6)
    assert (bench.scene(11.7), bench.running) == ("a", "10")
    bench.at(30.0)
    assert bench.running == "10", "it is the last"


def test_what_is_asked_for_by_hand_ends_waits_and_follows(bench: Bench) -> None:
    bench.press(CueTrigger("goto", "2"))
    bench.at(10.0)
    bench.press(SceneTrigger("goto", "b"))
    assert [bench.scene(10.0 + step) for step in (0.1, 1.5, 9.0)] == ["b", "b", "b"]
    bench.press(CueTrigger("goto", "2"))
    bench.at(20.0)
    bench.at(21.0)
    bench.press(GO)
    bench.at(21.1)
    assert bench.running == "10"


ROLL, CUT = TakeTrigger("roll"), TakeTrigger("cut")
B_AND_BACK = (SceneTrigger("goto", "b"), SceneTrigger("goto", "a"))


@pytest.mark.parametrize("calls_off", [(ROLL, CUT), B_AND_BACK, (PAUSE, ROLL, CUT, PAUSE)])
@pytest.mark.parametrize("waits_for", ["its time", "its plate"])
def test_a_cue_that_is_called_off_before_it_began_has_not_gone(
    calls_off: tuple[OperatorMessage, ...], waits_for: str
) -> None:
    """The one before runs, it stands by again, and GO begins it."""
    bench = Bench((cue("1", "a"), cue("2", "c", wait_s=5.0 if waits_for == "its time" else 0.0), cue("3", "b")))
    bench.press(GO)
    bench.at(10.0)
    bench.ready -= {"field"} if waits_for == "its plate" else set()
    bench.press(GO)
    assert (bench.scene(11.0), bench.running) == ("a", "2")
    for step, message in enumerate(calls_off):
        bench.press(message)
        bench.at(12.0 + step)
    assert (bench.running, bench.desk.playback.standby) == ("1", bench.desk.cues.now.find("2"))
    bench.ready.add("field")
    assert (bench.scene(19.0), bench.running) == ("a", "1"), "it does not go by itself"
    bench.press(GO)
    bench.at(20.0)
    assert (bench.scene(25.0), bench.running) == ("c", "2")


@pytest.mark.parametrize(
    ("pressed", "running"),
    [((BACK,), "1"), ((CueTrigger("goto", "10"),), "10"), ((GO,), "10"), ((PAUSE, PAUSE), "2"), ((BACK, ROLL), None)],
)
def test_what_is_pressed_while_a_cue_waits(
    bench: Bench, pressed: tuple[OperatorMessage, ...], running: str | None
) -> None:
    """BACK from it, GOTO and GO pass it by; once more called off, what runs is what has begun."""
    bench = Bench(tuple(each for each in CUES if each.number != "1.5"))
    bench.press(*([GO] if running is not None else []), CueTrigger("goto", "2"))
    bench.at(10.0)
    for message in pressed:
        bench.press(message)
    bench.at(10.5)
    bench.at(20.0)
    assert bench.running == running


def test_a_cue_with_a_wait_that_is_taken_from_the_preview_comes_once() -> None:
    """With its controls as they were tried there; at the end of its wait nothing jumps back."""
    bench = Bench((cue("1", "a"), cue("2", "c", wait_s=5.0, controls=((INNER_EXPOSURE, 1.0),))))
    bench.press(GO)
    bench.at(10.0)
    bench.press(ControlChange(INNER_EXPOSURE, 2.0, "preview"), SceneTrigger("take"))
    taken = [bench.at(10.0 + step) for step in (0.5, 4.0, 5.6, 8.0)]
    assert [(each.buses["program"].scene, each.controls[INNER_EXPOSURE]) for each in taken] == [("c", 2.0)] * 4
    assert bench.running == "2"


def test_what_was_put_on_standby_by_hand_stays_there_when_a_waiting_cue_is_called_off(bench: Bench) -> None:
    bench.press(CueTrigger("goto", "2"))
    bench.at(10.0)
    bench.press(CueTrigger("standby", "10"), ROLL)
    bench.at(10.5)
    assert bench.desk.playback.for_restart == (None, "10")


def test_pause_holds_what_is_under_way_and_go_ends_it(bench: Bench) -> None:
    bench.press(GO, GO)
    bench.at(10.0)
    half = bench.at(11.0)
    assert half.buses["program"].mix == pytest.approx(0.5)
    bench.press(PAUSE)
    for time_s in (11.5, 20.0, 30.0):
        held = bench.at(time_s)
        assert held.buses["program"].mix == pytest.approx(0.5)
        assert held.controls[INNER_EXPOSURE] == pytest.approx(1.0)
    bench.press(ControlChange(OUTER_EXPOSURE, 1.0))
    assert bench.at(31.0).controls[OUTER_EXPOSURE] == 1.0, "a hand is a hand"
    bench.press(PAUSE)
    assert bench.at(31.5).buses["program"].mix == pytest.approx(0.75)
    bench.press(PAUSE, GO)
    bench.at(40.0)
    assert not bench.desk.playback.paused


def test_a_scene_that_is_asked_for_ends_a_pause(bench: Bench) -> None:
    """As GO does: nobody would see that it was taken, and stands at its first frame."""
    bench.press(GO, GO)
    bench.at(10.0)
    bench.press(PAUSE)
    bench.at(11.0)
    bench.press(SceneTrigger("goto", "c"))
    bench.at(11.5)
    assert not bench.desk.playback.paused
    assert (bench.at(60.0).buses["program"].scene, bench.desk.scenes.progress) == ("c", 1.0)


def test_any_cue_interrupts_any_transition_and_goes_on_from_what_is_visible() -> None:
    """A dip's colour as well: nothing jumps from one frame to the next but what is cut to."""
    cues = [
        cue("1", "b", transition=Transition("dip", 2.0, WHITE)),
        cue("2", "c", 2.0),
        cue("3", "a", transition=Transition("dip", 2.0)),
    ]
    bench = Bench(tuple(cues))
    bench.press(GO)
    before = bench.at(10.0).buses["program"]
    for frame in range(1, 200):
        if frame in (12, 30, 50):
            bench.press(GO if frame < 50 else BACK)
        state = bench.at(10.0 + frame / 24.0).buses["program"]
        shares, earlier = dict(state.shares), dict(before.shares)
        cut = state.dip[3] > 0.99  # a dip cuts under its colour
        for location in shares.keys() | earlier.keys():
            assert cut or abs(shares.get(location, 0.0) - earlier.get(location, 0.0)) < 0.08
        assert all(abs(now - then) < 0.15 for now, then in zip(state.dip, before.dip, strict=True))
        before = state
    assert (before.scene, before.location, before.dip) == ("c", "field", NO_DIP)


def test_a_dip_covers_all_in_its_middle_and_then_shows_the_next(bench: Bench) -> None:
    bench = Bench((cue("1", "b", transition=Transition("dip", 2.0, (0.5, 0.0, 0.0))),))
    bench.press(GO)
    states = [bench.at(10.0 + 0.25 * step).buses["program"] for step in range(9)]
    assert [state.dip[3] for state in states] == sorted(state.dip[3] for state in states[:5]) + sorted(
        (state.dip[3] for state in states[5:]), reverse=True
    )
    assert states[4].dip == pytest.approx((0.5, 0.0, 0.0, 1.0))
    assert dict(states[3].shares) == {"street": 1.0, "hall": 0.0}
    assert dict(states[4].shares) == {"hall": 1.0}
    assert states[8].dip == NO_DIP


def test_the_next_cue_stands_by_in_the_preview(bench: Bench) -> None:
    """With what it would set; another may be put there, and a scene that was put there by itself has it."""
    assert bench.at(1.0).buses["preview"].scene == "a"
    bench.press(GO)
    assert bench.at(2.0).buses["preview"].scene == "b"
    bench.press(CueTrigger("standby", "2"))
    assert bench.at(3.0).buses["preview"].scene == "c"
    bench.press(SceneTrigger("goto", "a", "preview"))
    assert bench.at(4.0).buses["preview"].scene == "a"
    bench.press(GO)
    bench.at(5.0)
    assert bench.running == "2", "GO begins what stands by"


def test_the_present_is_recorded_updated_deleted_and_all_of_it_taken_back(bench: Bench) -> None:
    bench.press(SceneTrigger("goto", "b"), ControlChange(INNER_EXPOSURE, 1.5), ControlChange(NEURAL_HOLD, True))
    bench.at(1.0)
    bench.press(CueEdit("record", "5", "the storm"))
    recorded = bench.desk.cues.now.find("5")
    assert (recorded.scene, recorded.name, dict(recorded.controls)[INNER_EXPOSURE]) == ("b", "the storm", 1.5)
    assert NEURAL_HOLD not in dict(recorded.controls), "what an operator holds is no part of a look"
    bench.press(ControlChange(INNER_EXPOSURE, 0.0), CueTrigger("goto", "5"))
    bench.at(2.0)
    assert bench.at(9.0).controls[INNER_EXPOSURE] == 1.5
    bench.press(ControlChange(INNER_EXPOSURE, -3.0), CueEdit("update"))
    assert dict(bench.desk.cues.now.find("5").controls)[INNER_EXPOSURE] == -3.0
    assert bench.desk.cues.now.find("5").name == "the storm"
    bench.press(CueEdit("delete", "5"))
    assert not bench.desk.cues.now.has("5")
    bench.press(CueEdit("undo"), CueEdit("undo"))
    assert dict(bench.desk.cues.now.find("5").controls)[INNER_EXPOSURE] == 1.5
    bench.press(CueEdit("redo"), CueEdit("redo"))
    assert not bench.desk.cues.now.has("5")
    bench.press(CueEdit("redo"), CueEdit("delete", "77"), CueEdit("record", "x"))
    assert list(bench.desk.refusals) == [
        "there is nothing to redo",
        "no cue 77; the nearest is 10",
        "'x' is not the number of a cue, such as 1 or 1.5",
    ]


def test_what_is_recorded_is_what_was_there_when_it_was_pressed(bench: Bench) -> None:
    """Also where a fader moves before and after it within one frame."""
    inbox: Inbox[str, OperatorMessage] = Inbox()
    for sent in (0.5, "1", 0.75, 1.0, "2", -1.0):
        pressed = CueEdit("record", sent) if isinstance(sent, str) else ControlChange(INNER_EXPOSURE, sent)
        assert hand_over(pressed, INNER_EXPOSURE, inbox)
    bench.press(*inbox.take())
    recorded = [dict(bench.desk.cues.now.find(number).controls)[INNER_EXPOSURE] for number in ("1", "2")]
    assert (recorded, bench.at(1.0).controls[INNER_EXPOSURE]) == ([0.5, 1.0], -1.0)


def test_a_running_cue_that_is_deleted_leaves_its_place() -> None:
    bench = Bench()
    bench.press(GO, GO)
    bench.at(1.0)
    bench.press(CueEdit("delete", "1.5"), CueEdit("update"))
    assert bench.at(2.0).buses["preview"].scene == "c"
    bench.press(GO)
    bench.at(3.0)
    assert bench.running == "2"
    assert bench.desk.refused == 1


def test_a_list_that_goes_on_elsewhere_has_its_changes_to_take_back_and_another_has_none() -> None:
    before = CueEdits(CueList.of([cue("1", "a")]))
    before.record(cue("2", "b"))
    before.record(cue("3", "c"))
    before.undo()
    same, other = CueEdits(before.now), CueEdits(CueList.of([cue("1", "a")]))
    for edits in (same, other):
        edits.go_on_from(before)
    assert [same.redo(), same.undo(), same.undo()] == ["record 3", "record 3", "record 2"]
    assert before.redo() == "record 3", "each has its own"
    with pytest.raises(UserError, match="nothing to undo"):
        other.undo()


def test_there_is_an_end_to_how_many_there_may_be() -> None:
    full = CueList.of(Cue(str(number)) for number in range(1, MOST_CUES + 1))
    with pytest.raises(UserError, match=r"there are 2000 cues already"):
        full.with_cue(Cue("0.5"))
    assert len(full.with_cue(Cue("7", "again"))) == MOST_CUES


MESSAGES = st.sampled_from(
    [
        *(GO, BACK, PAUSE, CueTrigger("goto", "1.5"), CueTrigger("standby", "2"), CueEdit("record", "4")),
        *(CueEdit("update"), CueEdit("delete", "2"), CueEdit("delete", "4"), CueEdit("undo"), CueEdit("redo")),
        *(SceneTrigger("next"), ControlChange(INNER_EXPOSURE, 1.0)),
    ]
)


@given(st.lists(st.tuples(MESSAGES, st.floats(0.0, 3.0)), max_size=60))
def test_whatever_is_pressed_a_frame_can_be_settled(pressed: list[tuple[OperatorMessage, float]]) -> None:
    bench, time_s = Bench(), 0.0
    for message, step_s in pressed:
        bench.press(message)
        time_s += step_s
        state = bench.at(time_s).buses["program"]
        assert sum(share for _, share in state.shares) == pytest.approx(1.0)
        assert all(-1e-9 <= share <= 1.0 + 1e-9 for _, share in state.shares)
        assert 0.0 <= state.dip[3] <= 1.0
