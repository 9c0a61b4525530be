"""The line-up chart on running walls: code values by their formula, round for the camera, counted, and gone again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.geometry import pixel_uv, project
from vpengine.compose.chart_layout import BITS, PLACES, ChartLayout, levels_of_code
from vpengine.compose.chart_paint import chart_image
from vpengine.compose.charts import RINGS, Charts, circle_margin
from vpengine.compose.walls import Walls
from vpengine.control.declared import WALL_CHART
from vpengine.control.triggers import SafeTrigger
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.transfer import download
from vpengine.sim.camera import SimCamera
from vpengine.sim.light import Panel, StageLight
from vpengine.stage.walls import WHITE_NITS, ArcWall, FlatWall, WallSettings, position_in_stage, wall_geometry
from vpengine.view.camera import camera_view
from vpengine.view.color import REC709_FROM_ACESCG
from vpengine.view.glyphs import dots
from vpengine.view.lens import Lens
from vpengine.view.pose import from_opentrackio
from vpengine.view.view import View, pixel_centres

Golden = Callable[..., None]
Image = NDArray[Any]

ARC = ArcWall(
    id="arc",
    tile_mm=(500.0, 500.0),
    tile_px=(48, 48),
    columns=12,
    rows=6,
    position_m=(0.0, 0.0, 0.0),
    arc_deg=90.0,
    peak_nits=1200.0,
    black_nits=0.5,
)
FLAT = FlatWall(
    id="flat", tile_mm=(500.0, 500.0), tile_px=(64, 64), columns=10, rows=6, position_m=(0.0, 3.0, 0.0), peak_nits=800.0
)
LENS = Lens((24.89, 14.0), 24.0)
YELLOW, GREEN = (255, 255, 0), (0, 255, 0)
with_walls = pytest.mark.parametrize("wall", [FLAT, ARC], ids=lambda wall: wall.id)


def seen_from(x: float = 0.1, pan: float = 6.0, size: tuple[int, int] = (160, 90)) -> View:
    return camera_view(from_opentrackio((x, 0.2, 1.5), pan, -2.0, 3.0), LENS, size)


class Bench:
    def __init__(self, context: Any, cameras: int = 1) -> None:
        self.gpu = Gpu(context)
        self.walls = Walls(self.gpu, (FLAT, ARC), (0.0, 0.0, 1.6), 16, cameras)
        self.charts = Charts(self.gpu, self.walls, cameras)

    def code(self, wall: WallSettings, views: list[View], number: int) -> Image:
        self.gpu.begin_frame()
        return download(self.charts.draw(wall.id, views, number).color)[..., :3].copy()

    def light(self, wall: WallSettings, views: list[View], number: int) -> Any:
        return self.charts.draw(wall.id, views, number, light=True)

    def release(self) -> None:
        self.charts.release()
        self.walls.release()


@pytest.fixture(scope="module")
def bench(gpu: Any) -> Iterator[Bench]:
    made = Bench(gpu)
    yield made
    made.release()


def with_counter(image: Image, layout: ChartLayout, number: int) -> None:
    """What the counter shows, painted over (height, width, 3) by numpy."""
    assert layout.counter is not None
    bar, digits = layout.counter.bar, layout.counter.digits
    bits = np.array([(number >> (BITS - 1 - bit)) & 1 for bit in range(BITS)], np.uint8) * 255
    cells = bits.repeat(bar.width // BITS)[None, :, None]
    image[bar.y : bar.y + bar.height, bar.x : bar.x + bar.width] = cells
    rect = digits.rect
    part = image[rect.y : rect.y + rect.height, rect.x : rect.x + rect.width]
    part[dots(f"{number:0{PLACES}d}", digits.dot_px)] = 255


def counted(image: Image, layout: ChartLayout) -> int:
    """The number in the middles of the bar's cells, as a camera's picture would be read."""
    assert layout.counter is not None
    bar = layout.counter.bar
    cell = bar.width // BITS
    middles = image[bar.y + bar.height // 2, bar.x + cell // 2 : bar.x + bar.width : cell, 0]
    return int("".join("1" if value > 127 else "0" for value in middles), 2)


@with_walls
@pytest.mark.parametrize("number", [0, 4711, (1 << BITS) - 1])
def test_code_values_are_the_formula(bench: Bench, wall: WallSettings, number: int) -> None:
    """To the last pixel, but for those on the very edge of a circle's line."""
    layout, view = ChartLayout(wall), seen_from()
    still = chart_image(layout)
    expected = still[..., :3].copy()
    margin = circle_margin(view, wall, position_in_stage(wall_geometry(wall), pixel_uv(wall_geometry(wall))))
    under = still[..., 3] == 255
    expected[under & (margin < 0.0)] = YELLOW
    with_counter(expected, layout, number)
    sure = ~under | (np.abs(margin) > 1e-5)
    assert sure.mean() > 0.999
    assert (under & (margin < 0.0)).sum() > 500
    assert np.array_equal(bench.code(wall, [view], number)[sure], expected[sure])


@with_walls
def test_light_is_what_the_code_values_mean(bench: Bench, wall: WallSettings) -> None:
    """In nits of the panel's primaries, to half floats' precision."""
    code = bench.code(wall, [seen_from()], 77)
    light = download(bench.light(wall, [seen_from()], 77).color)[..., :3].astype(float)
    nits = light @ REC709_FROM_ACESCG.T * WHITE_NITS
    wanted = wall.black_nits + (wall.peak_nits - wall.black_nits) * levels_of_code(code)
    assert np.abs(nits - wanted).max() < 0.003 * wall.peak_nits
    grey = (code == code[..., :1]).all(axis=-1)
    assert (np.abs(nits - wanted)[grey] < 0.002 * wanted[grey] + 0.01).all()


def test_a_hundred_frames_are_counted(bench: Bench) -> None:
    layout = ChartLayout(ARC)
    numbers = [*range(250, 300), *range((1 << 20) - 25, (1 << 20) + 25)]
    assert [counted(bench.code(ARC, [seen_from()], number), layout) for number in numbers] == numbers
    assert counted(bench.code(ARC, [seen_from()], (1 << BITS) + 5), layout) == 5  # it begins anew


def test_circles_of_two_cameras(gpu: Any) -> None:
    """Each in its own colour; the first over the second."""
    two = Bench(gpu, cameras=2)
    views = [seen_from(-0.5, 12.0), seen_from(0.6, -14.0)]
    code, points = two.code(FLAT, views, 1), position_in_stage(wall_geometry(FLAT), pixel_uv(wall_geometry(FLAT)))
    under = chart_image(ChartLayout(FLAT))[..., 3] == 255
    first, second = (under & (circle_margin(view, FLAT, points) < -1e-5) for view in views)
    assert (code[first] == YELLOW).all()
    assert (code[second & (circle_margin(views[0], FLAT, points) > 1e-5)] == GREEN).all()
    two.release()


def photograph(
    bench: Bench, wall: WallSettings, seen: View, tracked: View, size: tuple[int, int], number: int = 12345
) -> SimCamera:
    """The wall alone, with its chart for ``tracked``, by a camera at ``seen``."""
    light = StageLight(bench.gpu, [wall_geometry(wall)], {wall.id: Panel(wall.peak_nits, wall.black_nits)})
    light.shine({wall.id: bench.light(wall, [tracked], number).color})
    camera = SimCamera(bench.gpu, light, size, None, clean=True)
    camera.draw(seen, exposure_stops=-2.0)
    light.release()
    return camera


def radii_of_rings(scene: Image) -> list[tuple[float, float]]:
    """(mean, deviation) of the radius of the second and the third circle round the picture's middle, in its pixels.

    scene: (height, width, 3) linear ACEScg. Pixels are weighed by how yellow they are.
    """
    height, width = scene.shape[:2]
    rec709 = scene.astype(float) @ REC709_FROM_ACESCG.T
    yellow = np.clip(np.minimum(rec709[..., 0], rec709[..., 1]) - rec709[..., 2], 0.0, None)
    offset = (pixel_centres((width, height)) * (width / 2.0, height / 2.0)).reshape(-1, 2)
    radius, weight = np.linalg.norm(offset, axis=-1), yellow.ravel()
    sector = ((np.arctan2(offset[:, 1], offset[:, 0]) / (2.0 * np.pi)) % 1.0 * 24).astype(int)
    found = []
    for ring in RINGS[1:]:
        near = (np.abs(radius - ring * height / 2.0) < 0.1 * height / 2.0) & (weight > 0.2 * weight.max())
        means = [
            np.average(radius[near & (sector == part)], weights=weight[near & (sector == part)])
            for part in range(24)
            if weight[near & (sector == part)].sum() > 5.0 * weight.max()
        ]
        assert len(means) >= 14  # the rest may lie under a panel, or beyond the wall
        found.append((float(np.mean(means)), float(np.abs(np.array(means) - np.mean(means)).max())))
    return found


@with_walls
@pytest.mark.parametrize(("x", "pan"), [(0.0, 0.0), (0.4, 9.0), (-0.5, -7.0)])
def test_circles_are_round_for_the_tracked_camera(bench: Bench, wall: WallSettings, x: float, pan: float) -> None:
    """In the simulated camera's photograph every part of a circle is within a pixel of its radius, 480 x 270."""
    size = (480, 270)
    view = seen_from(x, pan, size)
    camera = photograph(bench, wall, view, view, size)
    scene = download(camera.scene.color)[..., :3]
    for (mean, deviation), ring in zip(radii_of_rings(scene), RINGS[1:], strict=True):
        assert mean / 2.0 == pytest.approx(ring * size[1] / 2.0, abs=0.7)  # two samples a side
        assert deviation / 2.0 < 1.0
    camera.release()


@with_walls
@pytest.mark.parametrize("number", [0, 1, 0xA5A5A5, 0x5A5A5A, (1 << BITS) - 1])
def test_the_camera_can_read_the_counter(bench: Bench, wall: WallSettings, number: int) -> None:
    """In its photograph, 480 x 270, in the middles of the cells."""
    size = (480, 270)
    view, layout = camera_view(from_opentrackio((0.1, 0.0, 1.5), 1.0, 4.0, 2.0), LENS, size), ChartLayout(wall)
    camera = photograph(bench, wall, view, view, size, number)
    assert layout.counter is not None
    bar, (width, height) = layout.counter.bar, wall.resolution
    u = (bar.x + (np.arange(BITS) + 0.5) * bar.width / BITS) / width
    uv = np.stack([u, np.full(BITS, 1.0 - (bar.y + bar.height / 2) / height)], axis=-1)
    ndc, _ = project(view, position_in_stage(wall_geometry(wall), uv))
    assert (np.abs(ndc) < 1.0).all()
    x, y = ((0.5 + 0.5 * ndc[:, 0]) * size[0]).astype(int), ((0.5 - 0.5 * ndc[:, 1]) * size[1]).astype(int)
    bits = download(camera.target.color)[y, x, 1] > 100
    assert int("".join("1" if bit else "0" for bit in bits), 2) == number
    camera.release()


@with_walls
def test_they_are_not_round_a_degree_beside(bench: Bench, wall: WallSettings) -> None:
    """So the test above would see it."""
    size = (480, 270)
    camera = photograph(bench, wall, seen_from(0.0, 0.0, size), seen_from(0.0, 1.0, size), size)
    scene = download(camera.scene.color)[..., :3]
    assert max(deviation for _, deviation in radii_of_rings(scene)) / 2.0 > 2.0
    camera.release()


def test_the_chart_comes_and_goes_in_a_frame(show: Any) -> None:
    """The program is back to the last bit, also where things moved meanwhile, and other feeds never notice."""
    show.frames(2)
    program, desk = show.all_pixels(), show.app.desk
    desk.controls.set(WALL_CHART, True)
    for _ in range(3):
        show.frames(1)
        charted = show.all_pixels()
        for name in ("main", "side"):
            layout = ChartLayout(show.app.compositor.walls.settings[("main", "side").index(name)])
            assert (charted[f"wall:{name}"][[0, -1]] == (255, 0, 255)).all()
            if layout.counter is not None:
                number = counted(charted[f"wall:{name}"][::-1], layout)
                assert number == show.newest.tick.number % (1 << BITS)
        assert np.array_equal(charted["world:1"], program["world:1"])
    desk.controls.set(WALL_CHART, False)
    show.frames(1)
    assert all(np.array_equal(picture, program[feed]) for feed, picture in show.all_pixels().items())
    assert not show.app.loop.executor.failures


def test_a_dissolve_goes_on_beneath_it(show: Any) -> None:
    """Switched on in one scene, off in the next: the walls are what they are without the chart ever having been."""
    show.frames(1)
    show.go("second")
    show.settle()
    show.frames(1)
    wanted = show.all_pixels()
    show.go("first")
    show.settle()
    show.app.desk.controls.set(WALL_CHART, True)
    show.frames(1)
    show.go("second")
    show.settle()
    show.frames(1)
    show.app.desk.controls.set(WALL_CHART, False)
    show.frames(1)
    assert all(np.array_equal(picture, wanted[feed]) for feed, picture in show.all_pixels().items())


def test_safe_takes_it_away(show: Any) -> None:
    """And release brings it back, for it is what the control says."""
    show.frames(2)
    program = show.all_pixels()
    show.app.desk.controls.set(WALL_CHART, True)
    show.frames(1)
    assert not np.array_equal(show.pixels("wall:main"), program["wall:main"])
    show.app.inbox.add(SafeTrigger(True))
    show.frames(1)
    assert np.array_equal(show.pixels("wall:main"), program["wall:main"])
    show.app.inbox.add(SafeTrigger(False))
    show.frames(1)
    assert (show.pixels("wall:main")[[0, -1]] == (255, 0, 255)).all()


def test_flat(bench: Bench, golden: Golden) -> None:
    """A dark checker of 10 x 6 numbered tiles in a magenta frame; white metre lines, numbered below and on the left;
    FLAT above; four patches on the left, the counter 00012345 with its bits beside them; a cyan cross in the
    middle; greys from 800 to 0 nits below. The camera looks to the left and down, and so the yellow circles are a
    little egg-shaped and left of the cross.
    """
    golden("chart/flat", bench.code(FLAT, [seen_from()], 12345))


def test_arc(bench: Bench, golden: Golden) -> None:
    """The same of an arc of 12 x 6 tiles, from 1200 to 0.5 nits."""
    golden("chart/arc", bench.code(ARC, [seen_from()], 12345))


@with_walls
def test_photograph(bench: Bench, wall: WallSettings, golden: Golden) -> None:
    """The chart through the tracked camera, which rolls by three degrees: the grid and the cross lean (on the arc they
    bow as well), the yellow circles are round, three in the middle and one in every corner.
    """
    size = (320, 180)
    view = seen_from(size=size)
    camera = photograph(bench, wall, view, view, size)
    golden(f"chart/{wall.id}_photograph", download(camera.target.color)[..., :3])
    camera.release()
