"""The shipped stages: they load, and they are what their comments say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.files import load_show
from tests.geometry import corners, pixel_uv, project
from vpengine.files import controls_of
from vpengine.frames.feed import Feed
from vpengine.stage.feeds import feed_size, feeds_of
from vpengine.stage.sections import PluginSection, resolve_settings
from vpengine.stage.stage_file import Stage, load_stage
from vpengine.stage.walls import bounds, normal, position_in_stage, wall_geometry
from vpengine.tracking.osc import OscTracking
from vpengine.view.lens import clip_from_view
from vpengine.view.pose import Pose, view_from_stage
from vpengine.view.view import View

STAGES = Path(__file__).parents[2] / "stage_configs"


@pytest.fixture(scope="module")
def led() -> Stage:
    return load_stage(STAGES / "led_volume.toml", controls_of)


@pytest.mark.parametrize("name", sorted(file.name for file in STAGES.glob("*.toml")))
def test_every_stage_loads_with_its_show(name: str) -> None:
    stage = load_stage(STAGES / name, controls_of)
    assert stage.show
    assert load_show(stage.show, controls_of(stage.neural.generator)).scenes


def test_led_wall(led: Stage) -> None:
    wall = wall_geometry(led.wall("main"))
    assert wall.resolution == (1024, 384)
    assert wall.size_m == (8.0, 3.0)
    middle = position_in_stage(wall, np.array([0.5, 0.0]))
    np.testing.assert_allclose(middle, [0.0, 3.822447, 0.0], atol=1e-5)
    left = corners(wall).lower_left_m
    assert np.degrees(np.arctan2(left[0], left[1])) == pytest.approx(-60.0)


def test_led_ceiling_faces_down_over_the_stage(led: Stage) -> None:
    ceiling = wall_geometry(led.wall("ceiling"))
    low, high = bounds(ceiling)
    np.testing.assert_allclose(low, [-3.0, -0.4, 3.2], atol=1e-5)
    np.testing.assert_allclose(high, [3.0, 3.6, 3.2], atol=1e-5)
    np.testing.assert_allclose(normal(ceiling, np.array([0.3, 0.3])), [0.0, 0.0, -1.0], atol=1e-12)


def test_wall_pixels_per_inner_pixel(led: Stage) -> None:
    """From the origin at the middle of the wall's height, in the middle of the picture: at least 0.75; here 1.16."""
    camera, wall = led.camera("1"), wall_geometry(led.wall("main"))
    inner = camera.inner
    view = View(
        view_from_stage(Pose((0.0, 0.0, 1.5))), clip_from_view(camera.lens(), inner.overscan_percent), inner.resolution
    )
    centres = position_in_stage(wall, pixel_uv(wall)[192, 500:524])
    ndc, _ = project(view, centres)
    inner_pixels_per_wall_pixel = np.diff(ndc[:, 0]) * inner.resolution[0] / 2.0
    assert 1.0 / inner_pixels_per_wall_pixel.mean() == pytest.approx(1.16, abs=0.01)
    assert (1.0 / inner_pixels_per_wall_pixel >= 0.75).all()


def test_tv_hears_a_phone() -> None:
    stage = load_stage(STAGES / "tv.toml", controls_of)
    (wall,) = stage.walls
    assert wall.resolution == (1280, 720)
    assert np.hypot(*wall.size_m) / 0.0254 == pytest.approx(55.0, abs=0.5)
    source = resolve_settings(stage.tracking[0].source, OscTracking.Settings)
    assert isinstance(source, OscTracking.Settings)
    assert (source.port, source.address) == (9000, "0.0.0.0")
    assert stage.control.address == "127.0.0.1"


def test_street_show() -> None:
    show = load_show(STAGES / "shows" / "street.toml", controls_of("weather"))
    assert [scene.slug for scene in show.scenes] == ["day", "snow-night", "fog", "dust", "evening", "dusk", "chart"]
    assert [scene.location for scene in show.scenes] == ["street"] * 5 + ["video", "pattern"]
    assert all(isinstance(plate, PluginSection) for plate in show.plates.values())
    assert not any(scene.keep for scene in show.scenes), "a scene leaves no fader where it was"
    looks = {scene.slug: dict(scene.controls) for scene in show.scenes}
    assert not any(looks["day"].values())
    assert not any("/look/" in address for address in looks["evening"]), "its own light, and nothing generated"
    assert looks["snow-night"]["/vp/look/snow"] > 0.5
    assert looks["snow-night"]["/vp/look/night"] > 0.3


def test_green_screen_has_no_wall_and_shows_the_cameras_composite() -> None:
    stage = load_stage(STAGES / "green_screen.toml", controls_of)
    assert stage.walls == ()
    assert feeds_of(stage) == {Feed("composite", "1")}
    assert feed_size(stage, Feed("composite", "1")) == (640, 360)
    assert [section.source.kind for section in stage.captures] == ["synthetic"]
