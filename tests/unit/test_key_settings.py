"""The keyer's controls, what they are read as, the screen's own axes, and the picked colour."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vpengine.compose.key_settings import KeySettings, chroma_of, key_axes, key_settings, pick, spill_slope
from vpengine.control.controls import Controls, parse
from vpengine.control.declared import ENGINE_CONTROLS
from vpengine.control.key import CONTROLS, GREEN, SETTINGS
from vpengine.errors import UserError

SCREENS = (GREEN, (0.08, 0.11, 0.39), (0.52, 0.57, 0.09))
SKIN = np.array([0.346, 0.253, 0.174])


def test_each_control_is_one_sentence_with_a_default_that_it_takes() -> None:
    assert all(one.address.startswith(("/vp/key/", "/vp/picture/gain/")) for one in CONTROLS)
    assert all(one.sentence.endswith(".") and one.sentence.count(". ") == 0 for one in CONTROLS)
    assert [parse(one, one.default) for one in CONTROLS] == [one.default for one in CONTROLS]


def test_the_engine_has_them_all() -> None:
    assert set(CONTROLS) <= set(Controls(ENGINE_CONTROLS).declared.values())


def test_untouched_controls_are_the_settings_as_they_come() -> None:
    assert key_settings(Controls(SETTINGS).freeze(0.0)) == KeySettings()
    assert key_settings({}) == KeySettings()


def test_every_control_reaches_a_setting_of_its_own() -> None:
    seen = {KeySettings()}
    for one in SETTINGS:
        end = one.low if one.default == one.high else one.high
        moved = not one.default if one.kind == "bool" else 0.5 * (float(one.default) + end)
        seen.add(key_settings({one.address: moved}))
    assert len(seen) == len(SETTINGS) + 1


def test_a_grey_screen_is_refused_with_its_address() -> None:
    with pytest.raises(UserError, match=r"/vp/key/screen: \(0\.2, 0\.2, 0\.2\) has no colour"):
        KeySettings(screen=(0.2, 0.2, 0.2))
    with pytest.raises(UserError, match="/vp/key/screen"):
        KeySettings(screen=(0.0, 0.0, 0.0))


def test_a_white_below_the_black_is_refused() -> None:
    with pytest.raises(UserError, match=r"/vp/key/clip/white: 0\.3, expected more than black \(0\.4\)"):
        KeySettings(clip_black=0.4, clip_white=0.3)


@pytest.mark.parametrize("screen", SCREENS)
def test_the_axes_are_the_screens_own(screen: tuple[float, float, float]) -> None:
    along, across = key_axes(screen)
    assert along @ np.array(screen) == pytest.approx(1.0)
    assert across @ np.array(screen) == pytest.approx(0.0, abs=1e-12)
    assert along.sum() == pytest.approx(0.0, abs=1e-12)  # no grey has any of either
    assert across.sum() == pytest.approx(0.0, abs=1e-12)
    assert np.linalg.norm(along) == pytest.approx(np.linalg.norm(across))


@pytest.mark.parametrize("screen", SCREENS)
def test_skin_is_not_spill_whatever_the_screen(screen: tuple[float, float, float]) -> None:
    along, across = key_axes(screen)
    assert along @ SKIN - spill_slope(screen) * abs(across @ SKIN) <= 0.0


def test_spill_of_a_green_lies_between_the_usual_limits() -> None:
    assert 0.0 < spill_slope(GREEN) < 1.0 / math.sqrt(3.0)  # the mean of red and blue; the greater of them


def test_chroma_does_not_ask_how_bright() -> None:
    assert chroma_of((0.1, 0.3, 0.1)) == pytest.approx(chroma_of((0.2, 0.6, 0.2)))
    assert chroma_of((0.4, 0.4, 0.4)) == pytest.approx(0.0, abs=1e-9)


def test_pick_does_not_mind_a_speck() -> None:
    picture = np.broadcast_to(np.array(GREEN, np.float32), (20, 30, 3)).copy()
    picture[9:12, 9:12] = 50.0
    assert pick(picture, 10, 10) == pytest.approx(GREEN)


def test_pick_is_where_it_was_asked_for_and_has_corners() -> None:
    picture = np.zeros((20, 30, 4), np.float16)
    picture[:, 20:] = (0.25, 0.5, 0.125, 1.0)
    assert pick(picture, 29, 0) == (0.25, 0.5, 0.125)
    assert pick(picture, 0, 19) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("place", [(-1, 0), (30, 0), (0, 20)])
def test_pick_beyond_the_picture_is_refused(place: tuple[int, int]) -> None:
    with pytest.raises(UserError, match="not in the picture of 30 x 20"):
        pick(np.zeros((20, 30, 3)), *place)
