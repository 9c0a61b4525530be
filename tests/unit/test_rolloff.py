"""A wall's highlights keep their hue while they roll off: in Oklab (Ottosson 2020), in the panel's own primaries."""

from __future__ import annotations

import colorsys
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from vpengine.stage.walls import WHITE_NITS
from vpengine.view.color import REC709_FROM_ACESCG
from vpengine.view.rolloff import KNEE, LMS_FROM_REC709, PEAK_REACHED, RollOff, rolled_off, rolled_peak

OKLAB_FROM_CONES = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
SATURATED = np.array([colorsys.hsv_to_rgb(hue / 10.0, 1.0, 1.0) for hue in range(10)])
PRIMARIES = np.array([colorsys.hsv_to_rgb(hue / 6.0, 1.0, 1.0) for hue in range(6)])
TIMES_PEAK = np.geomspace(0.01, 16.0, 300)


def oklab(rec709: NDArray[Any]) -> NDArray[Any]:
    return np.cbrt(rec709 @ LMS_FROM_REC709.T) @ OKLAB_FROM_CONES.T


def turned_deg(shown: NDArray[Any], asked: NDArray[Any]) -> NDArray[Any]:
    """By how much the hue of colours (..., 3) differs."""
    a, b = (np.degrees(np.arctan2(lab[..., 2], lab[..., 1])) for lab in (oklab(shown), oklab(asked)))
    return np.abs((a - b + 180.0) % 360.0 - 180.0)


def ramps(colors: NDArray[Any]) -> NDArray[Any]:
    """(colours, levels, 3): the brightest channel goes from 0.01 to 16 times peak."""
    return (colors / colors.max(axis=-1, keepdims=True))[:, None] * TIMES_PEAK[None, :, None]


def test_the_measure_knows_oklab() -> None:
    """Known answers of Ottosson's page: red and blue of sRGB."""
    np.testing.assert_allclose(oklab(np.array([1.0, 0.0, 0.0])), [0.6280, 0.2249, 0.1258], atol=2e-4)
    np.testing.assert_allclose(oklab(np.array([0.0, 0.0, 1.0])), [0.4520, -0.0325, -0.3115], atol=2e-4)


@pytest.mark.parametrize(
    "colors",
    [SATURATED, 0.6 * SATURATED + 0.4, PRIMARIES @ REC709_FROM_ACESCG.T, SATURATED @ REC709_FROM_ACESCG.T],
    ids=["panel's", "pale", "AP1 primaries", "AP1"],
)
def test_hue_stays_and_light_never_falls(colors: NDArray[Any]) -> None:
    """Also of colours that the panel has not: AP1's own primaries have negative light in Rec.709."""
    asked = ramps(colors)
    shown = np.clip(rolled_off(asked), 0.0, 1.0)
    assert turned_deg(shown, asked).max() < 5.0
    assert np.diff(shown @ LUMINANCE, axis=1).min() > 0.0
    assert np.diff(shown.max(axis=-1), axis=1).min() > -1e-9
    assert rolled_off(asked).max() <= 1.0 + 1e-9


def test_clipping_turns_it() -> None:
    """So the test above sees what walls did before: an orange sun turned yellow, AP1's blue violet."""
    asked = ramps(np.array([[1.0, 0.5, 0.1]]))
    assert turned_deg(np.clip(asked, 0.0, 1.0), asked).max() > 30.0
    asked = ramps(PRIMARIES @ REC709_FROM_ACESCG.T)
    assert turned_deg(np.clip(asked, 0.0, 1.0), asked)[:, 0].max() > 15.0


def test_below_half_of_the_peak_nothing_happens() -> None:
    colors = np.random.default_rng(1).uniform(0.0, KNEE, (1000, 3))
    np.testing.assert_array_equal(rolled_off(colors), colors)


def test_the_curve_is_smooth_and_reaches_the_peak() -> None:
    level = np.linspace(0.0, 2.0 * PEAK_REACHED, 200_001)
    shown = rolled_peak(level)
    slope = np.diff(shown) / np.diff(level)
    assert slope.min() >= 0.0
    assert slope.max() < 1.0 + 1e-6
    corner = np.abs(np.diff(slope))
    assert corner[level[1:-1] < 0.9 * PEAK_REACHED].max() < 1e-3  # none at the knee
    assert corner.max() < 3e-3  # where it reaches the peak, the slope is a 500th
    np.testing.assert_allclose(rolled_peak(np.array([0.25, 0.5, 1.0])), [0.25, 0.5, 0.75], atol=1e-3)
    np.testing.assert_allclose(rolled_peak(np.array([PEAK_REACHED, 1e4])), 1.0)
    assert rolled_peak(np.array(0.9 * PEAK_REACHED)) < 1.0


def test_a_sun_is_white_and_its_rim_is_warm() -> None:
    warm = np.array([1.0, 0.7, 0.35])
    sun, rim = rolled_off(warm * 300.0), rolled_off(warm * 1.5)
    assert sun.min() > 0.9
    assert rim[0] > rim[1] > rim[2]
    assert rim[2] < 0.55


@pytest.mark.parametrize("worst", [np.inf, 1e30, 65504.0])
def test_no_number_makes_a_hole(worst: float) -> None:
    for color in ([worst, worst, worst], [worst, 0.0, 0.0], [worst, -worst, 0.0], [worst, 1.0, -1.0]):
        with np.errstate(invalid="ignore"):
            shown = rolled_off(np.array(color))
        assert np.isfinite(shown).all()
        assert shown.max() > 0.9


def test_in_a_dissolve_from_a_chart_the_knee_comes_down_from_the_peak() -> None:
    color = np.array([0.9, 0.3, 0.1])
    shown = [rolled_off(color, share)[0] for share in (0.0, 1e-4, 0.25, 0.5, 1.0)]
    assert shown[0] == 0.9
    assert np.abs(shown[1] - 0.9) < 1e-3
    assert np.all(np.diff(shown) <= 0.0)
    assert shown[-1] < 0.75
    assert RollOff.of(0.0).knee > 65504.0


def test_reference_white_is_below_the_knee_of_a_wall() -> None:
    """What a shipped LED wall (1200 nits) shows of a grey card and a white shirt is what it showed before."""
    assert WHITE_NITS / 1200.0 < KNEE
