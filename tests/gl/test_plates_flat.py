"""Still, dome, pattern and none: colours and depth against formulas at known places."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from tests.files import read_acescg
from tests.geometry import project, unproject
from vpengine.gpu import sliced
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.target import Target
from vpengine.gpu.transfer import download
from vpengine.plates.dome import Dome, dome_uv, pixels_a_radian
from vpengine.plates.none import NoPlate
from vpengine.plates.pattern import Pattern, pattern_color, pattern_depth
from vpengine.plates.plate import Plate
from vpengine.plates.still import Still
from vpengine.view.lens import Lens, clip_from_view
from vpengine.view.pose import from_opentrackio, view_from_stage
from vpengine.view.view import View, pixel_centres, rays

SIZE = (160, 90)


def view_at(
    position_m: tuple[float, float, float], pan: float, tilt: float, roll: float = 0.0, focal: float = 24.0
) -> View:
    lens = Lens((36.0, 20.25), focal, projection_offset_mm=(1.5, -0.8))
    return View(view_from_stage(from_opentrackio(position_m, pan, tilt, roll)), clip_from_view(lens), SIZE)


def drawn(gpu: Any, plate: Plate, view: View) -> tuple[np.ndarray, np.ndarray]:
    """(color (h, w, 3), depth (h, w)), row 0 at the top."""
    plate.upload(Gpu(gpu))
    target = Target(gpu, SIZE, depth=True)
    try:
        target.framebuffer.clear(0.3, 0.3, 0.3, 0.3)  # a plate fills all of it, whatever was there
        plate.draw(target, view)
        assert target.depth is not None
        return download(target.color)[..., :3].astype(float), download(target.depth)[..., 0].astype(float)
    finally:
        target.release()
        plate.release()


def test_none_is_black_and_infinitely_far(gpu: Any) -> None:
    color, depth = drawn(gpu, NoPlate(NoPlate.Settings()), view_at((0, 0, 1.6), 0, 0))
    assert not color.any()
    assert np.all(np.isposinf(depth))


FORMULAS: list[tuple[str, dict[str, Any]]] = [
    ("grid", {}),
    ("checker", {}),
    ("grey", {"level": 0.18}),
    ("ramp", {"level": 4.0, "span_deg": 60.0}),
    ("ramp", {"level": 1.0, "span_deg": 120.0, "steps": 11}),
    ("focus", {"finest_deg": 0.4}),
]


@pytest.mark.parametrize(("style", "given"), FORMULAS)
@pytest.mark.parametrize("radius_m", [0.0, 12.0])
def test_pattern_is_its_formula(gpu: Any, style: str, given: dict[str, Any], radius_m: float) -> None:
    view = view_at((1.5, -2.0, 2.2), 33.0, 12.0, 7.0)
    plate = Pattern(Pattern.Settings(style=style, radius_m=radius_m, period_deg=15.0, **given))
    color, depth = drawn(gpu, plate, view)
    ray = rays(view, pixel_centres(SIZE))
    expected_depth = pattern_depth(view.origin_m, ray, style, radius_m)
    if radius_m == 0.0:
        assert np.all(np.isposinf(depth))
        direction = ray
    else:
        np.testing.assert_allclose(depth, expected_depth, rtol=1e-4)
        direction = view.origin_m + ray * expected_depth[..., None] - np.array([0.0, 0.0, 1.6])
    expected = pattern_color(direction, style, 15.0, **given)
    wrong = np.abs(color - expected).max(axis=-1) > 2e-3 * max(given.get("level", 1.0), 1.0)
    edged = style in ("checker", "focus") or "steps" in given
    assert wrong.mean() < (0.02 if edged else 0.0) + 1e-9  # a check's edge may fall on a pixel's centre
    assert len(np.unique(color)) > 3 or style == "grey"


def test_pattern_s_shortest_period_is_the_declared_one() -> None:
    angle = np.radians(np.arange(0.0, 20.0, 0.01))
    # Near +Y, turning to the right: x = sin(angle) runs fastest there.
    around = np.stack([np.sin(angle), np.cos(angle), np.zeros_like(angle)], axis=-1)
    red = pattern_color(around, "grid", 6.0)[..., 0]
    tops = np.flatnonzero((red[1:-1] > red[:-2]) & (red[1:-1] >= red[2:])) * 0.01
    assert np.diff(tops).min() >= 6.0
    assert np.diff(tops).min() < 6.3


def at_degrees(right: Any, up: float = 0.0) -> np.ndarray:
    """Directions so far to the right of straight ahead (+Y), and up."""
    angle, up = np.radians(np.asarray(right, float)), np.radians(up)
    return np.stack([np.sin(angle) * np.cos(up), np.cos(angle) * np.cos(up), np.full_like(angle, np.sin(up))], axis=-1)


def test_grey_is_its_level_to_half_precision(gpu: Any) -> None:
    color, _ = drawn(gpu, Pattern(Pattern.Settings(style="grey", level=0.18)), view_at((0, 0, 1.6), 20.0, 5.0))
    assert np.abs(color - 0.18).max() <= float(np.spacing(np.float16(0.18)))  # drivers round or cut
    assert len(np.unique(color)) == 1


def test_ramps_run_from_left_to_right() -> None:
    """Linear in light and in degrees, held beyond its ends; steps are as wide as each other."""
    smooth = pattern_color(at_degrees([-80.0, -45.0, -22.5, 0.0, 22.5, 45.0, 80.0], 20.0), "ramp", level=2.0)
    np.testing.assert_allclose(
        smooth, np.repeat([[0.0], [0.0], [0.5], [1.0], [1.5], [2.0], [2.0]], 3, axis=1), atol=1e-9
    )
    stepped = pattern_color(at_degrees(np.arange(-44.9, 45.0, 0.1)), "ramp", steps=5)[:, 0]
    levels, widths = np.unique(stepped, return_counts=True)
    np.testing.assert_allclose(levels, [0.0, 0.25, 0.5, 0.75, 1.0])
    assert widths.max() - widths.min() <= 1
    with pytest.raises(ValidationError, match="at least 2"):
        Pattern.Settings(style="ramp", steps=1)


def test_focus_has_a_star_ahead_and_line_pairs_as_fine_as_declared() -> None:
    """36 sectors round the middle; in the chart to the right the last column's pairs are finest_deg wide, and each
    column's twice those of the next.
    """
    turn = np.radians(np.arange(2.5, 362.5, 0.05))  # from the middle of a ray
    around = np.stack([0.1 * np.cos(turn), np.ones_like(turn), 0.1 * np.sin(turn)], axis=-1)
    assert crossings(pattern_color(around, "focus")[:, 0]) == 2 * 36
    side = 2.0 / 5.0  # of a chart, a metre from the eye
    for column, period_deg in enumerate((1.6, 0.8, 0.4, 0.2, 0.1)):
        left = side * (0.5 + 0.05 + 0.18 * column + 0.025)
        x = np.arange(left, left + side * 0.13, 1e-5)
        upright = pattern_color(np.stack([x, np.ones_like(x), np.full_like(x, 0.05)], axis=-1), "focus", finest_deg=0.1)
        per_degree = crossings(upright[:, 0]) / 2.0 / np.degrees(x[-1] - x[0])
        assert per_degree == pytest.approx(1.0 / period_deg, rel=0.02, abs=0.5)
        level = pattern_color(np.stack([x, np.ones_like(x), np.full_like(x, -0.05)], axis=-1), "focus")
        assert np.ptp(level) < 1e-9  # below, lines lie the other way


def crossings(values: np.ndarray) -> int:
    """Of the middle between the extremes."""
    above = values > (values.min() + values.max()) / 2.0
    return int((above[1:] != above[:-1]).sum())


def test_checker_tells_the_directions_apart() -> None:
    ahead = np.array(
        [[1, 0.45, 0.4], [-1, 0.45, 0.4], [0.45, 1, 0.4], [0.45, -1, 0.4], [0.45, 0.4, 1], [0.45, 0.4, -1.0]]
    )
    colors = pattern_color(ahead, "checker")
    ratios = colors / colors.sum(axis=-1, keepdims=True)
    apart = np.linalg.norm(ratios[:, None] - ratios[None], axis=-1) + np.eye(6)
    assert apart.min() > 0.1


@pytest.fixture
def backdrop(tmp_path: Path) -> Path:
    """Smooth ramps: red to the right, green upwards, so that every place has a colour of its own."""
    x, y = np.meshgrid(np.linspace(0, 1, 256), np.linspace(1, 0, 128))
    image = np.stack([60 + 180 * x, 60 + 180 * y, np.full_like(x, 90)], axis=-1)
    Image.fromarray(image.astype(np.uint8)).save(tmp_path / "ramp.png")
    return tmp_path / "ramp.png"


def test_still_hangs_where_it_is_put(gpu: Any, backdrop: Path) -> None:
    plate = Still(Still.Settings(file=backdrop, distance_m=10.0, width_m=8.0, center_height_m=2.0, yaw_deg=20.0))
    view = view_at((0.6, -1.0, 1.5), 17.0, 4.0, 3.0, focal=40.0)
    color, depth = drawn(gpu, plate, view)
    point = unproject(view, pixel_centres(SIZE), depth)
    yaw = np.radians(20.0)
    right, away = np.array([np.cos(yaw), np.sin(yaw), 0]), np.array([-np.sin(yaw), np.cos(yaw), 0])
    np.testing.assert_allclose(point @ away, 10.0, atol=2e-3)  # depth is the plane's, also beyond the card
    u, v = (point @ right) / 8.0 + 0.5, (point[..., 2] - 2.0) / 4.0 + 0.5
    image = read_acescg(backdrop).astype(float)
    inside = (u > 0.02) & (u < 0.98) & (v > 0.02) & (v < 0.98)
    assert inside.mean() > 0.5
    column, row = (u * 256 - 0.5).round().astype(int), ((1 - v) * 128 - 0.5).round().astype(int)
    expected = image[np.clip(row, 0, 127), np.clip(column, 0, 255)]
    np.testing.assert_allclose(color[inside], expected[inside], atol=0.012)


def test_a_still_goes_on_mirrored_where_it_ends_and_gets_soft(gpu: Any, tmp_path: Path, backdrop: Path) -> None:
    """Without a seam, never black, and with nothing in it that could be read; no line runs out of an edge's pixels."""
    plate = Still(Still.Settings(file=backdrop, distance_m=10.0, width_m=8.0, center_height_m=1.6))
    color, _ = drawn(gpu, plate, view_at((0, 0, 1.6), 0.0, 0.0, focal=16.0))
    image = read_acescg(backdrop).astype(float)
    assert np.all(color >= image.min() - 0.005)
    assert np.abs(np.diff(color, axis=1)).max() < 0.06
    assert np.abs(np.diff(color, axis=0)).max() < 0.06
    noise = np.random.default_rng(1).integers(0, 255, (16, 32, 3)).astype(np.uint8).repeat(8, 0).repeat(8, 1)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    rough = Still(Still.Settings(file=tmp_path / "noise.png", distance_m=10.0, width_m=8.0, center_height_m=1.6))
    color, _ = drawn(gpu, rough, view_at((0, 0, 1.6), 0.0, 0.0, focal=16.0))
    assert color[:, :20].std() < 0.5 * color[40:50, 70:90].std()
    behind, depth = drawn(gpu, Still(Still.Settings(file=backdrop)), view_at((0, 0, 1.6), 180.0, 0.0))
    assert np.all(np.isposinf(depth))
    assert behind.min() > 0.02


def test_a_still_ends_in_its_backdrop_s_colour(gpu: Any, backdrop: Path) -> None:
    color_beyond = (0.1, 0.2, 0.3)
    settings = Still.Settings(
        file=backdrop, distance_m=10.0, width_m=8.0, exposure_stops=1.0, beyond="color", beyond_color=color_beyond
    )
    color, depth = drawn(gpu, Still(settings), view_at((0, 0, 1.6), 0.0, 0.0, focal=16.0))
    assert np.all(depth == pytest.approx(10.0, abs=1e-3))
    backdrop_only = np.abs(color - color_beyond).max(axis=-1) < 1e-3
    assert 0.4 < backdrop_only.mean() < 0.95
    assert not backdrop_only[40:50, 70:90].any()


def test_still_has_parallax(gpu: Any, backdrop: Path) -> None:
    settings = Still.Settings(file=backdrop, distance_m=10.0, width_m=12.0)
    first, second = view_at((0, 0, 1.6), 0, 0), view_at((0.8, 1.0, 1.9), 5.0, -2.0)
    color_a, depth_a = drawn(gpu, Still(settings), first)
    color_b, _ = drawn(gpu, Still(settings), second)
    ndc, _ = project(second, unproject(first, pixel_centres(SIZE), depth_a))
    seen = (np.abs(ndc) < 0.95).all(axis=-1)
    column = ((ndc[..., 0] + 1) / 2 * SIZE[0]).astype(int).clip(0, SIZE[0] - 1)
    row = ((1 - ndc[..., 1]) / 2 * SIZE[1]).astype(int).clip(0, SIZE[1] - 1)
    assert seen.mean() > 0.4
    assert np.abs(color_a - color_b[row, column])[seen].max() < 0.03


@pytest.fixture
def panorama(tmp_path: Path) -> Path:
    """256 x 128: red rises with height, green follows the compass smoothly, blue marks the middle column."""
    azimuth = (np.arange(256) + 0.5) / 256 * 2 * np.pi - np.pi
    elevation = np.pi / 2 - (np.arange(128) + 0.5) / 128 * np.pi
    azimuth, elevation = np.meshgrid(azimuth, elevation)
    image = np.stack([130 + 100 * np.sin(elevation), 130 + 90 * np.sin(azimuth), 130 + 90 * np.cos(azimuth)], axis=-1)
    Image.fromarray(image.astype(np.uint8)).save(tmp_path / "dome.png")
    return tmp_path / "dome.png"


@pytest.mark.parametrize(("pan", "tilt"), [(0.0, 0.0), (180.0, 10.0), (90.0, -20.0), (-60.0, 75.0)])
def test_dome_shows_the_direction_s_pixel_without_a_seam(gpu: Any, panorama: Path, pan: float, tilt: float) -> None:
    view = view_at((3.0, -2.0, 1.0), pan, tilt, 5.0)
    color, depth = drawn(gpu, Dome(Dome.Settings(file=panorama, yaw_deg=25.0, exposure_stops=1.0)), view)
    assert np.all(np.isposinf(depth))
    expected = 2.0 * panorama_color(panorama, rays(view, pixel_centres(SIZE)))
    assert np.abs(color - expected).max() < 0.06  # half a pixel of the ramps, and 8 bits


def panorama_color(panorama: Path, direction: np.ndarray) -> np.ndarray:
    """Its nearest pixel in a direction, of a dome turned by 25 degrees."""
    place = dome_uv(direction, 25.0)
    column = (place[..., 0] * 256 - 0.5).round().astype(int) % 256
    row = (place[..., 1] * 128 - 0.5).round().astype(int).clip(0, 127)
    return read_acescg(panorama).astype(float)[row, column]


@pytest.mark.parametrize("ground", [True, False])
def test_a_round_dome_stands_where_a_sphere_and_its_floor_do(gpu: Any, panorama: Path, ground: bool) -> None:
    """From beside the middle: depths and directions are those of rays that meet a sphere of 9 m about a place 1.4 m
    high, or the floor before it.
    """
    view = view_at((1.5, -2.0, 2.2), 33.0, -12.0, 7.0)
    plate = Dome(Dome.Settings(file=panorama, yaw_deg=25.0, radius_m=9.0, eye_height_m=1.4, ground=ground))
    color, depth = drawn(gpu, plate, view)
    ray, middle = rays(view, pixel_centres(SIZE)), np.array([0.0, 0.0, 1.4])
    eye = view.origin_m - middle
    a, b, c = (ray**2).sum(-1), ray @ eye, eye @ eye - 81.0
    along = (np.sqrt(b**2 - a * c) - b) / a
    on_floor = np.where(ray[..., 2] < 0.0, -view.origin_m[2] / np.minimum(ray[..., 2], -1e-9), np.inf)
    along = np.minimum(along, on_floor) if ground else along
    assert ground == bool((on_floor == along).any())
    np.testing.assert_allclose(depth, along, rtol=1e-4)
    assert np.abs(color - panorama_color(panorama, eye + ray * along[..., None])).max() < 0.05
    plate.release()


def test_a_round_dome_s_eye_stands_above_its_ground(panorama: Path) -> None:
    with pytest.raises(ValidationError, match="allowed are above 0 and below radius_m"):
        Dome.Settings(file=panorama, radius_m=1.0)


def test_dome_turns_left_with_positive_yaw() -> None:
    ahead, left = np.array([0.0, 1.0, 0.0]), np.array([-1.0, 0.0, 0.0])
    np.testing.assert_allclose(dome_uv(ahead), [0.5, 0.5])
    np.testing.assert_allclose(dome_uv(left, 90.0), [0.5, 0.5])
    np.testing.assert_allclose(dome_uv(np.array([0.0, 0.0, 1.0]))[1], 0.0)


@pytest.mark.parametrize("focal", [12.0, 200.0])
def test_no_pixel_of_a_view_is_larger_than_it_is_said_to_be(focal: float) -> None:
    """From ray to ray, in both directions; the largest stand where the lens looks."""
    view = view_at((0, 0, 1.6), 20.0, 30.0, 5.0, focal)
    unit = rays(view, pixel_centres(SIZE))
    unit /= np.linalg.norm(unit, axis=-1, keepdims=True)
    largest = max(np.linalg.norm(np.diff(unit, axis=axis), axis=-1).max() for axis in (0, 1))
    assert largest * pixels_a_radian(view, SIZE) == pytest.approx(1.0, abs=1e-3)
    assert largest * pixels_a_radian(view, SIZE) <= 1.0


def test_a_dome_that_is_shown_smaller_is_as_sharp_as_it_can_be(
    gpu: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Software OpenGL is given half of a large picture's pixels: what they have is seen, and no level below it."""
    columns = np.where(np.arange(512) // 2 % 2, 255, 0).astype(np.uint8)
    Image.fromarray(np.tile(columns[None, :, None], (256, 1, 3))).save(tmp_path / "columns.png")
    monkeypatch.setattr(sliced, "SOFTWARE_BYTES", 512 * 256 * 8)
    monkeypatch.setattr(sliced, "is_software", lambda context: True)
    plate = Dome(Dome.Settings(file=tmp_path / "columns.png"))
    color, _ = drawn(gpu, plate, view_at((0, 0, 0), 40.0, 0.0, focal=12.0))
    pixels_a_texel = pixels_a_radian(view_at((0, 0, 0), 40.0, 0.0, focal=12.0), SIZE) / (128 / np.pi)
    assert 1.0 < pixels_a_texel < 2.0
    assert color[45, 60:100, 1].std() > 0.22, "0.13 a level too low"


def test_a_dome_is_smooth_from_afar_and_sharp_near_by_whichever_is_drawn_first(gpu: Any, tmp_path: Path) -> None:
    """Fine black and white columns: grey where many of them share a pixel, black and white where each has several."""
    columns = np.where(np.arange(2048) % 2, 255, 0).astype(np.uint8)
    Image.fromarray(np.tile(columns[None, :, None], (1024, 1, 3))).save(tmp_path / "columns.png")
    plate = Dome(Dome.Settings(file=tmp_path / "columns.png"))
    while plate.upload(Gpu(gpu)):
        pass
    near, afar = (view_at((0, 0, 0), 40.0, 0.0, focal=focal) for focal in (300.0, 8.0))
    target = Target(gpu, SIZE, depth=True)
    try:
        for view, low, high in ((afar, 0.4, 0.6), (near, 0.01, 0.99), (afar, 0.4, 0.6), (near, 0.01, 0.99)):
            plate.draw(target, view)
            seen = download(target.color)[20:70, 40:120, 1].astype(float)
            assert seen.min() == pytest.approx(low, abs=0.1)
            assert seen.max() == pytest.approx(high, abs=0.1)
    finally:
        target.release()
        plate.release()
