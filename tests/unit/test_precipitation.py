"""What falls, in stage space: the same for every eye, moving as it says, as dense as it says, and never again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from vpengine.view.precipitation import RAIN, SNOW, Particles, Precipitation, Weather, particles

EYE = np.array([0.3, -0.2, 1.6])
FULL = Weather(1.0)


def everywhere(rays_m: NDArray[Any], margin_m: float) -> NDArray[np.bool_]:
    del margin_m
    return np.ones(len(rays_m), bool)


def steady(kind: Precipitation) -> Precipitation:
    """Its nearest layer, without flutter and gusts."""
    return replace(kind, flutter_m=0.0, gust_m=0.0, layers=kind.layers[:1])


def at(kind: Precipitation, time_s: float, weather: Weather = FULL, eye_m: NDArray[Any] = EYE) -> Particles:
    return particles(kind, weather, eye_m, time_s, everywhere)


def places(found: Particles, eye_m: NDArray[Any] = EYE, within_m: float = 5.0) -> NDArray[Any]:
    """Stage positions of those near ``EYE``."""
    there = found.ray_m + eye_m
    return there[np.linalg.norm(there - EYE, axis=1) < within_m]


def found_again(some: NDArray[Any], others: NDArray[Any], within_m: float = 1e-3) -> float:
    distance, _ = cKDTree(others).query(some)
    return float(np.mean(distance < within_m))


@pytest.mark.parametrize("kind", [SNOW, RAIN])
def test_a_time_has_one_fall(kind: Precipitation) -> None:
    one, again = at(kind, 512.25), at(kind, 512.25)
    np.testing.assert_array_equal(one.ray_m, again.ray_m)
    np.testing.assert_array_equal(one.share, again.share)
    assert found_again(places(one), places(at(kind, 512.25, Weather(1.0, seed=7)))) < 0.01


@pytest.mark.parametrize("kind", [SNOW, RAIN])
def test_every_eye_sees_the_same_particles(kind: Precipitation) -> None:
    """The camera's, and the walls' half a metre beside it: a flake at the frustum's edge is one flake."""
    other = EYE + np.array([0.4, 0.3, -0.2])
    here, there = places(at(kind, 80.0), within_m=3.0), places(at(kind, 80.0, eye_m=other), other, within_m=4.0)
    assert len(here) > 500
    assert found_again(here, there) == 1.0


@pytest.mark.parametrize("kind", [SNOW, RAIN])
@pytest.mark.parametrize("time_s", [3.0, 2e6])
def test_it_moves_as_fast_as_it_says(kind: Precipitation, time_s: float) -> None:
    """Also after three weeks: between two frames a particle goes its speed's way, and falls."""
    before, after = at(kind, time_s), at(kind, time_s + 0.01)
    expected = before.ray_m + 0.01 * before.velocity_m_s + EYE
    near = np.linalg.norm(before.ray_m, axis=1) < 3.0
    assert found_again(expected[near], after.ray_m + EYE, within_m=2e-3) == 1.0
    assert before.velocity_m_s[:, 2].mean() == pytest.approx(-kind.speed_m_s, rel=0.15)


def test_wind_carries_it_to_stage_right() -> None:
    assert at(steady(RAIN), 5.0, Weather(1.0, wind_m_s=3.5)).velocity_m_s[:, 0].mean() == pytest.approx(3.5, abs=0.1)


@pytest.mark.parametrize("kind", [SNOW, RAIN])
def test_nothing_repeats_within_a_minute(kind: Precipitation) -> None:
    """Least of all when the air has moved by whole cells. By chance one in a thousand is where one was."""
    kind = steady(kind)
    cell_s = kind.layers[0].cell_m / kind.speed_m_s
    first = places(at(kind, 100.0))
    for later_s in [*np.arange(1, 60.0 / cell_s, max(1.0, 1.0 / cell_s)).astype(int) * cell_s, 30.0, 60.0]:
        assert found_again(first, places(at(kind, 100.0 + later_s)), within_m=0.02) < 0.01, later_s


@pytest.mark.parametrize("amount", [0.05, 0.5, 1.0, 2.0])
def test_there_are_as_many_as_are_asked_for(amount: float) -> None:
    """In a shell in which all of each is there; evenly above and below."""
    layer = SNOW.layers[0]
    found = at(steady(SNOW), 40.0, Weather(amount))
    away_m = np.linalg.norm(found.ray_m, axis=1)
    shell = (away_m > 2.0) & (away_m < 3.8)
    volume_m3 = 4.0 / 3.0 * np.pi * (3.8**3 - 2.0**3)
    expected = amount * layer.each_m3 * volume_m3
    assert found.share[shell].sum() == pytest.approx(expected, rel=0.08, abs=4.0 * expected**0.5)
    above = found.share[shell & (found.ray_m[:, 2] > 0.0)].sum()
    assert above / found.share[shell].sum() == pytest.approx(0.5, abs=0.1)


def test_none_fall_at_nought_and_no_more_than_twice() -> None:
    assert len(at(steady(SNOW), 1.0, Weather(2.0)).share) == len(at(steady(SNOW), 1.0, Weather(9.0)).share)
    assert len(at(SNOW, 1.0, Weather(0.0)).share) == 0


def test_a_fader_that_moves_makes_none_jump() -> None:
    """At a time at which a tenth more speed would carry all of them ten kilometres on."""
    usual = at(steady(SNOW), 1e5)
    for other in (Weather(1.0, speed=1.1), Weather(1.0, wind_m_s=0.2), Weather(0.8)):
        assert found_again(places(usual), places(at(steady(SNOW), 1e5, other))) == pytest.approx(0.8, abs=0.06)


def test_what_is_near_and_what_is_far_fades() -> None:
    """Nothing pops: neither before the lens nor where a layer ends."""
    found = at(steady(SNOW), 40.0)
    away_m = np.linalg.norm(found.ray_m, axis=1)
    assert found.share[away_m < 0.7].max(initial=0.0) == 0.0
    assert found.share[away_m > 5.95].max() < 0.01
    assert found.share[(away_m > 2.0) & (away_m < 3.8)].mean() > 0.9


def test_a_particle_comes_and_goes_by_degrees() -> None:
    """While a fader moves by a hundredth none gains or loses more than a tenth of itself."""
    for amount in (0.2, 0.7, 1.0):
        more, fewer = at(steady(SNOW), 40.0, Weather(amount)), at(steady(SNOW), 40.0, Weather(0.99 * amount))
        off_m, there = cKDTree(fewer.ray_m).query(more.ray_m, k=2)
        left = np.where(off_m[:, 0] < 1e-3, fewer.share[there[:, 0]], 0.0)
        single = off_m[:, 1] > 1e-3  # one in some hundreds lies on another
        assert single.mean() > 0.98
        assert np.abs(more.share - left)[single].max() < 0.1
        assert more.share.sum() > 1.005 * left.sum()
