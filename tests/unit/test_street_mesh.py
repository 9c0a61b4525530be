"""The street as triangles: whole, seeded, surrounding the stage."""

from __future__ import annotations

import numpy as np
import pytest

from tests.geometry import project
from vpengine.plates.street.light import sun_direction
from vpengine.plates.street.mesh import StreetMesh, build_street
from vpengine.plates.street.surface import make_surface
from vpengine.plates.street.texture import layers
from vpengine.plates.street.visible import NEAR_BY_M, Visibility
from vpengine.view.lens import clip_from_view_symmetric
from vpengine.view.pose import from_opentrackio, view_from_stage
from vpengine.view.view import View

ARRAYS = ("position_m", "normal", "uv", "material", "albedo", "occlusion", "emissive", "triangles", "lamps_m")


@pytest.fixture(scope="module")
def mesh() -> StreetMesh:
    return build_street(seed=1)


def test_the_same_seed_is_the_same_street_bit_for_bit(mesh: StreetMesh) -> None:
    again, other = build_street(seed=1), build_street(seed=2)
    for name in ARRAYS:
        assert getattr(mesh, name).tobytes() == getattr(again, name).tobytes(), name
    assert other.position_m.tobytes() != mesh.position_m.tobytes()


def test_arrays_fit_together(mesh: StreetMesh) -> None:
    n = len(mesh.position_m)
    assert mesh.triangles.max() < n
    assert {len(getattr(mesh, name)) for name in ARRAYS[:7]} == {n}
    assert 20_000 < len(mesh.triangles) < 120_000
    assert np.all(np.isfinite(mesh.position_m))
    np.testing.assert_allclose(np.linalg.norm(mesh.normal, axis=-1), 1.0, atol=1e-4)
    assert mesh.albedo.min() > 0.0
    assert mesh.albedo.max() < 1.0
    corners = mesh.material[mesh.triangles]
    assert np.all(corners == corners[:, :1])


def test_front_faces_are_counter_clockwise(mesh: StreetMesh) -> None:
    corners = mesh.position_m[mesh.triangles].astype(float)
    face = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(face, axis=-1)
    agrees = np.einsum("tc,tc->t", face, mesh.normal[mesh.triangles].mean(axis=1)) > 0.0
    solid = (area > 1e-7) & (mesh.material[mesh.triangles[:, 0]] != mesh.materials.index("foliage"))
    assert agrees[solid].mean() > 0.9999


def test_car_bodies_face_outwards(mesh: StreetMesh) -> None:
    paint = mesh.material == mesh.materials.index("car_paint")
    top = paint & (mesh.normal[:, 2] > 0.95)
    assert top.sum() > 100
    assert mesh.position_m[top, 2].min() > 0.5  # a body turned inside out has its floor facing up


def test_it_surrounds_the_stage(mesh: StreetMesh) -> None:
    low, high = mesh.position_m.min(axis=0), mesh.position_m.max(axis=0)
    assert low[0] < -8.0
    assert high[0] > 8.0
    assert low[1] < -40.0
    assert high[1] > 150.0
    assert high[2] > 15.0
    road = (mesh.material == mesh.materials.index("asphalt")) & (np.abs(mesh.position_m[:, 0]) < 2.0)
    assert np.sum(np.abs(mesh.position_m[road, 2]) < 1e-6) > 50


def test_the_stage_itself_stays_clear(mesh: StreetMesh) -> None:
    x, y, z = mesh.position_m.T
    assert not np.any((np.abs(x) < 2.9) & (y > -3.0) & (y < 6.0) & (z > 0.05) & (z < 3.0))


def test_facades_far_away_may_be_painted(mesh: StreetMesh) -> None:
    painted = build_street(seed=1, painted_beyond_m=62.0)
    facade = painted.position_m[painted.material == painted.materials.index("facade")]
    assert len(facade) > 40
    assert not np.any((np.abs(facade[:, 0]) < 8.3) & (facade[:, 1] < 50.0) & (facade[:, 1] > -40.0))
    assert not np.any(mesh.material == mesh.materials.index("facade"))
    assert len(painted.triangles) < len(mesh.triangles)


def test_a_street_too_short_is_refused() -> None:
    with pytest.raises(ValueError, match="60"):
        build_street(length_m=20.0)


@pytest.mark.parametrize("before_m", [0.0, 0.99 * NEAR_BY_M, 1.0])
def test_culling_keeps_what_stands_in_the_street_before_the_eye(mesh: StreetMesh, before_m: float) -> None:
    """Also where the eye stood elsewhere a frame ago, near enough for its triangles to be kept or not."""
    surface = make_surface(mesh, sun_direction(-38.0, 33.0))
    clip_from_view = clip_from_view_symmetric(50.0, 16 / 9)
    visibility = Visibility(surface)
    before, pose = (from_opentrackio((x, -1.0, 1.6), 25.0, 5.0, 3.0) for x in (0.5 - before_m, 0.5))
    visibility.triangles(View(view_from_stage(before), clip_from_view, (1600, 900)))
    view = View(view_from_stage(pose), clip_from_view, (1600, 900))
    kept = {tuple(triangle) for triangle in visibility.triangles(view)[0]}
    assert len(kept) < 0.5 * len(mesh.triangles)
    corners = mesh.position_m[mesh.triangles].astype(float)
    face = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(face, axis=-1)
    facing = np.einsum("tc,tc->t", face, view.origin_m - corners[:, 0]) > 1e-3 * area
    ndc, depth = project(view, corners)
    inside = np.all((np.abs(ndc) < 1.0).all(axis=-1) & (depth > 0.1) & (depth < 60.0), axis=-1)
    in_street = (np.abs(corners[..., 0]) < 8.1).all(axis=-1) & (area > 0.01)
    expected = facing & inside & in_street
    assert expected.sum() > 300
    assert all(tuple(triangle) in kept for triangle in mesh.triangles[expected])


def test_textures_are_seeded_and_keep_the_mean_albedo(mesh: StreetMesh) -> None:
    made = layers(1)
    assert made.tobytes() == layers(1).tobytes()
    for name in ("asphalt", "brick", "plaster", "paving", "bark"):
        mean = made[mesh.materials.index(name), ..., :3].mean() / 128.0
        assert mean == pytest.approx(1.0, abs=0.04), name


def test_textures_tile_without_a_seam() -> None:
    made = layers(1).astype(float)
    for number in (0, 4):  # asphalt, plaster
        layer = made[number, ..., 0]
        inner = np.abs(np.diff(layer, axis=1)).mean()
        assert np.abs(layer[:, 0] - layer[:, -1]).mean() < 1.5 * inner
