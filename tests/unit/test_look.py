"""Looks: how alike two are."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vpengine.frames.look import ALIKE, STRANGE, Look
from vpengine.neural.declared import looks_of


def look(**values: float | bool | str) -> Look:
    return Look("weather", tuple(values.items()), seed=3)


def test_a_look_agrees_with_itself_and_with_none_of_another_kind() -> None:
    snow = look(snow=0.5, prompt="a street")
    assert snow.agreement(snow) == 1.0
    others = (
        Look("drill", snow.values, 3),
        Look("weather", snow.values, 4),
        look(snow=0.5),
        look(snow=0.5, prompt="a road"),
        replace(snow, plain=True),
    )
    assert [snow.agreement(other) for other in others] == [0.0] * 5


@pytest.mark.parametrize(
    ("off", "expected"),
    [(ALIKE, 1.0), ((ALIKE + STRANGE) / 2.0, 0.5), (STRANGE, 0.0), (1.0, 0.0)],
)
def test_the_value_that_is_farthest_off_decides(off: float, expected: float) -> None:
    """Of its own size where that is more than one."""
    assert look(snow=0.0, fog=0.2).agreement(look(snow=off, fog=0.25)) == pytest.approx(expected)
    assert look(guidance=10.0).agreement(look(guidance=10.0 * (1.0 - off))) == pytest.approx(expected)


def test_views_of_rain_do_not_agree() -> None:
    """So that nothing of it is made all round; a little rain in a snowfall is shown for a part."""
    rain, sleet, snow = (
        looks_of("weather").of(values) for values in ({"rain": 0.8}, {"rain": 0.1, "snow": 1.0}, {"snow": 1.0})
    )
    assert [look.view_consistency for look in (rain, sleet, snow)] == [0.0, pytest.approx(0.8), 1.0]
