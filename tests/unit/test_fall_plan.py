"""What falls follows the look that a bus shows; where nothing does, nothing of it is planned."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from tests.unit.test_plan import DISSOLVE, ONE, STREET, TWO, WALLS, frame, kinds, of
from vpengine.compose.fall import Fall, thinned
from vpengine.compose.governor import FULL_RUNG, RUNGS
from vpengine.compose.jobs import Develop, DrawFall, DrawPlate, DrawWall, DrawWallFall
from vpengine.compose.plan import plan
from vpengine.control import declared
from vpengine.control.safe import Safe
from vpengine.frames.feed import PREVIEW, PROGRAM, Eye, Feed
from vpengine.frames.frame_input import BusState
from vpengine.frames.look import Look
from vpengine.gpu.job import in_order
from vpengine.view.precipitation import Weather

FALLS = (DrawFall, DrawWallFall)


def weather(**faders: float) -> Look:
    return Look("weather", tuple(faders.items()), seed=3, plain=not any(faders.values()))


def street(**faders: float) -> BusState:
    return replace(STREET, look=weather(**faders))


def test_snow_falls_over_worlds_and_walls() -> None:
    jobs = in_order(plan(frame(street(snow=0.5, rain=0.0)), ONE, WALLS, lit=True))
    (fall,) = of(jobs, DrawFall)
    assert (fall.reads, fall.writes) == (("clear program A",), "world program A")
    assert fall.instead == fall.reads[0]
    assert (fall.fall.snow.amount, fall.fall.rain.amount, fall.fall.snow.seed) == (0.5, 0.0, 3)
    assert fall.fall.time_s == 12.5
    outer = {job.wall: job.writes for job in of(jobs, DrawWallFall)}
    assert set(outer) == {"main", "ceiling"}
    assert all(job.outer == outer[job.wall] for job in of(jobs, DrawWall))
    assert len({job.name for job in jobs}) == len(jobs)
    assert max(map(jobs.index, of(jobs, DrawWallFall))) < min(map(jobs.index, of(jobs, DrawWall)))


@pytest.mark.parametrize(
    ("faders", "controls"),
    [
        ({"snow": 0.0, "rain": 0.0, "night": 1.0}, {}),
        ({"snow": 1.0}, {declared.FALL_SNOW_DENSITY: 0.0}),
        ({"snow": 0.0, "rain": 1.0}, {declared.FALL_RAIN_DENSITY: 0.0}),
        ({"snow": 1.0, "rain": 1.0}, {declared.NEURAL_AMOUNT: 0.0}),
    ],
)
def test_at_nought_no_pass_is_planned(faders: dict[str, float], controls: dict[str, Any]) -> None:
    """The jobs are those of a show in which nothing ever falls, so that its pictures are, bit for bit."""
    feeds = [*WALLS, Feed("world", "A")]
    still, bare = frame(street(**faders), **controls), frame(**controls)
    jobs, expected = (plan(each, ONE, feeds, lit=True) for each in (still, bare))
    assert [(type(job), job.name, job.reads, job.writes) for job in jobs] == [
        (type(job), job.name, job.reads, job.writes) for job in expected
    ]
    assert [job.outer for job in of(jobs, DrawWall)] == [None] * 4


def test_without_a_generator_nothing_falls() -> None:
    assert not {*FALLS} & {*kinds(plan(frame(street(snow=1.0)), replace(ONE, generates=False), WALLS))}


def test_the_safe_plate_takes_it_away() -> None:
    safe, now = Safe("plate"), frame(street(snow=1.0))
    safe.press(True)
    state, controls = safe.settle(now.program, now.controls, 1.0)
    away = replace(now, buses={PROGRAM: state}, controls=controls)
    assert of(plan(now, ONE, WALLS), DrawFall)
    assert not {*FALLS} & {*kinds(plan(away, ONE, WALLS))}


def test_each_bus_has_what_its_own_look_has() -> None:
    feeds = [*WALLS, Feed("world", "A"), Feed("world", "A", PREVIEW)]
    standby = BusState("hall", "hall", look=weather(rain=0.5))
    jobs = plan(frame(street(snow=1.0, rain=0.0), standby), ONE, feeds)
    seen = {job.writes: (job.fall.snow.amount, job.fall.rain.amount) for job in of(jobs, DrawFall)}
    assert seen == {"world program A": (1.0, 0.0), "world preview A": (0.0, 0.5)}
    assert all(job.fall.snow.amount == 1.0 for job in of(jobs, DrawWallFall))
    assert [job.reads for job in of(jobs, Develop)] == [("world program A",), ("world preview A",)]


def test_the_controls_shape_it() -> None:
    controls = {
        declared.FALL_SNOW_DENSITY: 2.0,
        declared.FALL_SNOW_SPEED: 0.5,
        declared.FALL_WIND: -3.0,
        declared.NEURAL_AMOUNT: 0.5,
    }
    (job,) = of(plan(frame(street(snow=0.8), **controls), ONE, [Feed("world", "A")]), DrawFall)
    snow = job.fall.snow
    assert (snow.amount, snow.speed, snow.wind_m_s) == (pytest.approx(0.8), 0.5, -3.0)
    assert job.fall.shutter_s == pytest.approx(1.0 / 48.0)  # 180 degrees at 24 a second


def test_in_a_dissolve_it_falls_once_over_both() -> None:
    jobs = in_order(plan(frame(replace(DISSOLVE, look=weather(snow=1.0))), TWO, WALLS))
    falls = of(jobs, DrawFall)
    assert [job.reads for job in falls] == [("clear program A",), ("clear program B",)]
    assert {job.writes for job in falls} == {f"world {Eye(PROGRAM, camera)}" for camera in "AB"}
    assert all(job.depth for job in of(jobs, DrawPlate))


def test_on_lower_rungs_the_walls_have_it_less_often() -> None:
    """And there the walls take turns, so that no frame has to draw it on all of them."""

    def moves(rung: int) -> list[int]:
        """In each of twelve frames, on how many walls it moves."""
        turns = []
        for number in range(48, 61):
            now = frame(street(snow=1.0), rung=rung)
            now = replace(now, tick=replace(now.tick, number=number))
            turns.append([job.turn for job in of(plan(now, ONE, WALLS), DrawWallFall)])
        return [sum(a != b for a, b in zip(*both, strict=True)) for both in pairwise(turns)]

    assert moves(0) == [2] * 12
    assert moves(1) == [1] * 12
    assert sum(moves(6)) == 4
    assert max(moves(6)) == 1


def test_on_lower_rungs_an_eye_has_fewer_particles() -> None:
    """Those that rungs keep only become fewer; and the veil, which is of all of it, stays."""
    jobs = [of(plan(frame(street(snow=1.0), rung=rung), ONE, WALLS), DrawFall)[0] for rung in range(len(RUNGS))]
    kept = [job.kept for job in jobs]
    assert kept == sorted(kept, reverse=True)
    assert (kept[0], kept[FULL_RUNG]) == (1.0, 1.0)
    assert 0.3 <= kept[-1] <= 0.5
    assert {job.fall.snow.amount for job in jobs} == {1.0}


def test_an_eye_loses_its_particles_by_and_by() -> None:
    """In two frames of 24 a second no more than a twelfth of them; back to all of them it takes as long."""
    now, seen = thinned(None, 1.0, 10.0), [1.0]
    for number in range(1, 49):
        now = thinned(now, 0.5 if number < 25 else 1.0, 10.0 + number / 24.0)
        seen.append(now.kept)
    assert seen[24] == pytest.approx(0.5)
    assert seen[48] == pytest.approx(1.0)
    assert max(abs(one - other) for one, other in pairwise(seen)) < 0.022
    assert seen[12] == pytest.approx(0.75)


@pytest.mark.parametrize("later_s", [-1.0, 60.0])
def test_an_eye_in_which_nothing_fell_just_before_has_what_its_rung_keeps(later_s: float) -> None:
    assert thinned(thinned(None, 1.0, 10.0), 0.5, 10.0 + later_s).kept == 0.5


def test_with_fewer_particles_it_falls_as_it_did() -> None:
    fall = Fall(Weather(0.8, 0.5, 2.0, 3), Weather(0.4), 1.0, 0.02)
    assert fall.thinner(0.5) == Fall(Weather(0.4, 0.5, 2.0, 3), Weather(0.2), 1.0, 0.02)
