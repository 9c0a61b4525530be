"""Takes: numbers that neither skip nor repeat, names, and the lock: what changes no look still works."""

from __future__ import annotations

import random

import pytest

from vpengine.control.controls import Control, Controls
from vpengine.control.cues import CueEdits
from vpengine.control.declared import ENGINE_CONTROLS, NEURAL_SEED, OUTER_EXPOSURE
from vpengine.control.desk import Desk
from vpengine.control.gate import Gate
from vpengine.control.looks import Looks, look_address
from vpengine.control.messages import ControlChange, OperatorMessage
from vpengine.control.scenes import SceneEntry, Scenes
from vpengine.control.settled import Settled
from vpengine.control.takes import Takes
from vpengine.control.triggers import CueTrigger, RefreshTrigger, SceneTrigger, TakeTrigger
from vpengine.errors import UserError

SNOW, PROMPT = look_address("snow"), look_address("prompt")
OWN = (Control(SNOW, "float", 0.0, "Snow."), Control(PROMPT, "text", "", "Words."))
LOOKS = Looks("weather", OWN, lambda values: not any(values.values()))
ROLL, CUT = TakeTrigger("roll"), TakeTrigger("cut")


def test_numbers_never_skip_or_repeat_in_a_thousand_starts_and_stops() -> None:
    chance, takes, begun = random.Random(1), Takes(), list[tuple[str, str, int]]()
    for _ in range(1000):
        if chance.random() < 0.1:
            takes.press(TakeTrigger(chance.choice(("slate", "scene")), chance.choice("AB")))  # type: ignore[arg-type]
        if chance.random() < 0.05:  # a restart in the middle of the day
            again = Takes()
            again.restore(takes.name, takes.used)
            takes = again
        takes.press(ROLL)
        assert takes.rolling is not None
        begun.append((takes.rolling.slate, takes.rolling.scene, takes.rolling.number))
        if chance.random() < 0.1:
            with pytest.raises(UserError, match="is rolling already"):
                takes.press(ROLL)
        takes.press(CUT)
    for named in {each[:2] for each in begun}:
        numbers = [number for *name, number in begun if tuple(name) == named]
        assert numbers == list(range(1, len(numbers) + 1))


def test_a_run_that_was_killed_while_it_rolled_has_used_the_number() -> None:
    takes, again = Takes(), Takes()
    takes.press(ROLL)
    again.restore(takes.name, takes.used)
    assert again.name.number == 2


@pytest.mark.parametrize(
    ("trigger", "why"),
    [
        (CUT, "no take is rolling"),
        (TakeTrigger("slate", "a/b"), "names no slate"),
        (TakeTrigger("slate", "x" * 65), "names no slate"),
        (TakeTrigger("scene", "a\nb"), "names no scene"),
        (TakeTrigger("number", "0"), "not the number of a take"),
        (TakeTrigger("number", "1.5"), "not the number of a take"),
        (TakeTrigger("number", "nan"), "not the number of a take"),
        (TakeTrigger("number", "inf"), "not the number of a take"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_changes_nothing(trigger: TakeTrigger, why: str) -> None:
    takes = Takes()
    before = takes.name
    with pytest.raises(UserError, match=why):
        takes.press(trigger)
    assert takes.name == before


def test_names_change_between_takes_only() -> None:
    takes = Takes()
    for trigger in (TakeTrigger("slate", "12B"), TakeTrigger("scene", "the storm"), TakeTrigger("number", "3"), ROLL):
        takes.press(trigger)
    assert takes.name.text == "12B the storm take 3"
    with pytest.raises(UserError, match="cut before"):
        takes.press(TakeTrigger("slate", "13"))


class Bench:
    def __init__(self) -> None:
        scenes = Scenes([SceneEntry("a", "street", 4.0), SceneEntry("b", "hall", 4.0, ((SNOW, 1.0), (PROMPT, "ice")))])
        self.desk = Desk(Controls((*ENGINE_CONTROLS, *OWN)), scenes, Gate(), LOOKS, cues=CueEdits())
        self.desk.settle(0.0, lambda _: True)

    def at(self, time_s: float, *messages: OperatorMessage) -> Settled:
        self.desk.apply(messages)
        return self.desk.settle(time_s, lambda _: True)


def test_while_it_rolls_looks_stay_and_exposure_moves_and_what_was_refused_is_listed() -> None:
    bench = Bench()
    bench.at(1.0, SceneTrigger("goto", "b"))
    rolled = bench.at(3.0, ROLL)
    look = rolled.buses["program"].look
    assert rolled.locked
    assert look.blends, "a text was on its way"
    asked = [
        *(ControlChange(SNOW, 0.1), ControlChange(NEURAL_SEED, 5), ControlChange(PROMPT, "fire"), RefreshTrigger()),
        *(SceneTrigger("goto", "a"), CueTrigger("go"), ControlChange(OUTER_EXPOSURE, 1.0)),
        SceneTrigger("goto", "a", "preview"),
    ]
    settled = bench.at(4.0, *asked)
    for time_s in (4.0, 5.0, 20.0):
        assert bench.at(time_s).buses["program"].look == look
    assert settled.controls[OUTER_EXPOSURE] == 1.0
    assert not settled.refresh
    assert settled.buses["preview"].scene == "a", "what stands by is nobody's take"
    assert list(bench.desk.refusals) == [
        f"take 1 is rolling: {what}"
        for what in (
            *("/vp/look/snow stays as it is", "/vp/neural/seed stays as it is", "/vp/look/prompt stays as it is"),
            *("what is generated stays", "the scene stays", "no cue goes"),
        )
    ]
    assert bench.at(21.0, CUT, SceneTrigger("goto", "a")).buses["program"].scene == "a"


def test_it_may_be_locked_by_hand_and_a_show_may_leave_takes_unlocked() -> None:
    bench = Bench()
    assert bench.at(1.0, TakeTrigger("lock"), ROLL, CUT).locked
    assert not bench.at(2.0, TakeTrigger("unlock")).locked
    takes = Takes(lock_while_rolling=False)
    takes.press(ROLL)
    assert not takes.locked
