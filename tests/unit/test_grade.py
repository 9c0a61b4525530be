"""The grade: known changes are recovered, and what was never seen takes the whole picture's change."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import RegularGridInterpolator

from vpengine.frames.grade_table import LIGHT, SHAPE, graded, neutral_grade
from vpengine.frames.keyframe import Grade
from vpengine.neural.grade import coordinates, fit_grade
from vpengine.view.camera import camera_view
from vpengine.view.lens import Lens
from vpengine.view.pose import Pose, from_opentrackio
from vpengine.view.view import View, pixel_centres, rays

SIZE = (160, 90)
LENS = Lens((24.89, 14.0), 18.0)
MATRIX = np.array([[0.7, 0.1, 0.0], [0.05, 0.8, 0.05], [0.0, 0.1, 0.6]], np.float32)
OFFSET = np.array([0.05, -0.02, 0.1], np.float32)


def scene(seed: int = 0) -> tuple[View, np.ndarray, np.ndarray]:
    """A view level over a floor with sky above: colours of every kind (ACEScct), depth."""
    view = camera_view(from_opentrackio((0.0, 0.0, 1.6), 20.0, -4.0, 0.0), LENS, SIZE)
    ray = rays(view, pixel_centres(SIZE))
    with np.errstate(divide="ignore"):
        floor_m = np.where(ray[..., 2] < 0.0, -1.6 / ray[..., 2], np.inf)
    depth_m = np.where(floor_m < 300.0, floor_m, np.inf).astype(np.float32)
    rng = np.random.default_rng(seed)
    color = (rng.uniform(0.15, 0.7, (90, 160, 1)) + rng.uniform(-0.08, 0.08, (90, 160, 3))).astype(np.float32)
    return view, color, depth_m


def looked_up(grade: Grade, where: np.ndarray, color: np.ndarray) -> np.ndarray:
    """The table's transform, interpolated between cells by scipy, applied to (n, 3)."""
    axes = tuple(np.linspace(0.0, 1.0, side) for side in SHAPE)
    transform = RegularGridInterpolator(axes, grade.table.astype(float))(where)
    return graded(transform, color)


def error(grade: Grade, scene_of: tuple[View, np.ndarray, np.ndarray], changed: np.ndarray) -> np.ndarray:
    view, color, depth_m = scene_of
    where = coordinates(depth_m, rays(view, pixel_centres(SIZE)), color).reshape(-1, 3)
    return np.abs(looked_up(grade, where, color.reshape(-1, 3)) - changed.reshape(-1, 3))


def test_a_change_of_the_whole_picture_is_recovered() -> None:
    """A 3x4 transform everywhere alike: found to 0.001 in ACEScct on average, 0.015 at worst, on pictures not seen, but
    for their lights.
    """
    view, color, depth_m = scene()
    grade = fit_grade(color, color @ MATRIX.T + OFFSET, depth_m, view)
    assert grade.table.shape == (*SHAPE, 3, 4)
    assert grade.table.dtype == np.float32
    fresh = scene(1)
    wrong = error(grade, fresh, fresh[1] @ MATRIX.T + OFFSET)[fresh[1].reshape(-1, 3).max(axis=1) <= LIGHT]
    assert wrong.mean() < 0.001
    assert wrong.max() < 0.015
    untouched = error(neutral_grade(), fresh, fresh[1] @ MATRIX.T + OFFSET)
    assert untouched.mean() > 0.05  # what a stub would show


NIGHT = np.concatenate([np.diag([0.75, 0.8, 0.9]), [[-0.12], [-0.1], [-0.05]]], axis=1)
SNOW = np.concatenate([np.full((3, 3), 0.12) + np.eye(3) * 0.1, [[0.4], [0.4], [0.42]]], axis=1)
STRANGE_LOOK = np.concatenate([-0.3 * np.eye(3), [[0.6], [0.2], [0.9]]], axis=1)  # fitted to little


@pytest.mark.parametrize("transform", [NIGHT, SNOW, STRANGE_LOOK])
def test_lights_stay_in_order_and_keep_their_hue(transform: np.ndarray) -> None:
    """To 50,000 times mid-grey, by whatever transform: no brighter light is darker than a duller one, and beyond LIGHT
    all channels move alike, so that what is red there stays as red.
    """
    tints = np.log2(np.array([[1.0, 1.0, 1.0], [1.0, 0.7, 0.4], [1.0, 0.1, 0.05], [0.3, 0.5, 1.0]])) / 17.52
    for tint in tints:
        ramp = LIGHT + np.linspace(0.0, 0.8, 200)[:, None] + tint - tint.max()
        shown = graded(np.broadcast_to(transform, (200, 3, 4)), ramp)
        assert np.all(np.diff(shown, axis=0) > 0.0)
        np.testing.assert_allclose(shown - shown[:1], (shown - shown[:1])[:, :1] + np.zeros(3), atol=1e-9)
        assert np.all(shown[-1] - shown[0] <= 0.8 + 1e-9), "dimmed, or as it was"


def test_a_sun_does_not_pull_the_table() -> None:
    view, color, depth_m = scene()
    color[10:14, 20:24] = 1.3
    changed = color @ MATRIX.T + OFFSET
    changed[10:14, 20:24] = 0.2  # a network that broke on it
    fresh = scene(1)
    wrong = error(fit_grade(color, changed, depth_m, view), fresh, fresh[1] @ MATRIX.T + OFFSET)
    assert wrong[fresh[1].reshape(-1, 3).max(axis=1) < LIGHT].mean() < 0.001


def fogged(color: np.ndarray, depth_m: np.ndarray) -> np.ndarray:
    """Towards gray with the logarithm of distance; the sky wholly."""
    share = np.where(np.isinf(depth_m), 1.0, np.log2(np.clip(depth_m, 1.0, 512.0)) / 9.0)[..., None]
    return (1.0 - share) * color + share * 0.5


def test_a_change_with_distance_is_recovered() -> None:
    """Fog: to 0.006 on average; one transform for all distances could not be nearer than 0.04."""
    view, color, depth_m = scene()
    grade = fit_grade(color, fogged(color, depth_m).astype(np.float32), depth_m, view)
    fresh = scene(1)
    wrong = error(grade, fresh, fogged(fresh[1], fresh[2]))
    assert wrong.mean() < 0.006
    assert np.percentile(wrong, 99) < 0.03
    whole = np.linalg.lstsq(
        np.concatenate([fresh[1].reshape(-1, 3), np.ones((14400, 1))], axis=1),
        fogged(fresh[1], fresh[2]).reshape(-1, 3),
        rcond=None,
    )[0]
    flat = np.concatenate([fresh[1].reshape(-1, 3), np.ones((14400, 1))], axis=1) @ whole
    assert np.abs(flat - fogged(fresh[1], fresh[2]).reshape(-1, 3)).mean() > 0.04


def test_what_was_not_seen_takes_the_whole_pictures_change() -> None:
    """Straight up and near by nothing was seen: there the change is that of the picture."""
    view, color, depth_m = scene()
    grade = fit_grade(color, color @ MATRIX.T + OFFSET, depth_m, view)
    colors = np.random.default_rng(3).uniform(0.3, 0.6, (50, 1)) * np.ones(3)
    up = np.tile([0.0, 0.0, 1.0], (50, 1))
    where = coordinates(np.full(50, 1.0), up, colors)
    found = looked_up(grade, where, colors)
    assert np.abs(found - (colors @ MATRIX.T + OFFSET)).max() < 0.02
    assert np.abs(found - colors).mean() > 0.03


@pytest.mark.parametrize("size", [(160, 90), (64, 36), (1, 1)])
def test_no_change_is_the_neutral_grade(size: tuple[int, int]) -> None:
    view = camera_view(Pose(), LENS, size)
    color = np.random.default_rng(1).uniform(0.1, 0.8, (size[1], size[0], 3)).astype(np.float32)
    depth_m = np.full((size[1], size[0]), 3.0, np.float32)
    grade = fit_grade(color, color, depth_m, view)
    np.testing.assert_allclose(grade.table, neutral_grade().table, atol=1e-5)


def test_a_picture_of_one_color_is_no_trouble() -> None:
    """Nothing tells gain from offset there: the answer is right for that colour, and stays within reason elsewhere."""
    view, _, depth_m = scene()
    color = np.full((90, 160, 3), 0.4, np.float32)
    grade = fit_grade(color, color * 0.5, depth_m, view)
    assert np.isfinite(grade.table).all()
    assert np.abs(grade.table).max() < 2.0
    wrong = error(grade, (view, color, depth_m), color * 0.5)
    assert wrong.max() < 0.01


def test_coordinates() -> None:
    """Distance by powers of two to 512 m, sky last; elevation finest at the horizon; luminance within its range."""
    ray = np.array([[0.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 1.0, 1.0], [0.0, 1.0, -0.01]])
    depth_m = np.array([1.0, 32.0, np.inf, 8.0 / np.sqrt(2.0), 4000.0])
    color = np.repeat([[0.1], [0.75], [0.425], [-0.5], [2.0]], 3, axis=1)
    found = coordinates(depth_m, ray, color)
    np.testing.assert_allclose(found[:, 0], [0.0, 0.5, 1.0, 0.3, 0.9], atol=1e-9)
    np.testing.assert_allclose(found[:3, 1], 0.5)
    assert found[3, 1] == pytest.approx(0.5 + 0.5 * 0.5**0.25)
    assert 0.4 < found[4, 1] < 0.5
    np.testing.assert_allclose(found[:, 2], [0.0, 1.0, 0.5, 0.0, 1.0], atol=1e-9)
