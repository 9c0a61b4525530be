"""Feeds: what two cameras put on one wall, a world without a wall, what stands by, the simulated stage."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.geometry import pixel_uv, project
from vpengine.app import App, RunOptions
from vpengine.cli.status import Follower
from vpengine.cli.terminal import Terminal
from vpengine.compose.wall import WallLevels, WallPicture, wall_mesh
from vpengine.control.messages import ControlChange
from vpengine.control.triggers import SceneTrigger
from vpengine.frames.feed import Eye
from vpengine.frames.provenance import Provenance
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.picture import Picture
from vpengine.gpu.target import Target
from vpengine.gpu.transfer import download, upload, write
from vpengine.gpu.view_lut import ViewLut
from vpengine.stage.feeds import SIM_SIZE
from vpengine.stage.walls import FlatWall, position_in_stage, wall_geometry
from vpengine.view.camera import camera_view
from vpengine.view.lens import Lens
from vpengine.view.pose import from_opentrackio
from vpengine.view.view import View

WALL = wall_geometry(
    FlatWall(id="w", tile_mm=(500.0, 500.0), tile_px=(16, 16), columns=12, rows=6, position_m=(0.0, 3.0, 0.0))
)
SIZE = (64, 36)
LENS = Lens((24.89, 14.0), 35.0)
FIRST, SECOND = (camera_view(from_opentrackio((x, 0.0, 1.5), 0.0, 0.0, 0.0), LENS, SIZE, 5.0) for x in (-0.4, 0.5))
CAMERA = '[[camera]]\nid = "{}"\nsensor_mm = [24.89, 14.0]\npinhole_focal_length_mm = 24.0\n'


def flat(gpu: Gpu, view: View, level: float) -> Picture:
    target = Target(gpu.context, SIZE, depth=True)
    write(target.color, np.full((SIZE[1], SIZE[0], 4), level, np.float16))
    return Picture(target.color, target.depth, view, Provenance("test"))


def inside(view: View) -> np.ndarray:
    """Which of the wall's pixels (height, width) lie at least a pixel within a frustum, and which beyond it."""
    ndc, _ = project(view, position_in_stage(WALL, pixel_uv(WALL)))
    return np.asarray(np.abs(ndc).max(axis=-1))


@pytest.mark.parametrize("code", [False, True], ids=["light", "code values"])
def test_where_two_frustums_overlap_the_first_has_every_pixel(gpu: Any, code: bool) -> None:
    engine = Gpu(gpu)
    wall = WallPicture(engine, WALL, wall_mesh(engine, WALL), 1000.0, 0.0, cameras=2)
    outer = upload(gpu, np.full((2, 2, 4), 0.125, np.float16))
    worlds = [flat(engine, FIRST, 1.0), flat(engine, SECOND, 2.0)]
    draw, target = (wall.draw, wall.code) if code else (wall.draw_light, None)
    draw(worlds, outer, WallLevels(soft_edge_px=0.0, dither=False))
    shown = download((target or wall.light).color)[..., 0].astype(float)
    first, second = inside(FIRST), inside(SECOND)
    here, there, nowhere = first < 0.95, (first > 1.05) & (second < 0.95), (first > 1.05) & (second > 1.05)
    assert (here & (second < 0.95)).sum() > 500  # they do overlap
    levels = [np.unique(shown[where]) for where in (here, there, nowhere)]
    assert [len(values) for values in levels] == [1, 1, 1]
    outside, one, two = (float(values[0]) for values in (levels[2], levels[0], levels[1]))
    assert outside < one < two
    if not code:
        assert (outside, one, two) == (0.125, 1.0, 2.0)
    draw(worlds[::-1], outer, WallLevels(soft_edge_px=0.0, dither=False))
    swapped = download((target or wall.light).color)[..., 0].astype(float)
    assert set(np.unique(swapped[here & (second < 0.95)])) == {two}
    wall.release()


def test_a_wall_with_two_cameras_partly_drawn_equals_drawn_whole(gpu: Any) -> None:
    """As one moves and the other stands."""
    engine = Gpu(gpu)
    mesh = wall_mesh(engine, WALL)
    moving = WallPicture(engine, WALL, mesh, 1000.0, 0.0, cameras=2)
    outer = upload(gpu, np.full((2, 2, 4), 0.125, np.float16))
    still = flat(engine, FIRST, 1.0)
    for number, pan_deg in enumerate((0.0, 12.0, -20.0, 60.0, 5.0)):
        view = camera_view(from_opentrackio((0.5, 0.0, 1.5), pan_deg, 0.0, 0.0), LENS, SIZE, 5.0)
        worlds = [still, flat(engine, view, 2.0)]
        moving.draw(worlds, outer, WallLevels(), outer_moved=number == 0)
        whole = WallPicture(engine, WALL, mesh, 1000.0, 0.0, cameras=2)
        whole.draw(worlds, outer, WallLevels())
        np.testing.assert_array_equal(download(moving.code.color), download(whole.code.color))
        whole.release()
    moving.release()


def changed(stage: Path, *changes: tuple[str, str]) -> RunOptions:
    text = stage.read_text(encoding="utf-8").replace("port = 9000", "port = 0").replace("port = 9001", "port = 0")
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    stage.write_text(text, encoding="utf-8")
    return RunOptions(stage, headless=True, unpaced=True, remember=False)


def picture(app: App, feed: str) -> np.ndarray:
    return download(app.loop.executor.pictures[feed].color)[..., :3].astype(float)


def test_two_tracked_cameras_are_on_the_wall_of_a_running_stage(small_stage: Path) -> None:
    """The second, which rests elsewhere, adds its own frustum and leaves the first one's pixels alone."""
    with App(changed(small_stage)) as app:
        app.run_frames(3)
        alone = picture(app, "wall:main")
    second = CAMERA.format("2") + "pose = { position_m = [2.0, 0.0, 1.5] }\n"
    options = changed(small_stage, ("[[wall]]", second + "[[wall]]"))
    with App(options) as app:
        app.run_frames(3)
        both = picture(app, "wall:main")
        geometry = app.compositor.walls.geometries["main"]
        frame = app.loop.newest
        assert frame is not None
        views = [camera_view(frame.cameras[name].pose, frame.cameras[name].lens, (160, 90), 5.0) for name in "12"]
        edge = [
            np.abs(project(view, position_in_stage(geometry, pixel_uv(geometry)))[0]).max(axis=-1) for view in views
        ]
        report = app.report()
    np.testing.assert_array_equal(both[edge[0] < 0.7], alone[edge[0] < 0.7])
    only_second = (edge[0] > 1.02) & (edge[1] < 0.7)
    assert only_second.sum() > 300
    assert np.abs(both[only_second] - alone[only_second]).max() > 5.0
    neither = (edge[0] > 1.02) & (edge[1] > 1.02)
    np.testing.assert_array_equal(both[neither], alone[neither])
    assert report["feeds"] == {"wall:main": {"drawn": 3, "kept": 0}}


def test_a_stage_without_a_wall_shows_its_cameras_world(small_stage: Path) -> None:
    """Full frame: the lens's view, overscan cut away; by day it is neither black nor flat."""
    text = small_stage.read_text(encoding="utf-8")
    wall = text[text.index("[[wall]]") : text.index("[[tracking]]")]
    options = changed(small_stage, (wall, ""), ('wall = "main"', 'feed = "world:1"'))
    with App(options) as app:
        app.run_frames(3)
        shown = picture(app, "world:1")
        assert app.report()["feeds"] == {"world:1": {"drawn": 3, "kept": 0}}
        assert "WALL" not in Follower(app, Terminal()).status().text()
        frame = app.loop.newest
        assert frame is not None
        view = camera_view(frame.cameras["1"].pose, frame.cameras["1"].lens, (145, 82))
        expected = Target(app.gpu.context, (145, 82), depth=True)
        app.locations["pattern"].draw(expected, view)
        developed = Target(app.gpu.context, (145, 82), dtype="f1")
        ViewLut(app.gpu).develop(developed, expected.color)
        seen = download(developed.color)[..., :3].astype(float)
    assert shown.shape == (82, 145, 3)
    assert seen.std() > 20.0
    apart = np.abs(shown - seen).mean(axis=-1)  # one was drawn with 5 percent more around it, and scaled
    assert np.median(apart) < 2.0
    assert apart.mean() < 6.0


def test_what_stands_by_is_seen_in_the_preview_alone(small_stage: Path) -> None:
    options = changed(small_stage, ("[neural]", '[[output]]\nkind = "headless"\nfeed = "world:1@preview"\n[neural]'))
    with App(options) as app:
        app.wait_until_ready()
        app.run_frames(3)
        before = picture(app, "wall:main")
        assert "world:1@preview" not in app.loop.executor.pictures
        app.inbox.add(SceneTrigger("goto", "second", "preview"))
        app.run_frames(3)
        np.testing.assert_array_equal(picture(app, "wall:main"), before)
        assert picture(app, "world:1@preview").std() > 20.0
        assert app.loop.newest is not None
        assert app.loop.newest.program.scene == "first"
        app.inbox.add(SceneTrigger("goto", "second"))
        app.run_frames(24)
        app.inbox.add(SceneTrigger("goto", "", "preview"))
        app.run_frames(3)
        assert "preview" not in app.loop.newest.buses
        report = app.report()["feeds"]["world:1@preview"]
        assert report["kept"] == 5  # before it stood by, and after it was blanked
        assert picture(app, "world:1@preview").max() == 0.0  # nobody takes it for a live one
        assert np.abs(picture(app, "wall:main") - before).mean() > 5.0  # the scene that stood by is on the wall


@pytest.mark.parametrize("shown", [False, True])
def test_what_stands_by_is_asked_for_while_an_output_shows_it(
    small_stage: Path, shown: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it would cost the walls every second picture. Of two cameras that stand by, the one that is shown."""
    output = '[[output]]\nkind = "headless"\nfeed = "world:1@preview"\n' if shown else ""
    second = CAMERA.format("2") + "pose = { position_m = [2.0, 0.0, 1.5] }\n"
    options = changed(small_stage, ("[neural]", output + "[neural]"), ("[[wall]]", second + "[[wall]]"))
    asked = set[Eye]()
    with App(options) as app:
        app.wait_until_ready()
        monkeypatch.setattr(app.loop.generator, "free", lambda now_s: "room")
        monkeypatch.setattr(app.loop.requests, "plan", lambda *arguments: asked.update(arguments[3]) or [])
        app.inbox.add(SceneTrigger("goto", "second", "preview"))
        app.run_frames(3)
        assert app.loop.newest is not None
        lower = replace(app.loop.newest, rung=5, tick=replace(app.loop.newest.tick, number=1))
        names = [job.name for job in app.loop.plan_feeds(lower)]
    assert asked == {Eye("program", "1"), Eye("program", "2"), *([Eye("preview", "1")] if shown else [])}
    assert ("keyframes, preview 1" in names) == shown
    assert "keyframes, preview 2" not in names
    assert not any("plate" in name and "preview" in name for name in names)


def test_an_unknown_scene_cannot_stand_by(small_stage: Path) -> None:
    with App(changed(small_stage)) as app:
        app.inbox.add(SceneTrigger("goto", "cellar", "preview"))
        app.inbox.renew("x", ControlChange("/vp/outer/level", 0.5))
        app.run_frames(2)
        assert app.report()["refused"]["controls"] == 1
        assert app.loop.newest is not None
        assert "preview" not in app.loop.newest.buses


@pytest.mark.slow
def test_the_simulated_stage_is_a_feed_of_a_running_show(small_stage: Path) -> None:
    """What a camera would photograph, and the stage from above; on the lowest rung every fourth second."""
    outputs = "".join(f'[[output]]\nkind = "headless"\nfeed = "{feed}"\n' for feed in ("camera:1", "stage"))
    with App(changed(small_stage, ("[neural]", outputs + "[neural]"))) as app:
        app.run_frames(2)
        photograph, stage = picture(app, "camera:1"), picture(app, "stage")
        assert photograph.shape == stage.shape == (SIM_SIZE[1], SIM_SIZE[0], 3)
        assert all(image.std() > 8.0 for image in (photograph, stage))
        assert np.abs(photograph - stage).mean() > 8.0
        app.loop.governor.rung = 5
        drawn = app.report()["feeds"]["stage"]["drawn"]
        app.run_frames(96)
        feeds = app.report()["feeds"]
    assert feeds["stage"]["drawn"] - drawn == feeds["camera:1"]["drawn"] - drawn == 1
    assert feeds["wall:main"] == {"drawn": 98, "kept": 0}
