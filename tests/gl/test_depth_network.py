"""The shipped depth network on the engine's own street, whose depth is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from vpengine.gpu.gpu import Gpu
from vpengine.gpu.target import Target
from vpengine.gpu.transfer import download
from vpengine.neural.depth import WEIGHTS, Estimate, Lens, estimate, ground_plane
from vpengine.neural.depth_edges import at_size
from vpengine.plates.street.plate import Street
from vpengine.view.color import REC709_FROM_ACESCG
from vpengine.view.lens import clip_from_view_symmetric
from vpengine.view.pose import from_opentrackio, view_from_stage
from vpengine.view.view import View

SIZE, FIELD_DEG = (320, 180), 60.0
FOCAL = 0.5 / np.tan(np.radians(FIELD_DEG) / 2.0)
LENS = Lens(horizon=0.5, focal=float(FOCAL))


@pytest.fixture(scope="module")
def street(gpu: Any) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """By day, looking along it, level: (picture as a display shows it, depth in metres)."""
    plate = Street(Street.Settings())
    plate.upload(Gpu(gpu))
    target = Target(gpu, SIZE, depth=True)
    view = View(
        view_from_stage(from_opentrackio((0.0, 0.0, 1.6), 0.0, 0.0, 0.0)),
        clip_from_view_symmetric(FIELD_DEG, SIZE[0] / SIZE[1]),
        SIZE,
    )
    plate.draw(target, view)
    assert target.depth is not None
    color, depth = download(target.color)[..., :3].astype(np.float32), download(target.depth)[..., 0].astype(np.float32)
    target.release()
    plate.release()
    return np.clip(color @ REC709_FROM_ACESCG.T, 0.0, 1.0).astype(np.float32) ** (1.0 / 2.2), depth


def log_error(found_m: NDArray[np.floating], truth_m: NDArray[np.floating]) -> float:
    """The root of Eigen et al. 2014's scale-invariant error, over what is not sky."""
    seen = np.isfinite(truth_m)
    d = np.log(np.minimum(found_m[seen], 300.0)) - np.log(np.minimum(truth_m[seen], 300.0))
    return float(d.std())


def test_a_street_s_depth_is_plausible(street: tuple[Any, Any]) -> None:
    picture, truth_m = street
    found: Estimate = estimate(WEIGHTS, picture, LENS, 1.6)
    assert np.isfinite(found.inverse).all()
    assert found.inverse.min() > 0.0
    depth_m = at_size(found, picture)
    middle = depth_m[:, 140:180]
    assert np.median(middle[-10:]) < 0.6 * np.median(middle[100:110])  # before the lens, and far down the road
    assert 1.0 < np.median(depth_m[-10:]) < 10.0
    assert np.mean(np.isinf(depth_m) == np.isinf(truth_m)) > 0.95
    plane_m = 1.0 / np.maximum(ground_plane(SIZE, SIZE[1] / SIZE[0], LENS), 1.0 / 80.0)
    assert log_error(depth_m, truth_m) < 0.85 * log_error(plane_m, truth_m)
    assert log_error(depth_m, truth_m) < 0.75 * log_error(np.ones_like(truth_m), truth_m)


def test_eye_height_is_the_scene_s_scale(street: tuple[Any, Any]) -> None:
    picture, _ = street
    low, high = (estimate(WEIGHTS, picture, LENS, height_m) for height_m in (1.6, 3.2))
    near = high.inverse > 0.01  # beyond, both are as far as it gets
    np.testing.assert_allclose(low.inverse[near], 2.0 * high.inverse[near], rtol=1e-3)
