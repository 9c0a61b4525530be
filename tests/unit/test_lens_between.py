"""A lens between two moments: what lies between, and what is held."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from vpengine.view.distortion import U_D, AnyDistortion, Distortion
from vpengine.view.lens import Lens
from vpengine.view.lens_between import lens_between
from vpengine.view.st_map import StMap

WEAK = Distortion((1e-4, 0.0, 2e-7, 0.0, 0.0, 0.0), (1e-5, 0.0), (0.1, 0.0))
STRONG = Distortion((3e-4, 0.0, 4e-7, 0.0, 0.0, 0.0), (2e-5, 1e-5), (0.3, 0.2))
WIDE = Lens((24.0, 13.5), 20.0, (0.0, 0.2), 0.10, 2.0, 2.8, WEAK)
LONG = Lens((24.0, 13.5), 40.0, (0.4, 0.0), 0.20, 4.0, 4.0, STRONG)


def test_what_moves_evenly_lies_between() -> None:
    lens = lens_between(WIDE, LONG, 0.25)
    assert lens.sensor_mm == WIDE.sensor_mm
    assert (lens.pinhole_focal_length_mm, lens.t_stop) == (25.0, pytest.approx(3.1))
    assert lens.entrance_pupil_offset_m == pytest.approx(0.125)
    assert lens.projection_offset_mm == pytest.approx((0.1, 0.15))
    assert isinstance(lens.distortion, Distortion)
    assert lens.distortion.radial == pytest.approx((1.5e-4, 0.0, 2.5e-7, 0.0, 0.0, 0.0))
    assert lens.distortion.tangential == pytest.approx((1.25e-5, 2.5e-6))
    assert lens.distortion.offset_mm == pytest.approx((0.15, 0.05))


@pytest.mark.parametrize(
    ("before_m", "after_m", "expected_m"),
    [(2.0, 4.0, 8.0 / 3.0), (4.0, math.inf, 8.0), (math.inf, 4.0, 8.0), (math.inf, math.inf, math.inf),
     (0.0, 4.0, 0.0), (4.0, 0.0, 4.0), (5e-324, 1e-323, 5e-324)],
)  # fmt: skip
def test_focus_is_even_in_one_over_distance(before_m: float, after_m: float, expected_m: float) -> None:
    """Half way from 4 m to infinity is 8 m; a distance of 0 is not known, and nothing lies between it and another."""
    between = lens_between(replace(WIDE, focus_distance_m=before_m), replace(LONG, focus_distance_m=after_m), 0.5)
    assert between.focus_distance_m == pytest.approx(expected_m)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7])
def test_a_lens_that_stands_is_the_same_to_the_last_bit(share: float) -> None:
    odd = replace(WIDE, focus_distance_m=3.3, pinhole_focal_length_mm=35.1)
    assert lens_between(odd, replace(odd), share) == odd
    assert lens_between(odd, replace(odd, t_stop=5.6), share).focus_distance_m == 3.3


MAP = StMap(np.zeros((2, 2, 2), np.float32))


@pytest.mark.parametrize(
    ("before", "after"), [(None, WEAK), (WEAK, None), (WEAK, replace(STRONG, model=U_D)), (MAP, WEAK), (WEAK, MAP)]
)
def test_two_kinds_of_distortion_have_nothing_between(
    before: AnyDistortion | None, after: AnyDistortion | None
) -> None:
    between = lens_between(replace(WIDE, distortion=before), replace(LONG, distortion=after), 0.5)
    assert between.distortion is before
    assert between.pinhole_focal_length_mm == 30.0


def test_an_unknown_stop_is_held() -> None:
    assert lens_between(replace(WIDE, t_stop=0.0), LONG, 0.5).t_stop == 0.0
    assert lens_between(WIDE, replace(LONG, t_stop=0.0), 0.5).t_stop == 2.8
