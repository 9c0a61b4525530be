"""How sure a calibrated focal length is, by boards whose corners are projected through known lenses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vpengine.cli.calibrate import UNSURE_PERCENT, warnings_of
from vpengine.cli.calibrate_boards import Checkerboard
from vpengine.cli.calibrate_solve import Calibration, Photo, solve

cv2 = pytest.importorskip("cv2", reason="the extra `calibrate` is not installed")
SIZE = (1280, 720)


def solved(*focal_px: float, count: int = 16, noise_px: float = 0.1) -> Calibration:
    """Photographs in turn through lenses of these focal lengths, the board tilted to all sides and all over them."""
    rng, photos = np.random.default_rng(4), []
    board = np.stack([*np.mgrid[:8, :6], np.zeros((8, 6))], axis=-1).reshape(-1, 3).astype(np.float64)
    for number in range(count):
        f = focal_px[number % len(focal_px)]
        matrix = np.array([[f, 0.0, 640.0], [0.0, f, 360.0], [0.0, 0.0, 1.0]])
        turn = rng.uniform(-0.6, 0.6, 3)
        place = np.array([rng.uniform(-6.0, 0.0), rng.uniform(-5.0, -1.0), rng.uniform(12.0, 18.0)])
        points, _ = cv2.projectPoints(board, turn, place, matrix, np.zeros(5))
        seen = points.reshape(-1, 2) + rng.normal(0.0, noise_px, (len(board), 2))
        photos.append(Photo(Path(f"{number}.png"), board, seen))
    return solve(Checkerboard(8, 6), photos, (), SIZE, 36.0)


def says_so(found: Calibration) -> bool:
    return any("were focus and zoom left alone?" in each for each in warnings_of(found, rational=False))


def test_of_one_lens_it_is_sure() -> None:
    found = solved(1000.0)
    assert abs(found.matrix[0][0] - 1000.0) < 4.0 * found.focal_sd_px < 4.0
    assert not says_so(found)


@pytest.mark.parametrize("other", [1.03, 1.1])
def test_where_the_lens_was_touched_meanwhile_it_is_not(other: float) -> None:
    """The points of each photograph scatter little, and OpenCV's own figure is a tenth of a percent."""
    found = solved(1000.0, 1000.0, 1000.0 * other)
    assert found.focal_sd_px > 0.01 * UNSURE_PERCENT * 1000.0
    assert says_so(found)
