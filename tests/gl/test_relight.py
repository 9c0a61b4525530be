"""A plate that knows its light is drawn under the frame's: the street at every hour, and the walls that follow it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cases import slow_but
from vpengine.app import App, RunOptions
from vpengine.cli.film import read_take
from vpengine.compose.governor import RUNGS
from vpengine.frames.feed import Feed
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.target import Target
from vpengine.gpu.transfer import download
from vpengine.plates.street.plate import Street
from vpengine.player import Player
from vpengine.view.color import luminance
from vpengine.view.lens import Lens, clip_from_view
from vpengine.view.light import DAY, Light
from vpengine.view.pose import from_opentrackio, view_from_stage
from vpengine.view.view import View

SIZE = (320, 180)
NIGHT = Light(sky=0.0, lamps=1.0, windows=0.45)


@pytest.fixture(scope="module")
def street(gpu: Any) -> Iterator[Callable[..., np.ndarray]]:
    plate = Street(Street.Settings())
    plate.upload(Gpu(gpu))
    target = Target(gpu, SIZE, depth=True)

    def draw(light: Light, position_m: Any = (0.0, 0.0, 1.6), pan: float = 0.0, tilt: float = 4.0) -> np.ndarray:
        pose = from_opentrackio(position_m, pan, tilt, 0.0)
        view = View(view_from_stage(pose), clip_from_view(Lens((36.0, 20.25), 24.0)), SIZE, light=light)
        plate.draw(target, view)
        return download(target.color)[..., :3].astype(float)

    yield draw
    target.release()
    plate.release()


def stops(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.log2(np.median(luminance(a)) / np.median(luminance(b))))


def test_clouds_take_the_sun_and_its_shadows_and_leave_the_level(street: Callable[..., np.ndarray]) -> None:
    """What the sun lit gets darker and what lay in shadow lighter; all in all it keeps its level but for a stop."""
    sunny, cloudy = luminance(street(DAY)), luminance(street(Light(sun=0.0)))
    change = np.log2(cloudy / sunny)
    assert np.percentile(change, 5) < -0.8
    assert np.percentile(change, 95) > 0.5
    assert -1.6 < stops(street(Light(sun=0.0)), street(DAY)) < 0.6


def test_what_it_is_between_lies_between(street: Callable[..., np.ndarray]) -> None:
    """Light adds: half of the sun, or of the lamps, is half way for every pixel."""
    for ends in ((DAY, Light(sun=0.0)), (replace(NIGHT, lamps=0.0), NIGHT)):
        half = replace(ends[1], sun=(ends[0].sun + ends[1].sun) / 2, lamps=(ends[0].lamps + ends[1].lamps) / 2)
        first, middle, last = (street(light) for light in (ends[0], half, ends[1]))
        np.testing.assert_allclose(middle, (first + last) / 2, rtol=0.02, atol=0.004)


def test_night_comes_down_and_lamps_make_pools(street: Callable[..., np.ndarray]) -> None:
    dark = [street(Light(sky=sky)) for sky in (1.0, 0.75, 0.5, 0.25, 0.0)]
    for before, after in itertools.pairwise(dark):
        assert stops(after, before) < -0.5
    along = [
        float(np.median(luminance(street(NIGHT, (1.5, y_m, 2.5), tilt=-89.0)))) for y_m in np.arange(0.0, 22.0, 1.0)
    ]
    assert max(along) / min(along) > 1.5, "under lamps and between them"
    assert np.median(luminance(dark[-1])) < 0.25 * np.median(luminance(street(NIGHT)))


def test_windows_come_on_one_after_another(street: Callable[..., np.ndarray]) -> None:
    """As many as are asked for; the same ones from wherever they are seen."""
    facade = {"position_m": (-1.0, 14.0, 5.0), "pan": 55.0, "tilt": 14.0}
    lit = [luminance(street(Light(sky=0.0, windows=share), **facade)) for share in (0.05, 0.3, 0.6, 1.0)]
    base = luminance(street(Light(sky=0.0), **facade))
    on = [picture > base + 0.05 for picture in lit]
    counts = [int(each.sum()) for each in on]
    assert counts == sorted(counts)
    assert counts[-1] > 1.5 * counts[1] > 0
    for fewer, more in itertools.pairwise(on):
        assert not (fewer & ~more).any(), "none goes out"


SHOW = """\
version = 1
[show]
name = "Night"
gate = "off"
[[scene]]
slug = "day"
dissolve_s = 0.0
plate.kind = "street"
[[scene]]
slug = "night"
dissolve_s = 0.0
plate.kind = "street"
controls.light.sky = 0.0
controls.light.lamps = 1.0
"""


@pytest.mark.usefixtures("street_once")
@pytest.mark.parametrize("rung", slow_but("0", [0, 1, 4]))
def test_in_a_fade_no_face_stays_behind(two_walls: Path, make_show: Callable[[App], Any], rung: int) -> None:
    """Where there is room all of them are drawn in every frame; else some, coarse, in turn, and all fine when it rests.
    None is more frames behind than one turn of them takes.
    """
    (two_walls.parent / "show.toml").write_text(SHOW.replace("dissolve_s = 0.0", "dissolve_s = 1.0"), encoding="utf-8")
    options = RunOptions(two_walls, headless=True, unpaced=True, remember=False)
    with App(options) as app:
        app.wait_until_ready()
        app.loop.governor.rung = rung
        show = make_show(app)
        show.frames(2)
        show.go("night")
        lights = [show.newest.program.light]
        for _ in range(20):
            show.frames(1)
            lights.append(show.newest.program.light)
            views = [outer._views for outer in app.compositor.walls._outer["street"].values()]
            faces, at_once = len(set().union(*views)), RUNGS[rung].faces
            turn = 1 if at_once is None else math.ceil(faces / at_once) * RUNGS[rung].outer
            assert {view.light for each in views for view in each.values()} <= {*lights[-turn:]}
        assert lights[-1].sky < 0.2, "the fade is nearly done"
        show.until(lambda: show.newest.program.light.sky == 0.0)

        def rests() -> bool:
            views = [view for outer in app.compositor.walls._outer["street"].values() for view in outer._views.values()]
            return len({(view.light, view.resolution) for view in views}) == 1 and views[0].light == night

        night = Light(sky=0.0, lamps=1.0)
        show.until(rests)
        assert not app.loop.executor.failures


@pytest.mark.slow
@pytest.mark.usefixtures("street_once")
def test_all_walls_follow_the_light_and_so_does_a_film(
    two_walls: Path, make_show: Callable[[App], Any], tmp_path: Path
) -> None:
    """The frustum in the frame of the cut, the rest a face a frame; and a take drawn again is the same."""
    (two_walls.parent / "show.toml").write_text(SHOW, encoding="utf-8")
    feeds = [Feed("wall", "main"), Feed("wall", "side")]
    options = RunOptions(two_walls, headless=True, unpaced=True, log_folder=tmp_path / "take", remember=False)
    shown: list[dict[Feed, np.ndarray]] = []
    with App(options) as app:
        app.wait_until_ready()
        show = make_show(app)

        def frames(count: int) -> None:
            for _ in range(count):
                show.frames(1)
                shown.append({feed: show.pixels(str(feed)) for feed in feeds})

        frames(2)
        show.go("night")
        frames(16)
        rested = shown[-1]
        frames(2)
        assert not app.loop.executor.failures
    day, night = shown[1], shown[-1]
    for feed in feeds:
        assert night[feed].mean() < 0.6 * day[feed].mean()
        assert np.array_equal(rested[feed], night[feed]), "at rest nothing is drawn anew"
    options = RunOptions(two_walls, headless=True, unpaced=True, scene="night", remember=False)
    with App(options) as app:
        app.wait_until_ready()
        begun = make_show(app)
        begun.frames(1)
        for feed in feeds:
            assert np.abs(begun.pixels(str(feed)).astype(int) - night[feed].astype(int)).max() <= 1, "as fine as that"
    with Player(tmp_path / "take", read_take(tmp_path / "take")) as player:
        for expected, frame in zip(shown, player.frames(), strict=False):
            pictures = player.draw(frame, feeds)
            for feed in feeds:
                assert np.array_equal(download(pictures[str(feed)].color)[..., :3][::-1], expected[feed])
