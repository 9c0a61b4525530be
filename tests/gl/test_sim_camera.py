"""The simulated camera: is the light right, is the geometry right, and does it look like a photograph?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import moderngl
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.geometry import pixel_uv, project
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.target import Target
from vpengine.gpu.transfer import download, upload
from vpengine.gpu.view_lut import ViewLut, acescct_to_display, bake
from vpengine.sim.camera import SimCamera
from vpengine.sim.figure import GREY, build_actors
from vpengine.sim.figure_shape import globe, mesh_of, sphere
from vpengine.sim.light import Panel, StageLight
from vpengine.sim.light_draw import CHROME_REFLECTIVITY, Probe
from vpengine.sim.light_transport import Occluder, form_factors, patch_grid, wall_patches
from vpengine.sim.stand_in import StandIn
from vpengine.stage.walls import WHITE_NITS, ArcWall, FlatWall, WallGeometry, position_in_stage, wall_geometry
from vpengine.view.color import acescct_from_linear
from vpengine.view.lens import Lens, clip_from_view
from vpengine.view.pose import look_at, view_from_stage
from vpengine.view.view import View, pixel_centres, rays

SIZE = (240, 135)
BALLS = StandIn(figure_m=None, cards_m=())
GREY_CENTRE_M, CHROME_CENTRE_M = (np.array(ball.centre_m) for ball in BALLS.balls)
BALL_RADIUS_M = 0.1
LENS = Lens((24.89, 14.0), 24.0)


@pytest.fixture(scope="module")
def shared(gpu: moderngl.Context) -> Gpu:
    return Gpu(gpu)


def _flat(name: str, width: int, height: int, **place: Any) -> WallGeometry:
    return wall_geometry(FlatWall(id=name, tile_mm=(500.0, 500.0), tile_px=(8, 8), columns=width, rows=height, **place))


def _room() -> list[WallGeometry]:
    """A closed box of LED, 6 x 6 x 3 m: uniformly lit, it is a furnace in which every surface looks alike."""
    sides = [
        _flat(f"side{index}", 12, 6, position_m=(3.0 * x, 3.0 * y, 0.0), pan_deg=pan)
        for index, (x, y, pan) in enumerate(((0.0, 1.0, 0.0), (-1.0, 0.0, 90.0), (0.0, -1.0, 180.0), (1.0, 0.0, -90.0)))
    ]
    ceiling = _flat("ceiling", 12, 12, position_m=(0.0, 3.0, 3.0), tilt_deg=90.0)
    floor = _flat("floor", 12, 12, position_m=(0.0, -3.0, 0.0), tilt_deg=-90.0)
    return [*sides, ceiling, floor]


def _volume() -> list[WallGeometry]:
    arc = ArcWall(
        id="main",
        tile_mm=(500.0, 500.0),
        tile_px=(24, 24),
        columns=16,
        rows=6,
        position_m=(0.0, 0.0, 0.0),
        arc_deg=120.0,
    )
    ceiling = _flat("ceiling", 12, 8, position_m=(0.0, 3.6, 3.2), tilt_deg=90.0)
    return [wall_geometry(arc), ceiling]


def _view(origin: tuple[float, float, float], target: tuple[float, float, float], size: tuple[int, int] = SIZE) -> View:
    pose = look_at(np.array(origin), np.array(target))
    return View(view_from_stage(pose), clip_from_view(LENS), size)


def _lights(
    gpu: Gpu, walls: list[WallGeometry], color: Callable[[NDArray[Any]], NDArray[Any]]
) -> dict[str, moderngl.Texture]:
    """Wall pictures from a function of stage positions (..., 3) to scene-linear ACEScg (..., 3)."""
    out = {}
    for wall in walls:
        rgb = color(position_in_stage(wall, pixel_uv(wall)))
        out[wall.id] = upload(
            gpu.context, np.concatenate([rgb, np.ones_like(rgb[..., :1])], axis=-1).astype(np.float32)
        )
    return out


def _plain(level: float) -> Callable[[NDArray[Any]], NDArray[Any]]:
    return lambda position: np.full(position.shape, level)


def _sunset(position: NDArray[Any]) -> NDArray[Any]:
    """A low sun, a blue zenith, a dark ground with a horizon at 1.5 m."""
    direction = position - np.array([0.0, 0.0, 1.5])
    direction /= np.linalg.norm(direction, axis=-1, keepdims=True)
    up = direction[..., 2:]
    sky = np.where(up > 0.35, 0.0, 1.0 - np.maximum(up, 0.0) / 0.35)
    color = sky * np.array([1.1, 0.7, 0.4]) + (1.0 - sky) * np.array([0.35, 0.5, 0.85])
    sun = np.maximum(direction @ np.array([-0.34, 0.93, 0.12]), 0.0)[..., None]
    color = color + np.array([7.0, 4.0, 1.8]) * sun**300
    ground = 0.08 + 0.05 * (np.floor(position[..., :1] * 2.0) % 2.0)
    return np.where(up < 0.0, ground * np.array([1.0, 0.9, 0.8]), color)


def _scene(camera: SimCamera) -> NDArray[np.float64]:
    return download(camera.scene.color).astype(float)[..., :3]


def _at(image: NDArray[np.float64], view: View, point_m: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of three by three pixels where a stage point is seen."""
    ndc, _ = project(view, point_m)
    height, width = image.shape[:2]
    x, y = int((ndc[0] * 0.5 + 0.5) * width), int((0.5 - ndc[1] * 0.5) * height)
    return image[y - 1 : y + 2, x - 1 : x + 2].mean(axis=(0, 1))


def test_in_a_uniform_room_a_grey_ball_has_the_analytic_radiance(shared: Gpu) -> None:
    walls = _room()
    light = StageLight(shared, walls, stand_in=BALLS)
    probe = Probe(shared, light)
    camera = SimCamera(shared, light, SIZE, probe, clean=True)
    view = _view((0.0, 0.2, 1.36), (-0.5, 2.3, 1.36))
    light.shine(_lights(shared, walls, _plain(0.8)))
    probe.draw(floor=False)
    camera.draw(view)
    image = _scene(camera)
    towards_eye = view.origin_m - GREY_CENTRE_M
    front = GREY_CENTRE_M + BALL_RADIUS_M * towards_eye / np.linalg.norm(towards_eye)
    # 0.18 of what comes from all round; the other ball, the stand and the patches' coarseness take a little.
    np.testing.assert_allclose(_at(image, view, front), GREY * 0.8, rtol=0.06)
    np.testing.assert_allclose(_at(image, view, np.array([0.4, 2.9, 1.5])), 0.8, rtol=1e-3)
    for part in (camera, probe, light):
        part.release()


def test_the_light_scales_with_the_walls(shared: Gpu) -> None:
    walls = _volume()
    light = StageLight(shared, walls, {wall.id: Panel(20_000.0) for wall in walls}, BALLS)
    probe = Probe(shared, light)
    camera = SimCamera(shared, light, SIZE, probe, samples_per_side=1, clean=True)
    images = []
    for gain in (0.25, 1.0):
        light.shine(_lights(shared, walls, lambda position, gain=gain: gain * _sunset(position)))
        probe.draw(floor=False)
        camera.draw(_view((0.0, 0.0, 1.5), (0.0, 3.0, 1.4)))
        images.append(_scene(camera))
    bright = images[1] > 0.01
    np.testing.assert_allclose(images[1][bright] / images[0][bright], 4.0, rtol=0.01)


def test_a_panel_shows_no_more_than_it_can(shared: Gpu) -> None:
    walls = _volume()
    light = StageLight(shared, walls, {"main": Panel(300.0, 2.0), "ceiling": Panel(500.0)})
    for level, shown in ((0.0, 2.0 / WHITE_NITS), (1.0, 1.0), (9.0, 300.0 / WHITE_NITS)):
        light.shine(_lights(shared, walls, _plain(level)))
        np.testing.assert_allclose(download(light.walls[0].light.color)[..., :3], shown, rtol=2e-3)


def test_patches_light_as_a_numerical_integral_does() -> None:
    """A point before a wall with a gradient, against a fine sum over all directions of the same wall."""
    wall = _flat("wall", 12, 6, position_m=(0.0, 2.0, 0.0))
    grid = patch_grid(wall)
    patches = wall_patches(wall, grid)
    fine = wall_patches(wall, (120, 60))

    def radiance(position: NDArray[Any]) -> NDArray[Any]:
        return 1.0 + 0.3 * position[:, 0] + 0.5 * (position[:, 2] > 1.5)

    points = np.array([[0.0, 0.5, 1.4], [1.0, 0.0, 0.3], [-2.0, 0.8, 2.0]])
    normals = np.array([[0.0, 1.0, 0.0], [0.0, 0.6, 0.8], [0.7071, 0.7071, 0.0]])
    towards = fine.centres_m - points[:, None]
    distance = np.linalg.norm(towards, axis=-1)
    cosines = np.maximum(np.einsum("pqc,pc->pq", towards, normals), 0.0) * (2.0 - points[:, 1:2]) / distance**2
    expected = (cosines / (np.pi * distance**2) * fine.areas_m2) @ radiance(fine.centres_m)
    np.testing.assert_allclose(
        form_factors(points, normals, patches) @ radiance(patches.centres_m), expected, rtol=0.05
    )


def test_a_shadow_falls_behind_a_ball_and_nowhere_else() -> None:
    centre = np.array([0.0, 1.0, 1.0])
    ball = sphere((0.0, 1.0, 1.0), 0.25)
    occluder = Occluder(ball, (centre - 0.4, centre + 0.4))
    origins = np.array([[0.0, 0.0, 1.0], [0.6, 0.0, 1.0], [0.0, 0.0, 1.0]])
    directions = np.array([[0.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, -1.0, 0.0]])
    seen = occluder.visibility(origins, directions, np.full(3, 0.05, np.float32))
    np.testing.assert_allclose(seen, [0.0, 1.0, 1.0], atol=0.02)


def test_the_chrome_ball_mirrors_the_wall(shared: Gpu) -> None:
    """Every pixel of the ball whose mirrored ray, traced in numpy, meets the room shows that place of the room."""
    walls = _room()

    def color(position: NDArray[Any]) -> NDArray[Any]:
        return 0.5 + 0.05 * position  # within the panel's primaries

    light = StageLight(shared, walls, stand_in=BALLS)
    probe = Probe(shared, light)
    camera = SimCamera(shared, light, (480, 270), probe, samples_per_side=1, clean=True)
    view = _view((-0.3, 1.2, 1.4), (-0.365, 2.3, 1.36), (480, 270))
    light.shine(_lights(shared, walls, color))
    probe.draw(floor=False)
    camera.draw(view)
    image = _scene(camera)
    ray = rays(view, pixel_centres((480, 270)))
    ray /= np.linalg.norm(ray, axis=-1, keepdims=True)
    to_centre = CHROME_CENTRE_M - view.origin_m
    along = ray @ to_centre
    miss_m2 = to_centre @ to_centre - along**2
    on_ball = miss_m2 < (0.8 * BALL_RADIUS_M) ** 2
    hit = view.origin_m + ray * (along - np.sqrt(np.maximum(BALL_RADIUS_M**2 - miss_m2, 0.0)))[..., None]
    normal = (hit - CHROME_CENTRE_M) / BALL_RADIUS_M
    mirrored = ray - 2.0 * np.sum(ray * normal, axis=-1, keepdims=True) * normal
    low, high = np.array([-3.0, -3.0, 0.0]), np.array([3.0, 3.0, 3.0])
    reach = np.where(mirrored > 0.0, high - hit, low - hit) / mirrored
    wall_point = hit + mirrored * reach.min(axis=-1, keepdims=True)
    cosine = -np.sum(ray * normal, axis=-1)[..., None]
    expected = color(wall_point) * (CHROME_REFLECTIVITY + (1.0 - CHROME_REFLECTIVITY) * (1.0 - cosine) ** 5)
    off = np.abs(image - expected)[on_ball].max(axis=-1)
    assert on_ball.sum() > 3000
    assert np.median(off) < 0.003
    assert np.percentile(off, 85) < 0.01, "the rest sees the grey ball and the stand"


def test_without_actors_the_camera_sees_the_walls_reprojected(shared: Gpu) -> None:
    """The closure's ground: a smooth function of stage positions on an arc comes back at every pixel that sees it."""
    walls = _volume()

    def color(position: NDArray[Any]) -> NDArray[Any]:
        x, y, z = position[..., 0], position[..., 1], position[..., 2]
        return 0.4 + 0.2 * np.stack([np.sin(1.3 * x), np.cos(1.1 * y), np.sin(1.7 * z)], axis=-1)

    light = StageLight(shared, walls)
    camera = SimCamera(shared, light, SIZE, probe=None, samples_per_side=1, clean=True)
    view = _view((0.3, -0.4, 1.5), (-0.4, 3.0, 1.5))
    light.shine(_lights(shared, walls, color))
    camera.draw(view)
    assert camera.scene.depth is not None
    depth_m = download(camera.scene.depth)[..., 0].astype(float)
    seen = np.isfinite(depth_m)
    assert seen.mean() > 0.85
    point = view.origin_m + rays(view, pixel_centres(SIZE)) * np.where(seen, depth_m, 1.0)[..., None]
    radius = np.hypot(point[..., 0], point[..., 1])[seen & (point[..., 2] < 2.9)]
    assert (radius < 3.823).all()
    assert (radius > 3.81).all(), "the depth is the arc's"
    off = np.abs(_scene(camera) - color(point))[seen]
    assert np.percentile(off, 99) < 0.004
    assert off.max() < 0.02


def test_the_baked_view_is_opencolorios(shared: Gpu) -> None:
    rng = np.random.default_rng(5)
    linear = np.exp2(rng.uniform(-7.0, 4.0, (64, 64, 1))) * rng.uniform(0.5, 1.0, (64, 64, 3))
    expected = np.ascontiguousarray(acescct_from_linear(linear).reshape(-1, 3))
    acescct_to_display().applyRGB(expected)
    lut, target = ViewLut(shared), Target(shared.context, (64, 64), dtype="f1")
    picture = np.concatenate([linear, np.ones((64, 64, 1))], axis=-1).astype(np.float32)
    lut.develop(target, upload(shared.context, picture / 2.0), exposure_stops=1.0)
    shown = download(target.color)[..., :3].reshape(-1, 3) / 255.0
    off = np.abs(shown - np.clip(expected, 0.0, 1.0))
    assert off.mean() < 0.002
    assert np.percentile(off, 99) < 0.012
    assert bake().shape == (48, 48, 48, 3)


def test_a_surface_is_closed_faces_outwards_and_lies_on_its_shape() -> None:
    mesh = mesh_of(sphere((0.1, 0.0, 0.2), 0.3), np.array([-0.3, -0.4, -0.2]), np.array([0.5, 0.4, 0.6]), 0.05)
    corners = mesh.positions_m[mesh.triangles]
    volume_m3 = np.einsum("tc,tc->t", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6.0
    assert volume_m3 == pytest.approx(4.0 / 3.0 * np.pi * 0.3**3, rel=0.03)
    np.testing.assert_allclose(np.linalg.norm(mesh.positions_m - [0.1, 0.0, 0.2], axis=1), 0.3, atol=1e-4)
    ball = globe(np.zeros(3), 1.0, rings=12)
    np.testing.assert_allclose(ball.normals, ball.positions_m, atol=1e-12)


def test_the_stand_in_has_believable_proportions() -> None:
    actors = build_actors(StandIn(figure_m=(0.0, 2.0), turn_deg=0.0, balls=(), cards_m=()))
    low, high = actors.matte.positions_m.min(axis=0), actors.matte.positions_m.max(axis=0)
    assert high[2] - low[2] == pytest.approx(1.755, abs=0.02)
    assert abs(low[2]) < 0.01, "it stands on the floor"
    assert 0.45 < high[0] - low[0] < 0.62
    corners = actors.matte.positions_m[actors.matte.triangles]
    volume_m3 = np.einsum("tc,tc->t", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6.0
    assert 0.05 < volume_m3 < 0.12, "of a person of 50 to 120 kg"


def test_a_sunset_on_the_small_volume(shared: Gpu, golden: Callable[..., None]) -> None:
    """A low sun over a chequered ground; left a grey and a chrome ball on a stand, right a figure in a grey jumper.

    The figure is darker than the sky, lit warm from its left, its right arm clear of its body; the chrome ball shows
    a bright band with the sun and a blue ceiling; nothing floats and nothing shines on the side that sees no wall.
    """
    walls = _volume()
    light = StageLight(shared, walls, stand_in=StandIn())
    probe = Probe(shared, light)
    camera = SimCamera(shared, light, (320, 180), probe)
    light.shine(_lights(shared, walls, _sunset))
    probe.draw()
    view = _view((-0.3, -1.3, 1.5), (0.0, 3.0, 1.1), (320, 180))
    picture = download(camera.draw(view, exposure_stops=0.5).color)[..., :3].copy()
    golden("sim/camera_sunset", picture, tolerance=6)
    figure = picture[60:120, 195:225].mean()
    assert 8 < figure < picture[:40].mean()
