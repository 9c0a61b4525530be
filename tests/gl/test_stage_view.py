"""The stage from outside: is everything where it stands, and is the frustum where the camera looks?"""

from __future__ import annotations

from collections.abc import Callable

import moderngl
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.geometry import pixel_uv, project
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.transfer import download, upload
from vpengine.sim.light import StageLight
from vpengine.sim.light_draw import Probe
from vpengine.sim.stage_view import LINE_COLOR, StageView, from_behind
from vpengine.sim.stage_view_props import camera_mesh, first_hits, tripod_mesh
from vpengine.sim.stand_in import StandIn
from vpengine.stage.walls import ArcWall, FlatWall, WallGeometry, position_in_stage, wall_geometry
from vpengine.view.lens import Lens, clip_from_view
from vpengine.view.pose import look_at, view_from_stage
from vpengine.view.view import View, rays

SIZE = (320, 180)


@pytest.fixture(scope="module")
def shared(gpu: moderngl.Context) -> Gpu:
    return Gpu(gpu)


def _flat() -> WallGeometry:
    return wall_geometry(
        FlatWall(id="flat", tile_mm=(500.0, 500.0), tile_px=(8, 8), columns=10, rows=6, position_m=(0.0, 4.0, 0.0))
    )


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
    ceiling = FlatWall(
        id="ceiling",
        tile_mm=(500.0, 500.0),
        tile_px=(8, 8),
        columns=12,
        rows=8,
        position_m=(0.0, 3.6, 3.2),
        tilt_deg=90.0,
    )
    return [wall_geometry(arc), wall_geometry(ceiling)]


def _lights(gpu: Gpu, walls: list[WallGeometry]) -> dict[str, moderngl.Texture]:
    """A warm horizon at eye height under a blue sky, darker squares below."""
    out = {}
    for wall in walls:
        position = position_in_stage(wall, pixel_uv(wall))
        up = np.clip((position[..., 2:] - 1.5) / 1.5, 0.0, 1.0)
        sky = (1.0 - up) * np.array([1.0, 0.6, 0.35]) + up * np.array([0.3, 0.45, 0.8])
        squares = 0.12 + 0.1 * ((np.floor(position[..., :1]) + np.floor(position[..., 2:])) % 2.0)
        rgb = np.where(position[..., 2:] > 1.5, sky, squares)
        out[wall.id] = upload(
            gpu.context, np.concatenate([rgb, np.ones_like(rgb[..., :1])], axis=-1).astype(np.float32)
        )
    return out


def _camera(origin: tuple[float, float, float], target: tuple[float, float, float]) -> View:
    pose = look_at(np.array(origin), np.array(target))
    return View(view_from_stage(pose), clip_from_view(Lens((24.89, 14.0), 24.0)), (640, 360))


def _pixel(image: NDArray[np.float64], view: View, point_m: NDArray[np.float64]) -> NDArray[np.float64]:
    """The five by five pixels around a stage point."""
    ndc, depth_m = project(view, point_m)
    assert depth_m > 0.0
    height, width = image.shape[:2]
    x, y = int((ndc[0] * 0.5 + 0.5) * width), int((0.5 - ndc[1] * 0.5) * height)
    return image[y - 2 : y + 3, x - 2 : x + 3].reshape(-1, image.shape[-1])


def _amber(pixels: NDArray[np.float64]) -> bool:
    """Whether one of them has the colour of the frustum's lines."""
    return bool(
        (np.abs(pixels / np.maximum(pixels.max(axis=1, keepdims=True), 1e-6) - LINE_COLOR / LINE_COLOR.max()) < 0.06)
        .all(1)
        .any()
    )


def test_the_frustum_meets_the_wall_where_the_camera_looks(shared: Gpu) -> None:
    """The lines go from the lens to the four corners, and the edge between corners lies on the wall."""
    light = StageLight(shared, [_flat()])
    stage = StageView(shared, light, SIZE, probe=None)
    light.shine({})
    view = from_behind(SIZE, middle_m=(0.0, 3.0, 1.2), distance_m=7.0)
    for target in ((0.0, 4.0, 1.5), (-0.6, 4.0, 1.7)):
        camera = _camera((0.0, 1.0, 1.5), target)
        stage.draw(view, camera)
        image = download(stage.scene.color).astype(float)[..., :3]
        for ndc in ([-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0], [0.0, 1.0], [-1.0, 0.1]):
            ray = rays(camera, np.array(ndc))
            on_wall = camera.origin_m + ray * (4.0 - camera.origin_m[1]) / ray[1]
            assert _amber(_pixel(image, view, on_wall)), ndc
        corner = rays(camera, np.array([-1.0, 1.0]))
        assert _amber(_pixel(image, view, camera.origin_m + 1.5 * corner)), "half way there"
        assert not _amber(_pixel(image, view, camera.origin_m + 2.0 * rays(camera, np.array([0.1, 0.2])))), "nor inside"


def test_a_side_wall_that_crosses_the_camera_s_plane_has_no_stray_line(shared: Gpu) -> None:
    """On it there is the frustum's edge where the camera sees it, and nothing else, least of all beside the camera."""
    side = wall_geometry(
        FlatWall(
            id="side",
            tile_mm=(500.0, 500.0),
            tile_px=(8, 8),
            columns=12,
            rows=6,
            position_m=(-1.5, 0.0, 0.0),
            pan_deg=90.0,
        )
    )
    light = StageLight(shared, [side])
    stage = StageView(shared, light, SIZE, probe=None)
    light.shine({})
    view = View(
        view_from_stage(look_at(np.array([6.0, -0.5, 2.0]), np.array([-1.5, 0.5, 1.2]))),
        clip_from_view(Lens((24.89, 14.0), 20.0)),
        SIZE,
    )
    for aside in (0.0, 0.3, -0.2):
        stage.draw(view, _camera((0.0, 0.3, 1.5), (aside, 6.0, 1.4)))
        image = download(stage.scene.color).astype(float)[..., :3]
        beside = [_pixel(image, view, np.array([-1.5, y, z])) for y in np.linspace(-2.0, 0.6, 60) for z in (0.4, 2.6)]
        assert not any(map(_amber, beside))


def test_the_camera_stands_at_its_pose(shared: Gpu) -> None:
    """Against a lit wall the body is dark where the pose says, and not where it was before."""
    walls = [_flat()]
    light = StageLight(shared, walls)
    stage = StageView(shared, light, SIZE, probe=None)
    white = upload(shared.context, np.ones((48, 80, 4), np.float32))
    light.shine({"flat": white})
    view = from_behind(SIZE, middle_m=(0.0, 2.0, 1.5), distance_m=6.0, around_deg=0.0, above_deg=1.0)
    levels = []
    for x in (-1.0, 1.0):
        camera = _camera((x, 0.0, 1.6), (x, 4.0, 1.6))
        stage.draw(view, camera)
        image = download(stage.scene.color).astype(float)[..., :3]
        bodies = [_pixel(image, view, np.array([at, -0.3, 1.6])).mean() for at in (-1.0, 1.0)]
        levels.append(bodies)
    np.testing.assert_array_less([levels[0][0], levels[1][1]], 0.15)
    np.testing.assert_array_less(0.8, [levels[0][1], levels[1][0]])


def test_rays_meet_the_nearest_triangle_first() -> None:
    near = np.array([[-1.0, 2.0, -1.0], [1.0, 2.0, -1.0], [0.0, 2.0, 2.0]])
    triangles = np.stack([near + np.array([0.0, 3.0, 0.0]), near])
    directions = np.array([[0.0, 2.0, 0.0], [0.0, -1.0, 0.0], [1.0, 0.1, 0.0]])
    hits = first_hits(np.zeros(3), directions, triangles, 9.0)
    np.testing.assert_allclose(hits[0], [0.0, 2.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(hits[1:], axis=1), 9.0)


def test_the_props_face_outwards_and_the_lens_looks_ahead() -> None:
    for prop in (camera_mesh(), tripod_mesh()):
        corners = prop.positions_m[prop.triangles]
        faces = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        assert (np.einsum("tc,tc->t", faces, prop.normals[prop.triangles].mean(axis=1)) >= 0.0).all()
    assert camera_mesh().positions_m[:, 1].min() < -0.4 < 0.05 < camera_mesh().positions_m[:, 1].max()
    assert tripod_mesh().positions_m[:, 2].max() == pytest.approx(1.0, abs=0.01)


def test_the_small_volume_from_behind(shared: Gpu, golden: Callable[..., None]) -> None:
    """A curved wall with a warm horizon, before it a small figure and a stand with two balls on a dark gridded floor.

    Nearer stands a camera on a tripod; four amber lines run from its lens to an amber frame on the wall. The ceiling
    is seen from above as a thin grid, through which the wall shows. A blue trail ends at the camera.
    """
    walls = _volume()
    light = StageLight(shared, walls, stand_in=StandIn())
    probe = Probe(shared, light)
    stage = StageView(shared, light, SIZE, probe)
    light.shine(_lights(shared, walls))
    probe.draw()
    camera = _camera((0.2, 0.0, 1.5), (0.0, 3.0, 1.5))
    trail_m = np.stack([np.linspace(-1.2, 0.2, 30), np.linspace(-0.6, 0.0, 30), np.full(30, 1.5)], axis=-1)
    picture = download(stage.draw(from_behind(SIZE), camera, 0.5, trail_m).color)[..., :3].copy()
    golden("sim/stage_view", picture, tolerance=6)
