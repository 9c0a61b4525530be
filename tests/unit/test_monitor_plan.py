"""A monitor's part of a frame's plan: what is made for it, what its sides show, and its line of text."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from vpengine.compose.jobs import DrawPlate, KeyPicture, LayOver, MatchLens, ShowMonitor, TakePicture
from vpengine.compose.monitor import VARIANTS, frame_half, luminance_shown_at, monitor_values, tools, variant
from vpengine.compose.plan import Layout, plan
from vpengine.control import monitor
from vpengine.control.controls import Controls
from vpengine.control.declared import ENGINE_CONTROLS, NOT_IN_CUES
from vpengine.frames.feed import PROGRAM, Feed
from vpengine.frames.frame_input import NO_DIP, BusState, CameraState, FrameInput, Tick
from vpengine.gpu.job import PREVIEW, Job, in_order
from vpengine.stage.camera import CameraSettings, InnerSettings
from vpengine.view.lens import Lens
from vpengine.view.pose import from_opentrackio
from vpengine.view.timecode import Timecode

CAMERA = CameraSettings(
    id="A",
    sensor_mm=(24.0, 13.5),
    pinhole_focal_length_mm=24.0,
    inner=InnerSettings(resolution=(96, 54), overscan_percent=10.0),
)
GREEN = Layout((CAMERA,), (), generates=False, keyframe_overscan_percent=15.0, pictured=frozenset("A"))
BARE = replace(GREEN, pictured=frozenset())
WALLED = replace(GREEN, walls=("main",))
MONITOR, COMPOSITE = Feed("monitor", "A"), Feed("composite", "A")
POSE = from_opentrackio((0.0, 0.0, 1.6), 0.0, 0.0, 0.0)
DIP = (0.1, 0.0, 0.0, 0.5)


def frame(*, picture: bool = True, lens: Lens | None = None, rolling: bool = False, **controls: Any) -> FrameInput:
    values = {**Controls(ENGINE_CONTROLS).freeze(0.0), **{f"/vp/monitor/{at}": set_ for at, set_ in controls.items()}}
    captured: Any = {"A": object()} if picture else {}
    state = CameraState(POSE, POSE, lens or CAMERA.lens(), 0.0)
    tick = Tick(48, 2.0, Fraction(24), received=Timecode(10, 20, 30, 12))
    buses = {PROGRAM: BusState("day", "street", dip=DIP)}
    return FrameInput(tick, {"A": state}, buses, values, 0, captured=captured, rolling=rolling)


def job_of(layout: Layout, made: FrameInput, *more: Feed) -> tuple[ShowMonitor, list[Job]]:
    jobs = plan(made, layout, [MONITOR, *more])
    (found,) = [job for job in jobs if isinstance(job, ShowMonitor)]
    assert len({job.name for job in jobs}) == len(jobs)
    assert in_order(jobs).index(found) > max(in_order(jobs).index(job) for job in jobs if job.writes in found.reads)
    return found, jobs


def kinds(jobs: list[Job]) -> set[type]:
    return {type(job) for job in jobs}


def test_it_shows_the_composite_where_there_is_one() -> None:
    found, jobs = job_of(GREEN, frame())
    assert found.reads == ("composite A",)
    assert (found.writes, found.size, found.seen, found.dip) == ("monitor:A", (80, 45), 1.0, NO_DIP)
    assert found.lasting
    assert found.priority == PREVIEW
    assert {DrawPlate, TakePicture, KeyPicture, MatchLens, LayOver} <= kinds(jobs)
    assert kinds(job_of(GREEN, frame(), COMPOSITE)[1]) > kinds(jobs)  # all of it is made once: names differ


def test_a_key_is_told_its_frame() -> None:
    now = frame()
    (key,) = (job for job in job_of(GREEN, now)[1] if isinstance(job, KeyPicture))
    assert key.number == now.tick.number  # a matte is steadied by the frame before


def test_it_shows_the_world_where_there_is_no_picture() -> None:
    assert job_of(GREEN, frame(picture=False))[0].reads == ("matched A",)
    found, jobs = job_of(BARE, frame(picture=False))
    assert found.reads == ("world program A",)
    assert found.seen == pytest.approx(1.0 / 1.2)
    assert found.dip == DIP
    assert not kinds(jobs) & {TakePicture, KeyPicture, MatchLens}


def test_before_walls_the_cameras_own_picture_is_the_composite() -> None:
    found, jobs = job_of(WALLED, frame(**{"split/with": 3}))
    assert found.reads == ("picture A",)
    assert not kinds(jobs) & {KeyPicture, LayOver}
    assert found.matte is None


@pytest.mark.parametrize(
    ("show", "reads"),
    [
        (monitor.COMPOSITE, {"composite A"}),
        (monitor.PICTURE, {"picture A"}),
        (monitor.MATTE, {"picture A", "keyed A"}),
        (monitor.MATTE_OVER, {"picture A", "keyed A"}),
        (monitor.WORLD, {"matched A"}),
    ],
)
def test_what_is_shown_and_what_is_beside_it_is_read_and_nothing_else(show: int, reads: set[str]) -> None:
    assert set(job_of(GREEN, frame(show=show))[0].reads) == reads
    assert set(job_of(GREEN, frame(**{"split/with": show + 1}))[0].reads) == reads | {"composite A"}
    frozen = job_of(GREEN, frame(show=show, **{"split/with": monitor.FROZEN}))[0]
    assert set(frozen.reads) == reads


def test_a_picture_alone_is_not_keyed() -> None:
    assert not kinds(job_of(GREEN, frame(show=monitor.PICTURE))[1]) & {KeyPicture, LayOver, MatchLens}


def test_nothing_is_made_for_a_monitor_that_nobody_shows() -> None:
    assert plan(frame(), GREEN, []) == []


def test_the_line_says_what_is_known_and_no_more() -> None:
    bare = CAMERA.lens()
    assert job_of(BARE, frame())[0].line == ""
    assert job_of(BARE, frame(info=True, lens=bare))[0].line == "CAM A  24.0MM  10:20:30:12"
    known = replace(bare, pinhole_focal_length_mm=35.04, t_stop=2.8, focus_distance_m=3.257)
    line = job_of(BARE, frame(info=True, lens=known, rolling=True))[0].line
    assert line == "CAM A  35.0MM  T2.8  3.26M  10:20:30:12  REC"


def test_rec_is_red_and_a_monitor_that_is_enlarged_says_so() -> None:
    values = monitor_values(job_of(BARE, frame(info=True, rolling=True, **{"zoom/times": 2.0}))[0])
    codes = values["text"].ravel()[: values["letters"]]
    assert (codes >= 100).sum() == 3
    assert values["letters"] == len("CAM A  24.0MM  10:20:30:12  REC  2.0X")


def test_frame_lines_are_as_wide_or_as_high_as_fits() -> None:
    assert frame_half(2.0, (640, 360)) == (True, (320.0, 160.0))
    assert frame_half(1.0, (640, 360)) == (True, (180.0, 180.0))
    assert frame_half(0.0, (640, 360)) == (False, (320.0, 180.0))


def test_what_percent_of_white_is_as_light() -> None:
    """18 percent grey is at about 0.37 of the ACES SDR view's code values; all of its white is 16.3."""
    assert 35.0 < next(p for p in range(100) if luminance_shown_at(p) > 0.18) < 40.0
    assert luminance_shown_at(100.0) == pytest.approx(16.3, abs=0.3)


@pytest.mark.parametrize(
    ("controls", "asked"),
    [
        ({}, set()),
        ({"frame/aspect": 2.39}, {"LINES"}),
        ({"safe_areas": True}, {"LINES"}),
        ({"cross": True}, {"LINES"}),
        ({"info": True}, {"TEXT"}),
        ({"false_color/on": True}, {"EXPOSURE", "TEXT"}),
        ({"zebra": 70.0}, {"EXPOSURE"}),
        ({"peaking/on": True}, {"PEAKING"}),
        ({"split/with": 2}, {"SPLIT"}),
        ({"show": monitor.MATTE_OVER}, {"SPLIT"}),
        ({"freeze": True}, set()),
        ({"freeze": True, "onion": 0.5}, {"REFERENCE"}),
        ({"onion": 0.5, "difference": True}, set()),
    ],
)
def test_what_is_off_is_not_compiled_in(controls: dict[str, Any], asked: set[str]) -> None:
    values = monitor_values(job_of(GREEN, frame(**controls))[0])
    assert tools(values) == asked
    assert asked <= variant(asked) <= asked | {"LINES", "TEXT"}


def test_every_combination_has_a_program() -> None:
    assert all(variant(set(one | other)) >= one | other for one in VARIANTS for other in VARIANTS)


def test_an_operators_tools_are_not_of_a_cue() -> None:
    assert {control.address for control in monitor.CONTROLS} <= set(NOT_IN_CUES)
