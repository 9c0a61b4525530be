"""A frame's plan: which jobs make which feeds, with no OpenGL anywhere."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from vpengine.compose.governor import RUNGS, decoration_turn, drawn_now
from vpengine.compose.jobs import (
    Develop,
    DrawChart,
    DrawPlate,
    DrawWall,
    GradeOuter,
    MixWorlds,
    Reproject,
    ShowStale,
    UpdateKeyframes,
)
from vpengine.compose.keys import light_key, world_key
from vpengine.compose.plan import Layout, plan
from vpengine.control.controls import Controls
from vpengine.control.declared import ENGINE_CONTROLS, NEURAL_AMOUNT, NEURAL_REPROJECT, WALL_CHART
from vpengine.frames.feed import PREVIEW, PROGRAM, Eye, Feed, parse_feed, wall_feed
from vpengine.frames.frame_input import BusState, CameraState, FrameInput, Tick
from vpengine.gpu.job import PREVIEW as LATER
from vpengine.gpu.job import WALL, Job, in_order
from vpengine.stage.camera import CameraSettings, InnerSettings
from vpengine.view.pose import from_opentrackio

INNER = InnerSettings(resolution=(96, 54), overscan_percent=10.0)
CAMERAS = tuple(
    CameraSettings(id=name, sensor_mm=(24.0, 13.5), pinhole_focal_length_mm=24.0, inner=INNER) for name in "AB"
)
ONE = Layout(CAMERAS[:1], ("main", "ceiling"), generates=True, keyframe_overscan_percent=15.0)
TWO = replace(ONE, cameras=CAMERAS)
WALLS = frozenset(map(wall_feed, ONE.walls))
STREET = BusState("day", "street")
DISSOLVE = BusState("hall", "street", "hall", 0.25)
POSE = from_opentrackio((0.1, 0.2, 1.6), 5.0, 0.0, 0.0)


def frame(program: BusState = STREET, preview: BusState | None = None, rung: int = 0, **controls: Any) -> FrameInput:
    state = CameraState(POSE, POSE, CAMERAS[0].lens(), 0.0)
    buses = {PROGRAM: program, **({PREVIEW: preview} if preview else {})}
    values = {**Controls(ENGINE_CONTROLS).freeze(0.0), **controls}
    return FrameInput(Tick(48, 12.5, Fraction(24)), {"A": state, "B": state}, buses, values, 0, rung=rung)


def kinds(jobs: Collection[Job]) -> list[type]:
    return [type(job) for job in jobs]


def of(jobs: Collection[Job], kind: type) -> list[Any]:
    return [job for job in jobs if type(job) is kind]


def test_one_camera_on_two_walls() -> None:
    """The world once, then both walls from it."""
    jobs = in_order(plan(frame(), ONE, WALLS))
    assert kinds(jobs) == [UpdateKeyframes, DrawPlate, Reproject, GradeOuter, DrawWall, DrawWall]
    plate, world, walls = jobs[1], jobs[2], jobs[4:]
    assert world.reads == (plate.writes,)
    assert world.instead == plate.writes  # a re-projection that fails leaves the plate
    assert [job.writes for job in walls] == ["wall:main", "wall:ceiling"]
    assert all(job.reads == (world_key(Eye(PROGRAM, "A")),) == (world.writes,) for job in walls)
    assert all(job.lasting and job.priority == WALL for job in walls)
    assert plate.view.resolution == (96, 54)
    assert plate.view.time_s == 12.5  # the tick's, for plates that move


def test_every_job_of_a_frame_has_a_name_of_its_own() -> None:
    """The guard and the report go by it."""
    feeds = [*WALLS, Feed("world", "A"), Feed("world", "B", PREVIEW)]
    for state in (STREET, DISSOLVE):
        names = [job.name for job in plan(frame(state, BusState("hall", "hall")), TWO, feeds, lit=True)]
        assert len(set(names)) == len(names)


def test_two_cameras_on_one_wall() -> None:
    """The first of the stage file is the first that a wall reads: it has every pixel where frustums overlap."""
    jobs = plan(frame(), TWO, [wall_feed("main")])
    (wall,) = of(jobs, DrawWall)
    assert wall.reads == ("world program A", "world program B")
    assert [job.eye for job in of(jobs, Reproject)] == [Eye(PROGRAM, "A"), Eye(PROGRAM, "B")]


def test_a_preview_costs_nothing_when_it_is_off() -> None:
    """Neither where nothing stands by, nor where no output shows it."""
    feed = Feed("world", "A", PREVIEW)
    bare, standby = plan(frame(), ONE, WALLS), BusState("hall", "hall")
    assert kinds(plan(frame(), ONE, [*WALLS, feed])) == kinds(bare)
    assert kinds(plan(frame(preview=standby), ONE, WALLS)) == kinds(bare)
    shown = plan(frame(preview=standby), ONE, [*WALLS, feed])
    added = [job for job in shown if job.name not in {job.name for job in bare}]
    assert kinds(added) == [UpdateKeyframes, DrawPlate, Reproject, Develop]
    assert all(job.priority == LATER for job in added)
    assert in_order(shown)[: len(bare)] == [job for job in in_order(shown) if job.priority == WALL]


def test_a_preview_that_a_frame_leaves_out_takes_in_its_keyframes() -> None:
    """Every keyframe comes once: on a lower rung most frames have no preview, and it would show the plate for ever."""
    feed, standby = Feed("world", "A", PREVIEW), frame(preview=BusState("hall", "hall"), rung=5)
    bare = {job.name for job in plan(standby, ONE, WALLS)}
    (added,) = [job for job in plan(standby, ONE, WALLS, left_out=[feed]) if job.name not in bare]
    assert isinstance(added, UpdateKeyframes)
    assert added.eye == Eye(PREVIEW, "A")


def test_a_world_is_a_feed_without_any_wall() -> None:
    """Cut to what the lens sees: 10 percent a side is a picture 1.2 times as wide."""
    jobs = plan(frame(), replace(ONE, walls=()), [Feed("world", "A")])
    assert kinds(jobs) == [UpdateKeyframes, DrawPlate, Reproject, Develop]
    develop = jobs[-1]
    assert (develop.writes, develop.size) == ("world:A", (80, 45))
    assert develop.seen == pytest.approx(1.0 / 1.2)
    assert develop.priority == WALL


def test_a_dissolve_draws_every_place_and_mixes_their_light() -> None:
    jobs = plan(frame(DISSOLVE), ONE, WALLS)
    (mix,) = of(jobs, MixWorlds)
    assert [job.location for job in of(jobs, DrawPlate)] == ["street", "hall"]
    assert mix.reads == tuple(job.writes for job in of(jobs, Reproject))
    assert mix.weights == (0.75, 0.25)
    assert mix.writes == world_key(Eye(PROGRAM, "A"))
    assert mix.instead == mix.reads[-1]
    assert all(job.shares == (("street", 0.75), ("hall", 0.25)) for job in of(jobs, DrawWall))


@pytest.mark.parametrize("layout", [ONE, replace(ONE, generates=False)], ids=["amount 0", "no generator"])
def test_the_plate_alone_asks_for_no_depth_and_no_keyframe(layout: Layout) -> None:
    amount = 0.0 if layout.generates else 1.0
    jobs = plan(frame(**{NEURAL_AMOUNT: amount}), layout, WALLS)
    assert kinds(jobs) == [UpdateKeyframes, DrawPlate, GradeOuter, DrawWall, DrawWall]
    (plate,) = of(jobs, DrawPlate)
    assert not plate.depth
    assert plate.writes == world_key(Eye(PROGRAM, "A"))
    assert all(job.depth for job in of(plan(frame(), ONE, WALLS), DrawPlate))


def test_stale_for_comparison() -> None:
    """How much of a keyframe's width the picture spans: 1.2 of 1.3."""
    jobs = plan(frame(**{NEURAL_REPROJECT: False}), ONE, WALLS)
    (stale,) = of(jobs, ShowStale)
    assert not of(jobs, Reproject)
    assert stale.picture_in_key == pytest.approx(1.2 / 1.3)


def test_the_light_of_walls_is_drawn_for_simulated_cameras_only() -> None:
    assert not any(job.light for job in of(plan(frame(), ONE, WALLS), DrawWall))
    lit = of(plan(frame(), ONE, [Feed("stage")], lit=True), DrawWall)
    assert [job.writes for job in lit] == [light_key("main"), light_key("ceiling")]


def test_charts_take_the_walls_place_and_nothing_else_s() -> None:
    """Under the same keys, for outputs and simulated cameras; what the picture is made of goes on being made."""
    program, charted = (plan(frame(**{WALL_CHART: on}), TWO, WALLS, lit=True) for on in (False, True))
    walls, charts = of(program, DrawWall), of(charted, DrawChart)
    assert [(job.writes, job.wall, job.light, job.lasting, job.priority) for job in charts] == [
        (job.writes, job.wall, job.light, job.lasting, job.priority) for job in walls
    ]
    assert not of(charted, DrawWall)
    assert kinds(charted)[: -len(charts)] == kinds(program)[: -len(walls)]
    assert all(job.number == 48 for job in charts)
    seen = charts[0].views[0]
    assert len(charts[0].views) == 2
    assert np.allclose(1.0 / seen.clip_from_view[0, 0], 12.0 / 24.0)  # what the lens sees, without overscan
    lower = of(plan(frame(rung=5, **{WALL_CHART: True}), TWO, WALLS), DrawChart)
    assert np.array_equal(lower[0].views[0].clip_from_stage, seen.clip_from_stage)


def test_a_lower_rung_has_fewer_pixels() -> None:
    sizes = [of(plan(frame(rung=rung), ONE, WALLS), DrawPlate)[0].view.resolution for rung in range(len(RUNGS))]
    assert sizes[0] == (96, 54)
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] == (48, 27)


def test_edges_are_smooth_on_the_walls_where_there_is_room() -> None:
    """What stands by is drawn small, with what is left of a frame."""
    feeds = [*WALLS, Feed("world", "A", PREVIEW)]
    for rung in (0, 1, 4):
        jobs = of(plan(frame(preview=BusState("hall", "hall"), rung=rung), ONE, feeds), DrawPlate)
        assert [job.samples for job in jobs] == ([4, 1] if rung == 0 else [1, 1])


def test_decoration_is_drawn_less_often_on_lower_rungs() -> None:
    """All of it in every frame, or one step a frame, in order, and then none for a second."""
    turns = [
        [decoration_turn(replace(frame(rung=rung), tick=Tick(number, 0.0, Fraction(24)))) for number in range(240)]
        for rung in range(len(RUNGS))
    ]
    assert turns[:2] == [[None] * 240] * 2
    assert all(each[:24] == list(range(24)) for each in turns[2:])
    starts = [each.count(0) for each in turns[2:]]
    assert starts == sorted(starts, reverse=True)
    assert starts[-1] == 3


def test_previews_are_drawn_less_often_on_lower_rungs() -> None:
    feeds = [*WALLS, Feed("world", "A", PREVIEW), Feed("stage")]
    counts = []
    for rung in range(len(RUNGS)):
        frames = [replace(frame(rung=rung), tick=Tick(number, 0.0, Fraction(24))) for number in range(24)]
        drawn = [drawn_now(each, feeds) for each in frames]
        assert all(set(feeds) - each <= {Feed("world", "A", PREVIEW)} for each in drawn)
        counts.append(sum(len(each) == len(feeds) for each in drawn))
    assert counts == [24, 24, 8, 6, 4, 4, 2]


def test_the_outer_follows_the_grade_less_often_on_lower_rungs() -> None:
    counts = []
    for rung in range(len(RUNGS)):
        frames = [replace(frame(rung=rung), tick=Tick(number, 0.0, Fraction(24))) for number in range(24)]
        counts.append(len({job.turn for each in frames for job in of(plan(each, ONE, WALLS), GradeOuter)}))
    assert counts == [24, 24, 12, 8, 8, 8, 6]


def test_a_keyframe_goes_to_the_eye_that_asked_for_it() -> None:
    def key(bus: str, camera: str) -> Any:
        return type("Key", (), {"request": type("Asked", (), {"bus": bus, "camera": camera})})

    keys = tuple(key(bus, camera) for bus in (PROGRAM, PREVIEW) for camera in "AB")
    full = replace(frame(preview=BusState("hall", "hall")), keyframes=keys)
    jobs = of(plan(full, TWO, [*WALLS, Feed("world", "A", PREVIEW)]), UpdateKeyframes)
    assert [(job.eye, job.keyframes) for job in jobs] == [
        (Eye(PROGRAM, "A"), keys[:1]),
        (Eye(PROGRAM, "B"), keys[1:2]),
        (Eye(PREVIEW, "A"), keys[2:3]),
    ]


def test_a_plan_depends_on_the_frame_alone() -> None:
    """Twice the same: nothing is remembered from one frame to the next."""
    feeds = [*WALLS, Feed("world", "A")]
    first, again = (plan(frame(DISSOLVE), TWO, feeds, lit=True) for _ in range(2))
    assert [job.name for job in first] == [job.name for job in again]
    views = [[job.view for job in of(jobs, DrawPlate)] for jobs in (first, again)]
    assert all(one.same_as(other) for one, other in zip(*views, strict=True))
    np.testing.assert_array_equal(views[0][0].clip_from_stage, views[1][0].clip_from_stage)


@pytest.mark.parametrize("text", ["wall:main", "world:A", "camera:A", "monitor:A", "stage", "world:A@preview"])
def test_a_feeds_name_is_what_it_was_read_from(text: str) -> None:
    assert str(parse_feed(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "wall",
        "wall:",
        "stage:x",
        "Wall:main",
        "world:A@air",
        "wall:main@preview",
        "main",
        "monitor",
        "monitor:A@preview",
    ],
)
def test_what_is_no_feed_is_one_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(expected|only) "):
        parse_feed(text)
