"""[sim]: what stands on the simulated stage, and what is told of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.unit.test_stage_files import STAGE
from vpengine.errors import ProblemsError
from vpengine.files import controls_of
from vpengine.sim.stand_in import Ball, Flag, StandIn, stand_in_of, stand_tubes
from vpengine.stage.sim import SimSettings
from vpengine.stage.stage_file import Stage, load_stage


def stage(folder: Path, section: str) -> Stage:
    path = folder / "stage.toml"
    path.write_text(f"{STAGE}\n{section}\n", encoding="utf-8")
    return load_stage(path, controls_of)


def test_left_out_it_is_what_always_stood_there(tmp_path: Path) -> None:
    found = stand_in_of(stage(tmp_path, "").sim)
    assert found == StandIn()
    assert found.figure_m == (0.52, 2.2)
    assert [ball.chrome for ball in found.balls] == [False, True]
    assert found.mark_m == found.figure_m
    np.testing.assert_array_equal(found.probe_centre_m, found.balls[1].centre_m)


def test_an_actor_balls_and_flags(tmp_path: Path) -> None:
    text = """
[sim.actor]
present = false
[[sim.ball]]
surface = "grey"
position_m = [1.0, 2.0, 1.2]
radius_m = 0.2
[[sim.flag]]
position_m = [0.5, 1.0, 1.6]
size_m = [1.2, 0.6]
turned_deg = 90.0
"""
    found = stand_in_of(stage(tmp_path, text).sim)
    assert found.figure_m is None
    assert found.balls == (Ball((1.0, 2.0, 1.2), 0.2),)
    assert found.flags == (Flag((0.5, 1.0, 1.6), (1.2, 0.6), 90.0),)
    assert found.mark_m == (1.0, 2.0)
    np.testing.assert_allclose(found.flags[0].facing, [1.0, 0.0, 0.0], atol=1e-12)
    tops = [max(end[2], start[2]) for start, end, _ in stand_tubes(found)]
    assert max(tops) == pytest.approx(1.3), "the flag's stand ends at its lower edge"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[sim.actr]", "sim.actr: unknown key; did you mean 'actor'?"),
        ("[sim.actor]\nposition_m = [1.0]", "sim.actor.position_m: found [1.0], expected 2 values"),
        ('[[sim.ball]]\nsurface = "gold"\nposition_m = [0, 0, 1]', "sim.ball[1].surface: found 'gold', "),
        ('[[sim.ball]]\nsurface = "grey"', "sim.ball[1].position_m: missing. Its middle"),
        (
            '[[sim.ball]]\nsurface = "chrome"\nposition_m = [0, 1, 1]\n' * 2,
            "sim.ball: found 2 balls of chrome, allowed one",
        ),
        (
            "[[sim.flag]]\nposition_m = [0, 1, 1]\nsize_m = [0.0, 1.0]",
            "sim.flag[1].size_m[1]: found 0.0, expected 0.05",
        ),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ProblemsError) as refused:
        stage(tmp_path, text)
    (problem,) = refused.value.problems
    assert says in str(problem)


def test_an_empty_list_is_none() -> None:
    assert stand_in_of(SimSettings(ball=())).balls == ()
