"""Where walls stand: positions from plain trigonometry, winding, normals, orientation, and limits."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.geometry import corners, pixel_uv
from vpengine.stage.walls import (
    ArcWall,
    FlatWall,
    WallGeometry,
    WallSettings,
    bounds,
    normal,
    position_in_stage,
    wall_geometry,
)

TOLERANCE_M = 1e-5


def flat(**keys: Any) -> WallGeometry:
    return wall_geometry(FlatWall(**{**FLAT, **keys}))


def arc(**keys: Any) -> WallGeometry:
    return wall_geometry(ArcWall(**{**ARC, **keys}))


GRID: dict[str, Any] = {"tile_mm": (500.0, 500.0), "tile_px": (64, 64), "rows": 6}
FLAT: dict[str, Any] = {**GRID, "id": "main", "columns": 8, "position_m": (1.0, 5.0, 0.2)}
ARC: dict[str, Any] = {**GRID, "id": "main", "columns": 16, "position_m": (0.0, 0.0, 0.0), "arc_deg": 120.0}
WALLS = [flat(), flat(pan_deg=30.0, tilt_deg=10.0), arc(), arc(columns=5, pan_deg=-40.0, tilt_deg=5.0)]


def test_flat_wall_corners() -> None:
    found = corners(flat())
    np.testing.assert_allclose(found.lower_left_m, [-1.0, 5.0, 0.2], atol=TOLERANCE_M)
    np.testing.assert_allclose(found.lower_right_m, [3.0, 5.0, 0.2], atol=TOLERANCE_M)
    np.testing.assert_allclose(found.upper_left_m, [-1.0, 5.0, 3.2], atol=TOLERANCE_M)
    np.testing.assert_allclose(found.upper_right_m, [3.0, 5.0, 3.2], atol=TOLERANCE_M)


def test_ceiling_faces_down_with_its_bottom_edge_at_the_back() -> None:
    ceiling = flat(columns=12, rows=8, position_m=(0.0, 3.0, 3.2), tilt_deg=90.0)
    found = corners(ceiling)
    np.testing.assert_allclose(found.lower_left_m, [-3.0, 3.0, 3.2], atol=TOLERANCE_M)
    np.testing.assert_allclose(found.upper_right_m, [3.0, -1.0, 3.2], atol=TOLERANCE_M)
    np.testing.assert_allclose(normal(ceiling, np.array([0.5, 0.5])), [0.0, 0.0, -1.0], atol=1e-12)


def test_positive_pan_turns_anticlockwise_from_above() -> None:
    turned = flat(position_m=(0.0, 0.0, 0.0), pan_deg=90.0)
    np.testing.assert_allclose(corners(turned).lower_right_m, [0.0, 2.0, 0.0], atol=TOLERANCE_M)
    np.testing.assert_allclose(normal(turned, np.array([0.5, 0.5])), [1.0, 0.0, 0.0], atol=1e-12)


def test_arc_positions_from_trigonometry() -> None:
    # 16 columns over 120 degrees: 7.5 degrees each, whose chord is 0.5 m, so radius = 0.25 / sin(3.75 degrees).
    radius_m = 0.25 / math.sin(math.radians(3.75))
    wall = arc()
    for column in range(17):
        angle = math.radians(-60.0 + 7.5 * column)
        for v, height_m in ((0.0, 0.0), (0.5, 1.5), (1.0, 3.0)):
            expected = [radius_m * math.sin(angle), radius_m * math.cos(angle), height_m]
            found = position_in_stage(wall, np.array([column / 16, v]))
            np.testing.assert_allclose(found, expected, atol=TOLERANCE_M)
    # Between its edges a tile is flat: its middle is nearer to the centre than the radius, by the chord's sagitta.
    middle = position_in_stage(wall, np.array([8.5 / 16, 0.5]))
    assert np.hypot(*middle[:2]) == pytest.approx(radius_m * math.cos(math.radians(3.75)), abs=TOLERANCE_M)


def test_arc_by_radius_is_the_arc_by_angle() -> None:
    radius_m = 0.25 / math.sin(math.radians(3.75))
    by_radius = arc(arc_deg=None, radius_m=radius_m)
    np.testing.assert_allclose(by_radius.vertices_m, arc().vertices_m, atol=1e-9)


def test_arc_about_a_centre_elsewhere() -> None:
    moved = arc(position_m=(1.0, -2.0, 0.5), pan_deg=180.0)
    np.testing.assert_allclose(
        position_in_stage(moved, np.array([0.5, 0.0])), [1.0, -2.0 - 3.822447, 0.5], atol=TOLERANCE_M
    )


def test_full_ring_closes() -> None:
    ring = corners(arc(columns=24, arc_deg=360.0))
    np.testing.assert_allclose(ring.lower_left_m, ring.lower_right_m, atol=1e-9)


def test_curve_length_is_the_tiles_width() -> None:
    edges = position_in_stage(arc(), np.stack([np.linspace(0.0, 1.0, 17), np.zeros(17)], axis=-1))
    assert np.linalg.norm(np.diff(edges, axis=0), axis=-1).sum() == pytest.approx(16 * 0.5, abs=1e-9)
    assert arc().size_m == (8.0, 3.0)
    assert arc().resolution == (1024, 384)


@pytest.mark.parametrize("wall", WALLS)
def test_triangles_and_position_in_stage_agree(wall: WallGeometry) -> None:
    """The mesh that OpenGL interpolates and the function that tests use are one surface."""
    rng = np.random.default_rng(1)
    weights = rng.dirichlet([1.0, 1.0, 1.0], len(wall.triangles))[..., None]
    uv = (wall.uv[wall.triangles] * weights).sum(axis=1)
    position = (wall.vertices_m[wall.triangles] * weights).sum(axis=1)
    np.testing.assert_allclose(position_in_stage(wall, uv), position, atol=1e-9)


@pytest.mark.parametrize("wall", WALLS)
def test_triangles_are_anticlockwise_from_the_lit_side(wall: WallGeometry) -> None:
    a, b, c = (wall.vertices_m[wall.triangles[:, corner]] for corner in range(3))
    face = np.cross(b - a, c - a)
    face /= np.linalg.norm(face, axis=-1, keepdims=True)
    centre_uv = wall.uv[wall.triangles].mean(axis=1)
    np.testing.assert_allclose(face, normal(wall, centre_uv), atol=1e-9)
    assert wall.triangles.dtype == np.uint32


def test_triangles_cover_the_picture_once() -> None:
    a, b, c = (arc().uv[arc().triangles[:, corner]] for corner in range(3))
    (x1, y1), (x2, y2) = (b - a).T, (c - a).T
    area = 0.5 * (x1 * y2 - x2 * y1)
    assert (area > 0).all()
    assert area.sum() == pytest.approx(1.0)


def test_normals_face_the_arcs_centre() -> None:
    uv = np.stack([np.linspace(0.01, 0.99, 40), np.full(40, 0.5)], axis=-1)
    to_centre = np.array([0.0, 0.0, 1.5]) - position_in_stage(arc(), uv)
    cosine = (normal(arc(), uv) * to_centre).sum(axis=-1) / np.linalg.norm(to_centre, axis=-1)
    assert (cosine > math.cos(math.radians(3.76))).all()


def test_picture_orientation_seen_from_the_audience() -> None:
    """A viewer at the origin looks along +Y: u rises to the right (+X), v rises upwards (+Z), row 0 is the top."""
    for wall in (flat(position_m=(0.0, 5.0, 0.0)), arc()):
        positions = position_in_stage(wall, pixel_uv(wall))
        assert positions.shape == (wall.resolution[1], wall.resolution[0], 3)
        assert (np.diff(positions[..., 0], axis=1) > 0).all()
        assert (np.diff(positions[..., 2], axis=0) < 0).all()
        assert positions[0, 0, 2] == pytest.approx(3.0 - 0.5 * 0.5 / 64)


def test_tiles_are_flat_squares_on_the_wall() -> None:
    for column, row in itertools.product(range(16), range(6)):
        tile = corners(arc(), column / 16, (column + 1) / 16, row / 6, (row + 1) / 6)
        assert np.linalg.norm(tile.lower_right_m - tile.lower_left_m) == pytest.approx(0.5)
        assert np.linalg.norm(tile.upper_left_m - tile.lower_left_m) == pytest.approx(0.5)
        assert tile.lower_left_m[2] == pytest.approx(row * 0.5)
        assert np.hypot(*tile.upper_right_m[:2]) == pytest.approx(3.822447, abs=TOLERANCE_M)
        assert math.degrees(math.atan2(*tile.lower_left_m[:2])) == pytest.approx(-60.0 + 7.5 * column)


def test_bounds() -> None:
    low, high = bounds(arc())
    np.testing.assert_allclose(low, [-3.310336, 1.911224, 0.0], atol=TOLERANCE_M)
    np.testing.assert_allclose(high, [3.310336, 3.822447, 3.0], atol=TOLERANCE_M)


@settings(max_examples=60)
@given(
    columns=st.integers(1, 60),
    tile_mm=st.floats(50.0, 1000.0),
    column_deg=st.floats(0.5, 110.0),
    pan_deg=st.floats(-180.0, 180.0),
    tilt_deg=st.floats(-90.0, 90.0),
)
def test_every_arc_keeps_its_radius_and_tile_size(
    columns: int, tile_mm: float, column_deg: float, pan_deg: float, tilt_deg: float
) -> None:
    total_deg = min(columns * column_deg, 360.0)
    settings_ = ArcWall(
        **{**ARC, "columns": columns, "tile_mm": (tile_mm, 500.0), "arc_deg": total_deg},
        pan_deg=pan_deg,
        tilt_deg=tilt_deg,
    )
    wall = wall_geometry(settings_)
    bottom = wall.vertices_m[0::2]
    np.testing.assert_allclose(np.linalg.norm(bottom, axis=-1), settings_.curve_radius_m, atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(np.diff(bottom, axis=0), axis=-1), tile_mm / 1000.0, atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(wall.up_m), 3.0, atol=1e-9)


BAD: list[tuple[type[WallSettings], dict[str, Any], str]] = [
    (FlatWall, {"columns": 500}, "500 tiles make 250 m, allowed up to 200 m"),
    (FlatWall, {"rows": 300}, "300 tiles make 19200 pixels, allowed up to 16384; use fewer tiles or split the wall"),
    (FlatWall, {"black_nits": 100.0, "peak_nits": 80.0}, "found 100, must be below peak_nits (80)"),
    (ArcWall, {"radius_m": 4.0}, "found both of radius_m and arc_deg, give one of them"),
    (ArcWall, {"arc_deg": None}, "found neither of radius_m and arc_deg, give one of them"),
    (ArcWall, {"arc_deg": None, "radius_m": 0.2}, "found 0.2, must be at least half a tile (0.25 m)"),
    (ArcWall, {"arc_deg": None, "radius_m": 1.0}, "close the circle (360); use at most 12 columns"),
    (ArcWall, {"arc_deg": 359.0, "columns": 2}, "each column turns 179.5 degrees, allowed up to 120"),
    (ArcWall, {"arc_deg": 0.5}, 'allowed up to 200 m; use kind = "flat"'),
]


@pytest.mark.parametrize(("model", "change", "expected"), BAD)
def test_impossible_walls_are_refused(model: type[WallSettings], change: dict[str, Any], expected: str) -> None:
    base = FLAT if model is FlatWall else ARC
    with pytest.raises(ValidationError) as caught:
        model(**{**base, **change})
    assert expected in caught.value.errors()[0]["msg"]
    assert caught.value.errors()[0]["ctx"]["key"] in base.keys() | {"radius_m", "black_nits"}


def test_a_kind_without_geometry_is_an_error() -> None:
    with pytest.raises(TypeError, match="WallSettings"):
        wall_geometry(WallSettings(**FLAT))
