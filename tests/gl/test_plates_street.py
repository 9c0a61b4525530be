"""The street on the GPU: depth against a ray tracer and between two Views, sky, exposure, size and seed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.geometry import project, unproject
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.target import Target
from vpengine.gpu.transfer import download
from vpengine.plates.street import visible
from vpengine.plates.street.plate import Street
from vpengine.view.color import luminance
from vpengine.view.lens import Lens, clip_from_view
from vpengine.view.pose import from_opentrackio, view_from_stage
from vpengine.view.view import View, pixel_centres, rays

SIZE = (320, 180)


def view_at(position_m: tuple[float, float, float], pan: float, tilt: float, focal: float = 35.0) -> View:
    pose = from_opentrackio(position_m, pan, tilt, 0.0)
    return View(view_from_stage(pose), clip_from_view(Lens((36.0, 20.25), focal)), SIZE)


@pytest.fixture(scope="module")
def street(gpu: Any) -> Iterator[Street]:
    plate = Street(Street.Settings())
    plate.upload(Gpu(gpu))
    yield plate
    plate.release()


def drawn(gpu: Any, plate: Street, view: View) -> tuple[np.ndarray, np.ndarray]:
    target = Target(gpu, view.resolution, depth=True)
    try:
        target.framebuffer.clear(7.0, 7.0, 7.0, 7.0, depth=0.0)  # a plate fills all of it, whatever was there
        plate.draw(target, view)
        assert target.depth is not None
        return download(target.color)[..., :3].astype(float), download(target.depth)[..., 0].astype(float)
    finally:
        target.release()


def first_hits(street: Street, origin_m: np.ndarray, ray: np.ndarray) -> np.ndarray:
    """(K,): how far each ray (K, 3) goes to the nearest triangle, either side (Moeller and Trumbore, 1997)."""
    mesh = street.mesh
    solid = mesh.material[mesh.triangles[:, 0]] != mesh.materials.index("wire")  # wires are widened to a pixel
    a, b, c = np.moveaxis(mesh.position_m[mesh.triangles[solid]].astype(float), 1, 0)
    edge_1, edge_2, start = b - a, c - a, origin_m - a
    q = np.cross(start, edge_1)
    out = []
    for direction in ray:
        p = np.cross(direction, edge_2)
        determinant = np.einsum("tc,tc->t", edge_1, p)
        with np.errstate(divide="ignore", invalid="ignore"):
            u = np.einsum("tc,tc->t", start, p) / determinant
            v = (q @ direction) / determinant
            t = np.einsum("tc,tc->t", edge_2, q) / determinant
            hit = (u >= 0.0) & (v >= 0.0) & (u + v <= 1.0) & (t > 0.1)
        out.append(t[hit].min() if hit.any() else np.inf)
    return np.array(out)


@pytest.mark.parametrize(("position_m", "pan", "tilt"), [((0.0, 0.0, 1.6), 0.0, 3.0), ((1.0, -2.0, 1.2), -35.0, 8.0)])
def test_depth_is_what_a_ray_tracer_finds(
    gpu: Any,
    street: Street,
    monkeypatch: pytest.MonkeyPatch,
    position_m: tuple[float, float, float],
    pan: float,
    tilt: float,
) -> None:
    monkeypatch.setattr(visible, "_THINNEST_PX", 0.0)  # a ray can hit what is thinner than a pixel
    view = view_at(position_m, pan, tilt)
    _, depth = drawn(gpu, street, view)
    rng = np.random.default_rng(5)
    row, column = rng.integers(2, SIZE[1] - 2, 60), rng.integers(2, SIZE[0] - 2, 60)
    # Where neighbours agree a pixel is no edge, on which a rasteriser and a ray may differ by rounding.
    around = np.stack([depth[row + dy, column + dx] for dy in (-1, 0, 1) for dx in (-1, 0, 1)])
    inverse = np.where(np.isinf(around), 0.0, 1.0 / around)
    bend = np.abs(inverse[1] + inverse[7] - 2 * inverse[4]) + np.abs(inverse[3] + inverse[5] - 2 * inverse[4])
    smooth = bend <= 1e-3 * np.maximum(inverse[4], 1e-6)
    assert smooth.sum() > 25
    row, column = row[smooth], column[smooth]
    traced = first_hits(street, view.origin_m, rays(view, pixel_centres(SIZE))[row, column])
    np.testing.assert_allclose(depth[row, column], traced, rtol=1e-3)


def test_two_views_agree_on_where_things_are(gpu: Any, street: Street) -> None:
    first, second = view_at((0.0, 0.0, 1.6), 5.0, 3.0), view_at((0.5, 0.6, 1.75), 2.0, 2.0)
    _, depth_a = drawn(gpu, street, first)
    _, depth_b = drawn(gpu, street, second)
    finite = np.isfinite(depth_a)
    point = unproject(first, pixel_centres(SIZE)[finite], depth_a[finite])
    ndc, expected = project(second, point)
    inside = (np.abs(ndc) < 0.98).all(axis=-1)
    column = ((ndc[inside, 0] + 1.0) / 2.0 * SIZE[0]).astype(int)
    row = ((1.0 - ndc[inside, 1]) / 2.0 * SIZE[1]).astype(int)
    agrees = np.abs(depth_b[row, column] - expected[inside]) < 0.03 * expected[inside]
    assert agrees.mean() > 0.85  # the rest hides behind something in the second View, or lies on an edge
    off = np.roll(depth_b[row, column], SIZE[0] // 4)
    assert (np.abs(off - expected[inside]) < 0.03 * expected[inside]).mean() < 0.5


@pytest.mark.parametrize("pan", [0.0, 75.0, 170.0, 285.0])
def test_culling_changes_nothing(gpu: Any, street: Street, monkeypatch: pytest.MonkeyPatch, pan: float) -> None:
    """Chunks left out, and triangles turned away, are those that one would not see."""
    view = view_at((-1.0, 2.0, 1.8), pan, 6.0, 20.0)
    monkeypatch.setattr(visible, "_THINNEST_PX", 0.0)
    _, culled = drawn(gpu, street, view)
    monkeypatch.setattr(street._visibility, "triangles", lambda _view: (street._surface.triangles, 0))
    _, whole = drawn(gpu, street, view)
    both_sky = np.isinf(culled) & np.isinf(whole)
    with np.errstate(invalid="ignore"):
        same = both_sky | (np.abs(culled - whole) <= 1e-3 * culled)
    assert same.mean() > 0.998  # backs seen through cracks


def test_what_faces_away_from_the_sun_looks_as_if_the_shadow_map_had_been_asked(
    gpu: Any, street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = view_at((0.0, 0.0, 1.6), 10.0, 5.0, 20.0)
    triangles, sunless = street._visibility.triangles(view)
    assert 0.2 * len(triangles) < sunless < 0.8 * len(triangles)
    color, depth = drawn(gpu, street, view)
    monkeypatch.setattr(street._visibility, "triangles", lambda _view: (triangles, 0))
    asked, asked_depth = drawn(gpu, street, view)
    np.testing.assert_array_equal(depth, asked_depth)
    np.testing.assert_allclose(color, asked, atol=2e-3)


def test_sky_is_infinitely_far_and_the_road_is_not(gpu: Any, street: Street) -> None:
    color, depth = drawn(gpu, street, view_at((0.0, 0.0, 1.6), 0.0, 60.0, 24.0))
    assert np.isinf(depth).mean() > 0.3
    assert np.all(np.isfinite(color))
    assert luminance(color[np.isinf(depth)]).min() > 0.2  # no black sky
    color, depth = drawn(gpu, street, view_at((0.0, 0.0, 1.6), 0.0, -30.0))
    assert np.all(np.isfinite(depth))
    view = view_at((0.0, 0.0, 1.6), 0.0, -30.0)
    height = unproject(view, pixel_centres(SIZE), depth)[..., 2]
    assert np.median(np.abs(height)) < 0.01


@pytest.mark.parametrize("pan", [0.0, 60.0, 120.0, 180.0, 240.0, 300.0])
def test_there_is_no_hole_in_any_direction(gpu: Any, street: Street, pan: float) -> None:
    color, depth = drawn(gpu, street, view_at((0.5, 1.0, 1.6), pan, 5.0, 18.0))
    assert np.all(np.isfinite(color))
    assert color.max() <= 20.0
    direction = rays(view_at((0.5, 1.0, 1.6), pan, 5.0, 18.0), pixel_centres(SIZE))
    below = direction[..., 2] < 0.0
    assert np.all(np.isfinite(depth[below]))  # under the horizon there is always something


def test_it_is_exposed_for_a_camera(gpu: Any, street: Street) -> None:
    color, depth = drawn(gpu, street, view_at((0.0, 0.0, 1.6), -40.0, 8.0))
    light = luminance(color[np.isfinite(depth)])
    assert 0.05 < np.median(light) < 0.35
    assert 0.35 < np.percentile(light, 98) < 1.3  # the sunlit facade
    sky, depth = drawn(gpu, street, view_at((0.0, 0.0, 1.6), 0.0, 45.0, 24.0))
    assert 0.5 < np.median(luminance(sky[np.isinf(depth)])) < 3.0


def test_the_sun_casts_shadows(gpu: Any) -> None:
    """The same street under a high sun and a low one: the carriageway lies in the sun, then in the shade."""
    view = view_at((0.0, 0.0, 1.6), 0.0, -25.0)
    levels = []
    for elevation in (85.0, 12.0):
        plate = Street(Street.Settings(sun_azimuth_deg=-80.0, sun_elevation_deg=elevation))
        plate.upload(Gpu(gpu))
        color, _ = drawn(gpu, plate, view)
        levels.append(float(np.median(luminance(color[100:]))))
        plate.release()
    assert levels[0] > 3.0 * levels[1]


def test_the_same_seed_draws_the_same_picture(gpu: Any, street: Street) -> None:
    view = view_at((0.0, 0.0, 1.6), 0.0, 3.0)
    again = Street(Street.Settings())
    again.upload(Gpu(gpu))
    first, second = drawn(gpu, street, view), drawn(gpu, again, view)
    again.release()
    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])
