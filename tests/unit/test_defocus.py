"""Circles of confusion against the thin lens."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from vpengine.compose.defocus import blurs
from vpengine.view.defocus import circle_mm
from vpengine.view.lens import Lens

LENS = Lens((36.0, 20.25), 51.0, focus_distance_m=2.55, t_stop=2.0)  # 50 mm, focused at 2.55 m: 51 mm behind the lens


@pytest.mark.parametrize("depth_m", [0.5, 1.0, 2.0, 3.0, 10.0, 1000.0])
def test_a_circle_is_the_thin_lenss(depth_m: float) -> None:
    """By the rays: the point's picture lies v' behind a lens of f / N across, and the sensor v."""
    focal = 50.0
    behind = focal * 2550.0 / (2550.0 - focal)
    assert behind == pytest.approx(51.0)
    sharp = focal * depth_m * 1e3 / (depth_m * 1e3 - focal)
    expected = focal / 2.0 * abs(sharp - behind) / sharp
    assert circle_mm(LENS, np.array(depth_m)) == pytest.approx(expected, rel=1e-9)


def test_in_focus_it_is_a_point_and_at_infinity_it_has_an_end() -> None:
    assert circle_mm(LENS, np.array(2.55)) == pytest.approx(0.0, abs=1e-12)
    assert circle_mm(LENS, np.array(np.inf)) == pytest.approx(25.0 * 51.0 / 2550.0)


@pytest.mark.parametrize("key", ["t_stop", "focus_distance_m"])
@pytest.mark.parametrize("value", [0.0, math.inf])
def test_what_nobody_tells_blurs_nothing(key: str, value: float) -> None:
    lens = dataclasses.replace(LENS, **{key: value})  # type: ignore[arg-type]
    assert not circle_mm(lens, np.array([0.2, 1.0, np.inf])).any()
    assert not blurs(lens, 4096)
    assert blurs(LENS, 1280)


def test_a_lens_that_is_stopped_down_far_blurs_nothing() -> None:
    tiny = Lens((36.0, 20.25), 4.0, focus_distance_m=2.0, t_stop=32.0)
    assert not blurs(tiny, 320)
    assert blurs(tiny, 4096)
