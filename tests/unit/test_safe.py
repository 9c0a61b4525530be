"""SAFE: in the frame that it is asked in, whatever is under way; held exposure; and a way back that does not jump."""

from __future__ import annotations

from typing import Any

import pytest

from vpengine.control.controls import Controls
from vpengine.control.cues import CueEdits
from vpengine.control.declared import (
    ENGINE_CONTROLS,
    INNER_EXPOSURE,
    NEURAL_AMOUNT,
    NEURAL_HOLD,
    OUTER_EXPOSURE,
    WALL_CHART,
)
from vpengine.control.desk import Desk
from vpengine.control.gate import Gate
from vpengine.control.looks import Looks
from vpengine.control.messages import ControlChange, OperatorMessage
from vpengine.control.safe import Safe
from vpengine.control.scenes import SceneEntry, Scenes
from vpengine.control.settled import Settled
from vpengine.control.triggers import SafeTrigger, SceneTrigger, TakeTrigger
from vpengine.frames.frame_input import BusState

ON, OFF = SafeTrigger(True), SafeTrigger(False)
SCENES = (
    SceneEntry("day", "street", 2.0, ((INNER_EXPOSURE, 0.0),)),
    SceneEntry("hall", "hall", 2.0, ((INNER_EXPOSURE, 4.0),)),
)


class Bench:
    def __init__(self, picture: Any = "plate") -> None:
        controls, looks = Controls(ENGINE_CONTROLS), Looks("none", (), lambda _: True)
        self.desk = Desk(controls, Scenes(SCENES), Gate(), looks, cues=CueEdits(), safe=Safe(picture))
        self.desk.settle(0.0, lambda _: True)

    def at(self, time_s: float, *messages: OperatorMessage) -> Settled:
        self.desk.apply(messages)
        return self.desk.settle(time_s, lambda _: True)

    def program(self, time_s: float, *messages: OperatorMessage) -> BusState:
        return self.at(time_s, *messages).buses["program"]


def test_the_plate_alone_in_one_frame_with_its_exposure_in_the_middle_of_a_dissolve() -> None:
    bench = Bench()
    bench.at(1.0, SceneTrigger("goto", "hall"))
    before = bench.at(1.5)
    settled = bench.at(1.6, ON)
    state = settled.buses["program"]
    assert (state.location, state.incoming_location, state.mix) == ("street", None, 0.0), "what most of it showed"
    assert settled.controls[NEURAL_AMOUNT] == 0.0
    later = bench.at(30.0)
    assert later.controls[INNER_EXPOSURE] == pytest.approx(settled.controls[INNER_EXPOSURE])
    assert before.controls[INNER_EXPOSURE] < settled.controls[INNER_EXPOSURE] < 4.0  # type: ignore[operator]
    assert later.epoch == settled.epoch == before.epoch + 1, "what is under way does not come any more"


def test_a_hand_on_the_exposure_works_and_the_lock_does_not_keep_it_out() -> None:
    bench = Bench()
    bench.at(1.0, TakeTrigger("roll"), ON)
    settled = bench.at(2.0, ControlChange(OUTER_EXPOSURE, -2.0))
    assert (settled.controls[OUTER_EXPOSURE], settled.controls[NEURAL_AMOUNT]) == (-2.0, 0.0)


def test_safe_again_on_the_way_back_keeps_the_exposure_where_it_is() -> None:
    bench = Bench()
    bench.at(1.0, ON)
    bench.at(2.0, SceneTrigger("goto", "hall"))
    bench.at(10.0)
    bench.at(11.0, OFF)
    half = bench.at(11.5).controls[INNER_EXPOSURE]
    assert half == pytest.approx(2.0)
    again = bench.at(11.5, ON)
    assert (again.controls[INNER_EXPOSURE], again.controls[NEURAL_AMOUNT]) == (half, 0.0)
    assert bench.at(20.0).controls[INNER_EXPOSURE] == half
    bench.at(21.0, OFF)
    back = [float(bench.at(21.0 + 0.1 * step).controls[INNER_EXPOSURE]) for step in range(12)]
    assert back[0] == half
    assert back == sorted(back)
    assert back[-1] == 4.0


@pytest.mark.parametrize("then", [(), (ON,)])
def test_a_hand_on_the_exposure_works_on_the_way_back(then: tuple[OperatorMessage, ...]) -> None:
    bench = Bench()
    bench.at(1.0, ON)
    bench.at(2.0, SceneTrigger("goto", "hall"))
    bench.at(10.0, OFF)
    bench.at(10.5)
    assert bench.at(10.5, ControlChange(INNER_EXPOSURE, -1.0), *then).controls[INNER_EXPOSURE] == -1.0
    assert bench.at(30.0).controls[INNER_EXPOSURE] == -1.0


def test_the_exposure_stays_where_a_hand_put_it_whatever_scenes_do_meanwhile() -> None:
    """Also where SAFE is let go and pressed again in one frame; on the way back it goes where the scene has it."""
    bench = Bench()
    bench.at(1.0, ON)
    bench.at(2.0, ControlChange(INNER_EXPOSURE, -1.0))
    bench.at(3.0, SceneTrigger("goto", "hall"))
    assert bench.at(9.0).controls[INNER_EXPOSURE] == -1.0
    assert bench.at(9.5, OFF, ON).controls[INNER_EXPOSURE] == -1.0
    back = [float(bench.at(10.0 + 0.1 * step, OFF).controls[INNER_EXPOSURE]) for step in range(12)]
    assert (back[0], back[-1], back) == (-1.0, 4.0, sorted(back))


@pytest.mark.parametrize("picture", ["plate", "hold", "black"])
def test_no_chart_stays_on_the_walls(picture: str) -> None:
    """Also where it was there before; on release the control is what it was."""
    bench = Bench(picture)
    assert bench.at(1.0, ControlChange(WALL_CHART, 1)).controls[WALL_CHART] is True
    assert bench.at(1.1, ON).controls[WALL_CHART] is False
    settled = bench.at(1.2, ControlChange(WALL_CHART, 1))
    assert (settled.controls[WALL_CHART], settled.values[WALL_CHART]) == (False, True)
    assert bench.at(1.3, OFF).controls[WALL_CHART] is True


def test_black_covers_all_and_goes_away() -> None:
    bench = Bench("black")
    assert bench.program(1.0, ON).dip == (0.0, 0.0, 0.0, 1.0)
    covers = [bench.program(2.0 + 0.1 * step, *([OFF] if step == 0 else [])).dip[3] for step in range(12)]
    assert covers[0] == 1.0
    assert covers == sorted(covers, reverse=True)
    assert covers[-1] == 0.0


def test_hold_keeps_scene_look_and_pictures() -> None:
    bench = Bench("hold")
    bench.at(1.0, SceneTrigger("goto", "hall"))
    held = bench.program(1.5, ON)
    settled = bench.at(9.0)
    assert settled.buses["program"] == held
    assert settled.controls[NEURAL_HOLD]
    assert bench.program(9.1, OFF).scene == "hall"


def test_what_goes_on_underneath_is_what_comes_back() -> None:
    """From the plate that was safe to the scene that was asked for meanwhile, and nothing jumps on the way."""
    bench = Bench()
    bench.at(1.0, ON)
    bench.at(2.0, SceneTrigger("goto", "hall"))
    bench.at(8.0)
    before = bench.at(9.0, OFF)
    for step in range(1, 40):
        settled = bench.at(9.0 + step / 30.0)
        assert abs(float(settled.controls[NEURAL_AMOUNT]) - float(before.controls[NEURAL_AMOUNT])) < 0.06
        assert abs(float(settled.controls[INNER_EXPOSURE]) - float(before.controls[INNER_EXPOSURE])) < 0.25
        shares, earlier = dict(settled.buses["program"].shares), dict(before.buses["program"].shares)
        assert all(abs(shares.get(one, 0.0) - earlier.get(one, 0.0)) < 0.06 for one in ("street", "hall"))
        before = settled
    assert before.controls[NEURAL_AMOUNT] == 1.0
    assert (before.buses["program"].location, before.controls[INNER_EXPOSURE]) == ("hall", 4.0)


def test_pressed_again_while_it_comes_back_it_is_safe_at_once() -> None:
    bench = Bench()
    bench.at(1.0, ON)
    bench.at(2.0, OFF)
    assert 0.0 < float(bench.at(2.5).controls[NEURAL_AMOUNT]) < 1.0
    assert bench.at(2.51, ON).controls[NEURAL_AMOUNT] == 0.0
    assert bench.at(2.52, ON, ON).controls[NEURAL_AMOUNT] == 0.0
