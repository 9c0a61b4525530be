"""The matting benchmark's errors, on mattes whose errors are known."""

from __future__ import annotations

import numpy as np
import pytest

from vpengine.view.matte_error import edge_error, flicker_error, gradient_error, mean_error

RAMP = np.broadcast_to(np.linspace(0.0, 1.0, 101), (40, 101))


def test_the_truth_has_no_error() -> None:
    assert mean_error(RAMP, RAMP) == edge_error(RAMP, RAMP) == gradient_error(RAMP, RAMP) == 0.0
    assert flicker_error([RAMP, 0.5 * RAMP], [RAMP, 0.5 * RAMP]) == 0.0


def test_an_edges_error_is_of_the_edge_alone() -> None:
    truth = np.zeros((10, 10))
    truth[:, 5] = 0.5
    assert edge_error(truth + 0.1, truth) == pytest.approx(0.1)
    assert edge_error(np.where(truth > 0, truth, 1.0), truth) == 0.0
    assert mean_error(np.where(truth > 0, truth, 1.0), truth) == pytest.approx(0.9)
    assert edge_error(truth, np.zeros((10, 10))) == 0.0


def test_the_gradients_error_is_of_the_slope() -> None:
    inside = gradient_error(RAMP[:, 10:91], np.zeros((40, 81)))
    assert inside == pytest.approx(40 * 81 * 0.01**2 / 1000.0, rel=0.1)  # slope a hundredth a pixel
    assert gradient_error(RAMP + 0.3, RAMP) == pytest.approx(0.0, abs=1e-12)


def test_what_moves_as_the_truth_does_is_not_flicker() -> None:
    offset = [RAMP + 0.2, 0.5 * RAMP + 0.2]
    assert flicker_error(offset, [RAMP, 0.5 * RAMP]) == pytest.approx(0.0, abs=1e-12)
    assert flicker_error([RAMP, RAMP + 0.1], [RAMP, RAMP]) == pytest.approx(0.1)
    assert flicker_error([RAMP], [RAMP]) == 0.0
