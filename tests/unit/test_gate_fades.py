"""What is on its way between two approved looks stays on it: interrupted, locked, drifting, or for a very long time."""

from __future__ import annotations

import numpy as np
import pytest

from tests.gates import LOOKS, MODEL, OWN, PROMPT, SNOW
from vpengine.control.approvals import Approval, Approvals
from vpengine.control.chance import Chance
from vpengine.control.controls import Control, Controls
from vpengine.control.cues import Cue, CueEdits, CueList
from vpengine.control.declared import CHANCE_AMOUNT, ENGINE_CONTROLS
from vpengine.control.desk import Desk
from vpengine.control.gate import REMEMBERED, Gate
from vpengine.control.looks import Looks, look_address
from vpengine.control.messages import ControlChange, OperatorMessage
from vpengine.control.scenes import SceneEntry, Scenes
from vpengine.control.settled import Settled
from vpengine.control.triggers import CueTrigger, LookTrigger, SceneTrigger, TakeTrigger

NIGHT = look_address("night")
CONTROLS = (Control(SNOW, "float", 0.0, "Snow."), Control(NIGHT, "float", 0.0, "Night."))
TWO = Looks("weather", CONTROLS, lambda values: not values["snow"] and not values["night"])
STRONG = 0.8


def approved(name: str, most: float = STRONG) -> Approval:
    ranges = tuple((each, (0.0, most if each == name else 0.0)) for each in ("snow", "night"))
    return Approval(name, "weather", (), ranges, None, "", "approved", "Ana", "2026-11-29")


class Bench:
    """Two scenes, one in snow and one at night, and the way from one to the other takes four seconds."""

    def __init__(
        self, fade_s: float = 4.0, rate: int = 24, most: float = STRONG, drifting: tuple[str, ...] = ()
    ) -> None:
        scenes = [
            SceneEntry("snow", "street", fade_s, ((SNOW, STRONG),)),
            SceneEntry("night", "street", fade_s, ((NIGHT, STRONG),)),
        ]
        controls = Controls((*ENGINE_CONTROLS, *CONTROLS))
        self.gate = Gate(Approvals((approved("snow", most), approved("night", most))))
        cues = CueEdits(CueList((Cue("1", "", "snow"), Cue("2", "", "night"))))
        chance = Chance(controls.declared, drifting)
        both = Scenes(scenes, ((SNOW, 0.0), (NIGHT, 0.0)))
        self.desk = Desk(controls, both, self.gate, TWO, cues=cues, chance=chance, date=lambda: "then")
        self.number, self.rate = 0, rate
        self.seconds(0.1, to("snow"))
        self.number += round(fade_s * rate)  # it has come
        self.seconds(0.1)

    def seconds(self, length_s: float, *messages: OperatorMessage) -> list[Settled]:
        """The frames of this time; messages come before the first."""
        self.desk.apply(messages)
        frames = []
        for _ in range(max(round(length_s * self.rate), 1)):
            frames.append(self.desk.settle(self.number / self.rate, lambda _: True))
            self.number += 1
        return frames

    def amounts(self, settled: Settled) -> tuple[float, float]:
        values = dict(settled.buses["program"].look.values)
        return float(values["snow"]), float(values["night"])


def to(scene: str) -> SceneTrigger:
    return SceneTrigger("goto", scene)


@pytest.mark.parametrize("after_s", [1.0, 2.0, 3.0])
@pytest.mark.parametrize("fade_s", [1.5, 4.0, 10.0])
def test_a_fade_that_is_turned_back_goes_on_from_what_is_seen(fade_s: float, after_s: float) -> None:
    bench = Bench(fade_s)
    there = bench.seconds(0.25 * after_s * fade_s, to("night"))
    back = bench.seconds(fade_s + 1.0, to("snow"))
    assert not any(each.closed for each in (*there, *back))
    steps = np.abs(np.diff([bench.amounts(each) for each in (there[-1], *back)], axis=0))
    assert steps.max() < 2.0 * STRONG / fade_s / bench.rate
    assert bench.amounts(back[-1]) == (STRONG, 0.0)
    assert not bench.desk.refusals


@pytest.mark.parametrize("trigger", [TakeTrigger("roll"), TakeTrigger("lock")])
def test_what_is_locked_in_the_middle_of_a_fade_stays_and_then_goes_on(trigger: TakeTrigger) -> None:
    bench = Bench()
    before = bench.amounts(bench.seconds(2.0, to("night"))[-1])
    rolled = bench.seconds(20.0, trigger)
    assert not any(each.closed for each in rolled)
    assert len({bench.amounts(each) for each in rolled}) == 1
    assert bench.amounts(rolled[0]) == pytest.approx(before, abs=0.02)
    after = bench.seconds(3.0, TakeTrigger("cut"), TakeTrigger("unlock"))
    assert not any(each.closed for each in after)
    assert bench.amounts(after[0]) == pytest.approx(before, abs=0.04)
    assert bench.amounts(after[-1]) == (0.0, STRONG)


def test_a_very_long_fade_from_the_middle_of_another_arrives() -> None:
    bench = Bench(2.5 * REMEMBERED / 60, rate=60)
    bench.seconds(15.0, to("night"))
    back = bench.seconds(2.5 * REMEMBERED / 60, to("snow"))
    assert len(back) > 2 * REMEMBERED
    assert not any(each.closed for each in back)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("most", [STRONG, 1.0])
def test_chance_closes_nothing_and_ends_where_the_approval_does(seed: int, most: float) -> None:
    bench = Bench(most=most, drifting=(SNOW, NIGHT))
    moving = [ControlChange(CHANCE_AMOUNT, 0.6), ControlChange("/vp/chance/seed", seed)]
    frames = [*bench.seconds(30.0, *moving), *bench.seconds(8.0, to("night")), *bench.seconds(2.0, to("snow"))]
    frames += bench.seconds(6.0, to("night"))
    assert not any(each.closed for each in frames)
    assert not bench.desk.refusals
    assert len({bench.amounts(each) for each in frames[:720]}) > 100, "it drifts"
    assert max(max(bench.amounts(each)) for each in frames) <= most + 1e-6


def test_what_goes_on_being_refused_is_told_once() -> None:
    bench = Bench()
    bench.seconds(1.0, to("night"), SceneTrigger("goto", "night", "preview"), LookTrigger("revoke", "Ana"))
    bench.seconds(5.0)
    assert len(bench.desk.refusals) == 1


def test_an_approval_that_was_taken_back_comes_back_with_no_weaker_one() -> None:
    bench = Bench()

    def decide(snow: float, *triggers: LookTrigger) -> None:
        bench.seconds(0.1, SceneTrigger("goto", "night", "preview"), ControlChange(NIGHT, 0.0, "preview"))
        bench.seconds(0.1, ControlChange(SNOW, snow, "preview"), *triggers)

    decide(1.0, LookTrigger("approve", "Ana"))
    bench.seconds(0.2, ControlChange(SNOW, 1.0))
    assert not bench.desk.refusals
    bench.seconds(0.2, ControlChange(SNOW, 0.5))
    decide(1.0, LookTrigger("revoke", "Ana"))
    decide(0.3, LookTrigger("approve", "Ana"))
    bench.seconds(0.2, ControlChange(SNOW, 1.0))
    (why,) = bench.desk.refusals
    assert "snow 1 is outside" in why


def test_one_tap_approves_with_the_model_that_there_is() -> None:
    desk_gate = Gate(Approvals((Approval("old", "weather", (("prompt", ""),), (("snow", (0.0, 0.5)),), 0, "of old"),)))
    desk_gate.model_sha256 = MODEL
    controls = Controls((*ENGINE_CONTROLS, *OWN))
    desk = Desk(controls, Scenes([SceneEntry("day", "street", 0.0)], ((SNOW, 0.0), (PROMPT, ""))), desk_gate, LOOKS)
    desk.settle(0.0, lambda _: True)
    desk.apply([ControlChange(SNOW, 0.5, "preview"), LookTrigger("approve", "Ana"), SceneTrigger("take")])
    assert not desk.refusals
    assert desk.settle(1.0, lambda _: True).buses["program"].look.values[0] == ("snow", 0.5)


def test_what_is_kept_comes_back_as_it_was_seen() -> None:
    """Also in the middle of a fade, and with what chance had added; it does not drift on."""
    bench = Bench(drifting=(SNOW,))
    bench.seconds(3.0, ControlChange(CHANCE_AMOUNT, 0.3))
    seen = bench.amounts(bench.seconds(2.0, to("night"))[-1])
    bench.seconds(8.0, LookTrigger("keep", "an accident"), LookTrigger("approve", "Ana"))
    kept = dict(bench.desk.cues.now.cues[-1].controls)
    assert (kept[SNOW], kept[NIGHT]) == pytest.approx(seen)
    assert kept[CHANCE_AMOUNT] == 0.0


def test_a_cue_that_waits_for_its_plate_is_remembered_and_recorded_as_what_it_will_be() -> None:
    bench = Bench()
    bench.desk.apply([CueTrigger("goto", "2")])
    bench.desk.settle(1.0, lambda _: False)
    assert (bench.desk.going_to[SNOW], bench.desk.going_to[NIGHT]) == (0.0, STRONG)
    bench.desk.apply([ControlChange(SNOW, 0.1)])
    assert bench.desk.going_to[SNOW] == 0.1, "a hand has moved it since"
    assert bench.desk.playback.for_restart == ("2", None)
