"""Snow and rain over pictures: among the world by its depth, in its light, the same at the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.gl.conftest import Show
from tests.rooms import looking
from vpengine.app import App, RunOptions
from vpengine.compose.fall import Fall
from vpengine.compose.falling import Falling
from vpengine.compose.jobs import DrawFall
from vpengine.compose.keys import light_key
from vpengine.compose.walls import Walls
from vpengine.control import declared
from vpengine.frames.provenance import Provenance
from vpengine.gpu.executor import Pictures
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.picture import Picture
from vpengine.gpu.pool import TargetPool
from vpengine.gpu.transfer import download, upload
from vpengine.view.precipitation import Weather

SIZE = (320, 180)
NOTHING, FULL = Weather(0.0), Weather(1.0)
SNOW = Fall(FULL, NOTHING, 40.0, 0.02)
RAIN = Fall(NOTHING, FULL, 40.0, 0.02)
Draw = Callable[..., NDArray[Any]]


@pytest.fixture
def draw(gpu: Any, engine: Gpu) -> Iterator[Draw]:
    """A world's light (height, width, 3) with a depth, (height, width, 3) after something has fallen over it."""
    walls = Walls(engine, (), (0.0, 0.0, 1.6), 16)
    falling, pool = Falling(engine, walls), TargetPool(engine)

    def drawn(light: NDArray[Any], depth_m: Any, fall: Fall = SNOW) -> NDArray[Any]:
        color = np.concatenate([light, np.ones_like(light[..., :1])], axis=-1).astype(np.float16)
        depth = np.broadcast_to(np.float32(depth_m), SIZE[::-1]).astype(np.float32)
        textures = [upload(gpu, color), upload(gpu, depth)]
        pictures = Pictures(pool)
        pictures.put("clear", Picture(textures[0], textures[1], looking(size=SIZE), Provenance("test")), lasting=False)
        made = falling.draw(DrawFall(name="fall", reads=("clear",), writes="world", fall=fall), pictures)
        assert made.depth is textures[1]  # nobody who asks how far the world is takes a flake for it
        found = download(made.color)[..., :3].astype(float)
        pictures.next_frame()
        for texture in textures:
            texture.release()
        return found

    yield drawn
    falling.release()
    walls.release()
    pool.release()


def even(value: float) -> NDArray[Any]:
    return np.full((SIZE[1], SIZE[0], 3), value)


def sky_over_land() -> NDArray[Any]:
    light = even(0.02)
    light[:90] = 1.0
    return light


@pytest.mark.parametrize("fall", [SNOW, RAIN])
def test_a_near_world_hides_what_falls_behind_it(draw: Draw, fall: Fall) -> None:
    """Its left half is, bit for bit, what it was; over the other half, far away, it falls."""
    depth_m = np.full(SIZE[::-1], 30.0)
    depth_m[:, :160] = 0.6
    light = sky_over_land()
    found = draw(light, depth_m, fall)
    np.testing.assert_array_equal(found[:, :160], light[:, :160].astype(np.float16).astype(float))
    assert np.mean(np.abs(found - light)[:, 160:].max(axis=2) > 0.005) > 0.02


def test_a_world_at_three_metres_hides_only_what_is_behind_it(draw: Draw) -> None:
    changed = [np.abs(draw(sky_over_land(), depth_m) - sky_over_land()).sum() for depth_m in (1.0, 3.0, 6.0)]
    assert 0.0 <= changed[0] < 0.3 * changed[1]
    assert changed[1] < 0.8 * changed[2]


@pytest.mark.parametrize("fall", [SNOW, RAIN])
def test_a_time_has_one_picture(draw: Draw, fall: Fall) -> None:
    one, other = draw(sky_over_land(), np.inf, fall), draw(even(0.3), np.inf, fall)
    again = draw(sky_over_land(), np.inf, fall)
    later = draw(sky_over_land(), np.inf, Fall(fall.snow, fall.rain, fall.time_s + 1.0 / 24.0, fall.shutter_s))
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - later).max() > 0.02
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("fall", [SNOW, RAIN])
@pytest.mark.parametrize("level", [0.004, 0.3, 4.0])
def test_in_even_light_nothing_glows(draw: Draw, fall: Fall, level: float) -> None:
    """A flake reflects what there is, and no more: neither white by night nor grey before a bright sky."""
    found = draw(even(level), 60.0, fall)
    assert found.max() <= level * 1.005
    assert found.min() > 0.9 * level


@pytest.mark.parametrize("fall", [SNOW, RAIN])
def test_by_night_it_is_as_bright_as_the_lamps_allow(draw: Draw, fall: Fall) -> None:
    """A dark place with one lamp: flakes are brighter than the dark and far darker than the lamp; without it, dark."""
    dark, lamp = even(0.002), even(0.002)
    lamp[60:70, 200:212] = 8.0
    by_lamp, without = draw(lamp, np.inf, fall), draw(dark, np.inf, fall)
    away = np.ones(SIZE[::-1], bool)
    away[55:75, 195:217] = False
    assert without.max() <= 0.002 * 1.005
    assert 0.01 < by_lamp[away].max() < 8.0
    assert by_lamp[away].mean() < 0.01 * 8.0


@pytest.mark.parametrize("fall", [SNOW, RAIN])
def test_by_day_it_is_bright_before_what_is_dark_and_not_before_the_sky(draw: Draw, fall: Fall) -> None:
    found = draw(sky_over_land(), np.inf, fall)
    assert found[92:].max() > 0.05  # rain's streaks are thin, and cover little of a pixel
    assert found[92:].mean() > 0.0202
    assert found[:88].max() <= 1.001
    assert found[:88].mean() < 1.0


def test_a_veil_lies_over_what_is_far_and_not_over_the_sky(draw: Draw) -> None:
    """In the light of the place: a dark far land is lifted, a near one is not."""
    thin = Fall(Weather(0.001), NOTHING, 40.0, 0.02)
    thick = Fall(Weather(1.0), NOTHING, 40.0, 0.02)
    depth_m = np.full(SIZE[::-1], 7.0)
    depth_m[:90], depth_m[90:120] = np.inf, 150.0
    light = sky_over_land()
    far, near = np.median(draw(light, depth_m, thick)[95:100]), np.median(draw(light, depth_m, thick)[150:])
    assert far > 1.5 * near
    assert np.median(draw(light, depth_m, thick)[:60]) == 1.0
    assert np.median(draw(light, depth_m, thin)[95:118]) == pytest.approx(0.02, rel=0.02)


STAGE = """\
version = 1
[stage]
name = "Fall"
rate = 24
[[camera]]
id = "1"
sensor_mm = [24.89, 14.0]
pinhole_focal_length_mm = 24.0
[camera.inner]
resolution = [96, 54]
[camera.pose]
position_m = [0.0, 0.0, 1.6]
[[wall]]
id = "main"
kind = "arc"
tile_mm = [500.0, 500.0]
tile_px = [64, 64]
columns = 16
rows = 6
arc_deg = 120.0
position_m = [0.0, 0.0, 0.0]
[outer]
eye_m = [0.0, 0.0, 1.6]
[[output]]
kind = "headless"
wall = "main"
[[output]]
kind = "headless"
feed = "camera:1"
[neural]
generator = "weather"
resolution = [96, 56]
[sim]
ball = []
actor.present = false
[control]
osc_port = 0
"""


def light_of(show: Show) -> NDArray[Any]:
    return download(show.app.loop.executor.pictures[light_key("main")].color)[..., :3].astype(float)


def begin(folder: Path, gate: str) -> App:
    (folder / "stage.toml").write_text(STAGE, encoding="utf-8")
    show = f'version = 1\n[show]\nname = "x"\ngate = "{gate}"\n[[scene]]\nslug = "a"\nplate.kind = "pattern"\n'
    (folder / "show.toml").write_text(show, encoding="utf-8")
    controls = (("look.snow", "1.0"), ("neural.hold", "true"), ("fall.snow.density", "2.0"))
    options = RunOptions(folder / "stage.toml", headless=True, unpaced=True, controls=controls)
    return App(replace(options, show=folder / "show.toml", takes=folder / "takes"))


def moved(show: Show) -> float:
    """How far what the wall gives off at its left edge, which no frustum is on, is another in each of four frames."""
    lights = []
    for _ in range(4):
        show.frames(1)
        lights.append(light_of(show)[:, :150])
    return min(float(np.abs(one - other).max()) for one, other in pairwise(lights))


def test_it_falls_around_the_frustum_and_stops_with_its_density(
    tmp_path: Path, make_show: Callable[[App], Show]
) -> None:
    """So it lights the actor and is seen in what is bright. The frame after its density is 0 has nothing of it."""
    with begin(tmp_path, "off") as app:
        app.wait_until_ready()
        show = make_show(app)
        show.frames(3)
        assert moved(show) > 0.02
        show.app.desk.controls.set(declared.FALL_SNOW_DENSITY, 0.0)
        show.frames(1)
        assert moved(show) == 0.0
        assert not [key for key in app.loop.executor.pictures.fresh if key.startswith(("fall", "clear"))]


def test_with_a_look_that_nobody_let_through_nothing_falls(tmp_path: Path, make_show: Callable[[App], Show]) -> None:
    with begin(tmp_path, "on") as app:
        app.wait_until_ready()
        show = make_show(app)
        show.frames(3)
        assert moved(show) == 0.0


@pytest.mark.parametrize(("level", "least"), [(0.002, 6.0), (0.3, 0.0)])
def test_drops_glint_near_a_lamp_and_only_by_night(draw: Draw, level: float, least: float) -> None:
    """Beside a window of middling brightness: by night many times the light of the drops that are far from it; by day
    none is brighter than the window.
    """
    light, window = even(level), 0.4
    light[40:50, 60:70] = window
    gained = np.maximum(draw(light, np.inf, RAIN) - light, 0.0)
    gained[38:52, 58:72] = 0.0
    near, far = gained[20:70, 40:90].mean(), gained[20:70, 220:270].mean()
    assert near >= least * far
    assert (level + gained).max() < (4.0 if least else window * 1.005)
