"""The world nudged in a running show: what is generated goes with it, the walls follow, and a take shows the same."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.demo_bench import Bench
from tests.gl.conftest import PATIENCE_S, with_two_walls
from vpengine.app import App, RunOptions
from vpengine.cli.film import read_take
from vpengine.control.declared import INNER_VISIBLE, NEURAL_AMOUNT, PLATE_YAW
from vpengine.control.messages import ControlChange
from vpengine.frames.feed import parse_feed
from vpengine.frames.frame_input import BusState, FrameInput
from vpengine.frames.look import Look
from vpengine.gpu.transfer import download
from vpengine.neural.generator import Generated, Plate
from vpengine.player import Player
from vpengine.view.color import acescct_from_linear
from vpengine.view.placement import Placement
from vpengine.view.pose import from_opentrackio
from vpengine.view.view import pixel_centres, rays

FEEDS = ("wall:main", "wall:side", "world:1")
HERE = from_opentrackio((0.1, 0.0, 1.6), 3.0, 0.0, 0.0)
LOOK = {"fog": 0.5}
NUDGED = Placement(yaw_deg=8.0, right_m=0.4, up_m=0.1, scale=1.2)


class Painter:
    """Paints waves on to the world: of the direction in which a point of the plate is seen from the plate's middle."""

    def generate(self, plate: Plate, look: Look) -> Generated:
        del look
        view, far = plate.view, 1e6
        depth_m = np.minimum(plate.depth_m, far)[..., None]
        on_stage = view.origin_m + rays(view, pixel_centres(view.resolution)) * depth_m
        point = on_stage @ view.placement.plate_from_stage[:3, :3].T + view.placement.plate_from_stage[:3, 3]
        direction = point - [0.0, 0.0, 1.6]
        waves = 0.1 * np.sin(8.0 * direction / np.linalg.norm(direction, axis=-1, keepdims=True))
        return Generated(np.full_like(plate.color_cct, 0.5), (0.2 + waves).astype(np.float32))


@pytest.fixture(scope="module")
def bench(gpu: Any) -> Iterator[Bench]:
    with ExitStack() as stack:
        bench = Bench(gpu, stack)
        bench.generator = Painter()  # type: ignore[assignment]
        yield bench


def placed(frame: FrameInput, placement: Placement) -> FrameInput:
    program = frame.program
    return replace(frame, buses={"program": replace(program, placements=((program.location, placement),))})


def settle(bench: Bench, placement: Placement, start_s: float) -> float:
    """Until camera, surround, grade and outer pictures have come to rest; the time after."""
    time_s = start_s
    for _ in range(24):
        frame = placed(bench.frame(time_s, HERE, LOOK), placement)
        keyframe = bench.ask(frame)
        bench.draw(replace(frame, keyframes=(keyframe,) if keyframe else ()))
        time_s += 1 / 14
    return time_s


def wall(bench: Bench, frame: FrameInput, **controls: Any) -> np.ndarray:
    """As a wall is looked at: in ACEScct."""
    return acescct_from_linear(bench.draw(replace(frame, controls={**frame.controls, **controls})))


@pytest.mark.slow
@pytest.mark.parametrize(("inner", "start_s"), [(True, 10.0), (False, 100.0)])
def test_what_is_generated_goes_with_the_world_before_anything_new_comes(
    bench: Bench, inner: bool, start_s: float
) -> None:
    """Inside the frustum by keyframes, outside by the surround: without a new picture, almost what comes to rest."""

    def shown(placement: Placement, time_s: float, **controls: Any) -> np.ndarray:
        """As a wall is looked at, when the outer's faces have had their turns: in ACEScct."""
        for step in range(20):
            frame = placed(bench.frame(time_s + step / 24.0, HERE, LOOK), placement)
            light = bench.draw(replace(frame, controls={**frame.controls, INNER_VISIBLE: inner, **controls}))
        return acescct_from_linear(light)

    time_s = settle(bench, Placement(), start_s)
    unmoved = shown(Placement(), time_s)
    first = shown(NUDGED, time_s + 1.0)
    plate = shown(NUDGED, time_s + 2.0, **{NEURAL_AMOUNT: 0.0})
    time_s = settle(bench, NUDGED, time_s + 3.0)
    rested = shown(NUDGED, time_s + 1.0)
    off = np.abs(first - rested).mean()
    assert off < 0.01 * np.abs(plate - rested).mean(), "it is the generated picture"
    assert off < 0.01 * np.abs(unmoved - rested).mean(), "where the world is now"


def steps(show: Any, run: list[dict[str, np.ndarray]], count: int) -> None:
    for _ in range(count):
        show.frames(1)
        run.append({feed: show.pixels(feed) for feed in FEEDS})


def test_a_take_shows_the_world_where_it_was(small_stage: Path, make_show: Callable[[App], Any]) -> None:
    """Nudged, with what is generated of it; in a dissolve to a scene that has it elsewhere; and there."""
    stage, take = with_two_walls(small_stage, "drill"), small_stage.parent / "take"
    show_file = small_stage.parent / "show.toml"
    text = show_file.read_text(encoding="utf-8")
    text = text.replace('plate.kind = "pattern"', 'plate = {kind = "pattern", radius_m = 9.0}')
    text = text.replace(
        "controls.look.fog = 0.6", "controls.look.fog = 0.6\ncontrols.plate = {yaw = 25.0, scale = 2.0}"
    )
    show_file.write_text(text, encoding="utf-8")
    run: list[dict[str, np.ndarray]] = []
    with App(RunOptions(stage, headless=True, unpaced=True, log_folder=take, remember=False)) as app:
        app.wait_until_ready()
        show = make_show(app)
        end_s = time.monotonic() + PATIENCE_S
        while app.generator.health.images < 4:  # some of the surround, and the camera's
            assert time.monotonic() < end_s
            steps(show, run, 1)
            time.sleep(0.02)  # a generator has what frames leave of the machine
        before = len(run) - 1
        app.inbox.add(ControlChange(PLATE_YAW, 15.0))
        steps(show, run, 12)
        assert show.newest.program.placements == (("pattern", Placement(15.0)),)
        show.go("second")
        seen: list[BusState] = []
        while len(seen) < 10 or len(seen[-1].shares) > 1:
            assert len(seen) < 600
            steps(show, run, 1)
            seen.append(show.newest.program)
        assert not app.loop.executor.failures
    there, mixed = Placement(25.0, scale=2.0), [state for state in seen if len(state.shares) == 2]
    assert len(mixed) > 3
    assert {state.placements for state in mixed} == {(("pattern", Placement(15.0)), ("pattern-2", there))}
    assert seen[-1].placements == (("pattern-2", there),)
    for feed in FEEDS:
        assert np.abs(run[before][feed].astype(int) - run[before + 12][feed]).mean() > 2.0
    made = 0
    with Player(take, read_take(take)) as player:
        for shown, frame in zip(run, player.frames(), strict=False):
            made += len(frame.keyframes)
            pictures = player.draw(frame, [parse_feed(feed) for feed in FEEDS])
            for feed in FEEDS:
                assert np.array_equal(download(pictures[feed].color)[..., :3][::-1], shown[feed])
    assert made >= 4
