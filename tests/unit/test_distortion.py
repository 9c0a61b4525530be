"""Lens distortion against OpenCV's own functions, both directions of both models, and the maps made of it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpengine.view.brown_conrady import fold_mm
from vpengine.view.distortion import (
    D_U,
    U_D,
    Distortion,
    Model,
    distorted,
    fault,
    fold_in_picture_mm,
    folded_share,
    overscan_needed,
    padded,
    st_map,
    undistorted,
)
from vpengine.view.lens import Lens
from vpengine.view.opencv_lens import from_opencv, to_opencv
from vpengine.view.st_map import StMap

SIZE = (1280, 960)
WIDTH_MM = 6.17
# A wide action camera's, as measured; a lens with all eight coefficients; a long one that draws lines inwards.
GOPRO = ((560.8, 562.4, 651.2, 499.0), (-0.2329, 0.0616, -1.5e-5, 3.4e-5, -0.004))
RATIONAL = ((1100.0, 1100.0, 655.0, 470.0), (0.9, 0.11, 6e-4, -9e-4, 0.006, 1.2, 0.26, 0.02))
PINCUSHION = ((1500.0, 1490.0, 630.0, 481.0), (0.11, -0.02, 2e-4, 3e-4, 0.0))
LENSES = {"gopro": GOPRO, "rational": RATIONAL, "pincushion": PINCUSHION}


def camera(name: str) -> tuple[np.ndarray, np.ndarray, Lens]:
    (fx, fy, cx, cy), coefficients = LENSES[name]
    matrix = np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]])
    return matrix, np.array(coefficients), from_opencv(matrix, coefficients, SIZE, WIDTH_MM)


def points_mm(lens: Lens, columns: int = 33, rows: int = 25) -> np.ndarray:
    """(rows, columns, 2) all over the picture, its edges too."""
    half = 0.5 * np.array(lens.sensor_mm)
    grid = np.meshgrid(np.linspace(-1.0, 1.0, columns), np.linspace(-1.0, 1.0, rows))
    return np.asarray(np.stack(grid, axis=-1) * half)


def mm_from_px(lens: Lens, points: np.ndarray) -> np.ndarray:
    """OpenCV's pixels, whose first one's middle is (0, 0)."""
    return np.asarray(((points + 0.5) / SIZE - 0.5) * lens.sensor_mm)


@pytest.mark.parametrize("name", LENSES)
def test_it_distorts_as_opencv_projects(name: str) -> None:
    cv2 = pytest.importorskip("cv2", reason="the extra `calibrate` is not installed")
    matrix, coefficients, lens = camera(name)
    rays = np.random.default_rng(3).uniform((-0.9, -0.7), (0.9, 0.7), (500, 2))
    rays = rays[np.hypot(*rays.T) < 1.0]
    seen, _ = cv2.projectPoints(
        np.column_stack([rays, np.ones(len(rays))]), np.zeros(3), np.zeros(3), matrix, coefficients
    )
    world_mm = rays * lens.pinhole_focal_length_mm + lens.projection_offset_mm
    assert lens.distortion is not None
    found = distorted(lens.distortion, lens, world_mm)
    assert np.abs(found - mm_from_px(lens, seen[:, 0])).max() < 1e-9
    assert np.abs(found - world_mm).max() > 0.05  # and it does something


@pytest.mark.parametrize("name", LENSES)
def test_it_undistorts_as_opencv_does(name: str) -> None:
    cv2 = pytest.importorskip("cv2", reason="the extra `calibrate` is not installed")
    matrix, coefficients, lens = camera(name)
    pixels = np.random.default_rng(4).uniform((0, 0), SIZE, (400, 2))
    criteria = (cv2.TERM_CRITERIA_COUNT + cv2.TERM_CRITERIA_EPS, 500, 1e-14)
    rays = cv2.undistortPoints(pixels[:, None], matrix, coefficients, criteria=criteria)[:, 0]
    again, _ = cv2.projectPoints(
        np.column_stack([rays, np.ones(len(rays))]), np.zeros(3), np.zeros(3), matrix, coefficients
    )
    solved = np.abs(again[:, 0] - pixels).max(axis=-1) < 1e-6  # its iteration runs away at the corners of wide lenses
    assert solved.sum() > 300
    expected = rays * lens.pinhole_focal_length_mm + lens.projection_offset_mm
    assert lens.distortion is not None
    found = undistorted(lens.distortion, lens, mm_from_px(lens, pixels))
    assert np.abs(found - expected)[solved].max() < 1e-6


@pytest.mark.parametrize("model", [D_U, U_D])
@pytest.mark.parametrize("name", LENSES)
def test_the_two_directions_undo_each_other_all_over_the_picture(name: str, model: Model) -> None:
    lens = camera(name)[2]
    assert isinstance(lens.distortion, Distortion)
    distortion = dataclasses.replace(lens.distortion, model=model, offset_mm=(0.03, -0.05))
    assert fault(distortion, lens) == ""
    seen = points_mm(lens)
    assert np.abs(distorted(distortion, lens, undistorted(distortion, lens, seen)) - seen).max() < 1e-6
    world = points_mm(lens) * 0.8
    assert np.abs(undistorted(distortion, lens, distorted(distortion, lens, world)) - world).max() < 1e-6


K = st.floats(-1.0, 1.0)


@settings(max_examples=150)
@given(k=st.tuples(K, K, K, K, K, K), p=st.tuples(K, K), offset=st.tuples(K, K), model=st.sampled_from([D_U, U_D]))
def test_any_lens_that_does_not_fold_goes_both_ways(
    k: tuple[float, ...], p: tuple[float, float], offset: tuple[float, float], model: Model
) -> None:
    """Coefficients of any sign, up to a lens that moves the corner by a third; 36 x 20.25 mm, its corner at 20.7."""
    sizes = np.array([0.25, 0.2, 0.1, 0.1, 0.05, 0.05]) / 20.7 ** np.array([2, 2, 4, 4, 6, 6])
    radial = padded(tuple(float(each) for each in np.array(k) * sizes))
    lens = Lens((36.0, 20.25), 24.0, (0.4, -0.2))
    distortion = Distortion(radial, (1e-4 * p[0], 1e-4 * p[1]), offset, model)
    if fold_mm(radial) < 35.0:
        return
    seen = points_mm(lens, 9, 7)
    assert np.abs(distorted(distortion, lens, undistorted(distortion, lens, seen)) - seen).max() < 1e-6


def test_openlensios_formula_by_hand() -> None:
    """PROTOCOLS 1.5: the centre is the projection offset and the distortion offset together, numerators and
    denominators take turns, and distorted to undistorted is what no model means."""
    lens = Lens((36.0, 24.0), 35.0, (0.5, -0.25))
    distortion = Distortion((1e-3, 2e-4, 3e-6, 4e-7, 5e-9, 6e-10), (1e-4, 2e-4), (0.1, 0.2))
    x, y = 6.0 - 0.6, 3.0 - -0.05
    r2 = x * x + y * y
    ratio = (1 + 1e-3 * r2 + 3e-6 * r2**2 + 5e-9 * r2**3) / (1 + 2e-4 * r2 + 4e-7 * r2**2 + 6e-10 * r2**3)
    expected = (
        x * ratio + 2e-4 * x * y + 2e-4 * (r2 + 2 * x * x) + 0.6,
        y * ratio + 1e-4 * (r2 + 2 * y * y) + 4e-4 * x * y - 0.05,
    )
    assert undistorted(distortion, lens, np.array([6.0, 3.0])) == pytest.approx(expected, abs=1e-12)


def test_opencvs_numbers_come_back() -> None:
    matrix, coefficients, lens = camera("rational")
    again, eight = to_opencv(lens, SIZE)
    assert again == pytest.approx(matrix)
    assert eight == pytest.approx(coefficients)
    with pytest.raises(ValueError, match="U-D"):
        to_opencv(dataclasses.replace(lens, distortion=Distortion((1e-3, 0, 0, 0, 0, 0))), SIZE)


def test_a_fold_is_found_and_held() -> None:
    """r - r^3 / 300 turns back at 10 mm, where it is 6.67."""
    radial = padded((-1.0 / 300.0,))
    assert fold_mm(radial) == pytest.approx(10.0, rel=1e-6)
    lens, distortion = Lens((36.0, 24.0), 35.0), Distortion(radial)
    far = undistorted(distortion, lens, np.array([[10.0, 0.0], [14.0, 0.0], [0.0, -40.0]]))
    assert far == pytest.approx(np.array([[20 / 3, 0.0], [20 / 3, 0.0], [0.0, -20 / 3]]), abs=1e-5)
    back = distorted(distortion, lens, np.array([[9.0, 0.0], [0.0, 50.0]]))
    assert back == pytest.approx(np.array([[10.0, 0.0], [0.0, 10.0]]), abs=1e-3)
    assert fold_in_picture_mm(distortion) == pytest.approx(10.0, rel=1e-6)
    assert fold_in_picture_mm(Distortion(radial, model=U_D)) == pytest.approx(20 / 3, rel=1e-6)
    beyond = 1.0 - np.pi * 100.0 / (36.0 * 24.0)
    assert folded_share(distortion, lens) == pytest.approx(beyond, abs=0.02)
    assert fault(distortion, lens).startswith("it turns back on itself within the picture, 65 percent of which")
    assert fault(distortion, Lens((12.0, 8.0), 35.0)) == ""


def test_a_denominator_that_is_zero_is_a_fold() -> None:
    assert fold_mm(padded((0.0, -1.0 / 64.0))) == pytest.approx(8.0, rel=1e-6)


def test_an_example_of_the_standards_is_no_lens() -> None:
    """SMPTE's recommended samples have radial [1, 2, 3] (PROTOCOLS 1.6)."""
    assert "percent of the picture" in fault(Distortion(padded((1.0, 2.0, 3.0))), Lens((36.0, 24.0), 24.3))


def test_the_overscan_that_is_needed_covers_the_picture() -> None:
    lens = camera("gopro")[2]
    overscan = overscan_needed(lens.distortion, lens)
    assert 5.0 < overscan < 60.0
    wide = st_map(lens.distortion, lens, SIZE, overscan)
    assert wide.min() >= 0.0
    assert wide.max() <= 1.0
    assert st_map(lens.distortion, lens, SIZE, 0.9 * overscan).min() < 0.0  # and less does not
    assert overscan_needed(None, lens) == 0.0
    assert overscan_needed(Distortion(), lens) == 0.0


def test_a_map_without_distortion_is_the_identity_to_the_last_bit() -> None:
    lens = Lens((36.0, 24.0), 35.0)
    x, y = np.meshgrid((np.arange(640) + 0.5) / 640, (np.arange(360) + 0.5) / 360)
    for distortion in (None, Distortion(), Distortion(offset_mm=(1.0, 2.0))):
        assert np.array_equal(st_map(distortion, lens, (640, 360)), np.stack([x, y], -1).astype(np.float32))


def test_a_maps_top_is_the_pictures_top() -> None:
    """The centre lies above the middle: the picture's bottom is farther from it, and moves farther out."""
    lens = Lens((36.0, 24.0), 35.0, (0.0, -4.0))
    found = st_map(Distortion(padded((5e-4,))), lens, (36, 24))
    assert -float(found[0, 18, 1]) < float(found[-1, 18, 1]) - 1.0


@pytest.mark.parametrize("name", LENSES)
def test_an_st_map_stands_for_the_coefficients(name: str) -> None:
    lens = camera(name)[2]
    baked = StMap(st_map(lens.distortion, lens, (320, 240)))
    seen = points_mm(lens)[2:-2, 2:-2]
    px = lens.sensor_mm[0] / SIZE[0]
    assert lens.distortion is not None
    by_map = undistorted(baked, lens, seen)
    assert np.abs(by_map - undistorted(lens.distortion, lens, seen)).max() < 0.1 * px
    assert np.abs(distorted(baked, lens, by_map) - seen).max() < 0.01 * px
    assert overscan_needed(baked, lens) == pytest.approx(overscan_needed(lens.distortion, lens), abs=0.3)
