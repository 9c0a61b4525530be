"""Falling particles in pictures: where their stage points are, whoever looks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.rooms import looking
from vpengine.compose.fall_sprites import FLAKES, column_seen_from, uv_on_column, view_rows, wall_rows
from vpengine.stage.walls import ArcWall, FlatWall, position_in_stage, wall_geometry
from vpengine.view.precipitation import SNOW, Weather
from vpengine.view.view import View

FULL, OPEN_S = Weather(1.0), 0.02
ARC = ArcWall(
    id="a", tile_mm=(500.0, 500.0), tile_px=(16, 16), columns=16, rows=6, arc_deg=200.0, position_m=(0.0, 0.0, 0.0)
)
CEILING = FlatWall(
    id="c", tile_mm=(500.0, 500.0), tile_px=(16, 16), columns=8, rows=8, position_m=(0.0, 3.0, 3.2), tilt_deg=90.0
)
EYE = np.array([0.2, -0.3, 1.6])


def middle_px(rows: NDArray[Any]) -> NDArray[Any]:
    return 0.5 * (rows[:, :2] + rows[:, 2:4])


def points_m(rows: NDArray[Any], view: View) -> NDArray[Any]:
    """Back to the stage, from pixels (from below) and depth."""
    ndc = middle_px(rows) / np.array(view.resolution) * 2.0 - 1.0
    linear = view.clip_from_view
    in_view = np.stack([ndc[:, 0] / linear[0, 0], ndc[:, 1] / linear[1, 1], -np.ones(len(ndc))], axis=1)
    in_view *= rows[:, 5:6]
    return in_view @ view.stage_from_view[:3, :3].T + view.origin_m


def test_a_camera_that_moves_sees_its_points_in_parallax() -> None:
    """The points found in one picture are where they are in that of a camera which went aside, and up, and panned."""
    one, two = looking(0.0, 0.0, 1.6), looking(0.25, 0.2, 1.7, 4.0, 2.0)
    first, second = (view_rows(SNOW, FLAKES, FULL, view, 33.0, OPEN_S) for view in (one, two))
    stage = points_m(first, one)
    clip = np.concatenate([stage, np.ones((len(stage), 1))], axis=1) @ two.clip_from_stage.T
    ndc = clip[:, :2] / clip[:, 3:]
    inside = (np.abs(ndc) < 0.9).all(axis=1) & (clip[:, 3] > 3.0) & (clip[:, 3] < 4.0)
    expected = (ndc[inside] * 0.5 + 0.5) * np.array(two.resolution)
    off_px = np.linalg.norm(expected[:, None] - middle_px(second)[None], axis=2).min(axis=1)
    assert inside.sum() > 50
    assert np.mean(off_px < 0.25) > 0.97  # the rest is too faint in one of them
    moved_px = np.linalg.norm(expected - middle_px(first)[inside], axis=1)
    assert moved_px.min() > 5.0


def test_what_is_nearer_is_larger() -> None:
    rows = view_rows(SNOW, FLAKES, FULL, looking(size=(4096, 2304)), 33.0, OPEN_S)
    near, far = (rows[(rows[:, 5] > low) & (rows[:, 5] < low + 0.5), 4].mean() for low in (2.0, 5.0))
    assert near / far == pytest.approx(5.25 / 2.25, rel=0.25)


def test_what_is_thinner_than_a_pixel_is_fainter_and_not_thinner() -> None:
    """A picture with fewer pixels has the same light from it."""
    sums = []
    for width in (480, 1920):
        rows = view_rows(SNOW, FLAKES, FULL, looking(size=(width, width * 9 // 16)), 33.0, OPEN_S)
        assert rows[:, 4].min() >= 0.6
        rows = rows[rows[:, 5] < 6.0]  # in the smaller one less of what is far is seen one by one
        length = np.linalg.norm(rows[:, 2:4] - rows[:, :2], axis=1)
        sums.append((rows[:, 6] * 2.0 * rows[:, 4] * (2.0 * rows[:, 4] + length)).sum() / width**2)
    assert sums[0] == pytest.approx(sums[1], rel=0.1)


@pytest.mark.parametrize("wall", [ARC, CEILING])
def test_a_ray_meets_the_wall_where_its_point_is(wall: Any) -> None:
    geometry, rng = wall_geometry(wall), np.random.default_rng(5)
    uv = rng.uniform(0.01, 0.99, (200, 2))
    ray = 0.25 * (position_in_stage(geometry, uv) - EYE)
    found, times = uv_on_column(geometry, EYE, ray, column_seen_from(geometry, EYE, ray))
    np.testing.assert_allclose(found, uv, atol=1e-9)
    np.testing.assert_allclose(times, 4.0)


def test_a_ray_that_passes_the_wall_meets_nothing() -> None:
    away = np.array([[0.0, -1.0, 0.0], [0.1, -1.0, 0.2]])
    assert (column_seen_from(wall_geometry(ARC), EYE, away) == -1).all()


@pytest.mark.parametrize("wall", [ARC, CEILING])
def test_no_particle_that_the_wall_shows_is_passed_over(monkeypatch: pytest.MonkeyPatch, wall: Any) -> None:
    """What is looked through is less than all around, and the rows are those of all around."""
    geometry, size = wall_geometry(wall), (4096, 2048)

    def rows() -> NDArray[Any]:
        found = wall_rows(SNOW, FLAKES, Weather(0.3), geometry, EYE, size, 33.0, OPEN_S)
        on_wall = ((found[:, :2] > 0.0) & (found[:, :2] < size)).all(axis=1)
        return found[on_wall][np.lexsort(found[on_wall][:, :2].T)]

    some = rows()
    monkeypatch.setattr("vpengine.compose.fall_sprites._before", lambda *_: lambda rays, _: np.ones(len(rays), bool))
    every = rows()
    assert len(every) > 100
    np.testing.assert_array_equal(some, every)


def test_a_wall_shows_the_flakes_that_a_camera_at_its_eye_sees() -> None:
    """Each is on the wall where the camera's ray through it meets that."""
    geometry, view = wall_geometry(ARC), looking(*EYE)
    size = (2048, 768)
    on_wall = wall_rows(SNOW, FLAKES, FULL, geometry, EYE, size, 33.0, OPEN_S)
    seen = view_rows(SNOW, FLAKES, FULL, view, 33.0, OPEN_S)
    near = seen[(seen[:, 5] > 2.5) & (seen[:, 5] < 3.5) & (seen[:, 6] > 0.2)]
    ray = points_m(near, view) - EYE
    uv, _ = uv_on_column(geometry, EYE, ray, column_seen_from(geometry, EYE, ray))
    expected = uv * np.array(size)
    off_px = np.linalg.norm(expected[:, None] - middle_px(on_wall)[None], axis=2).min(axis=1)
    assert len(near) > 30
    assert np.mean(off_px < 0.75) > 0.97
