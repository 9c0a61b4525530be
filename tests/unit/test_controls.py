"""Live controls: type and range, refusals in a sentence, and fades that hands end."""

from __future__ import annotations

import math
import re
from itertools import pairwise
from typing import Any

import pytest

from vpengine.control.controls import Control, ControlError, Controls, parse, typed
from vpengine.control.declared import ENGINE_CONTROLS, NEURAL_SEED
from vpengine.control.looks import Looks, look_address
from vpengine.frames.look import Look

LEVEL = Control("/vp/level", "float", 0.25, "A level.", -1.0, 2.0, "stops")
SWITCH = Control("/vp/switch", "bool", False, "A switch.")
TITLE = Control("/vp/title", "text", "none", "A title.")


@pytest.fixture
def controls() -> Controls:
    return Controls((LEVEL, SWITCH, TITLE))


@pytest.mark.parametrize(
    ("control", "value", "expected"),
    [
        (LEVEL, 0.5, 0.5),
        (LEVEL, 7, 2.0),
        (LEVEL, -7.0, -1.0),
        (LEVEL, True, 1.0),
        (SWITCH, 1.0, True),
        (SWITCH, 0, False),
        (SWITCH, 0.5, False),
        (SWITCH, True, True),
        (TITLE, "take 2", "take 2"),
    ],
)
def test_parse_clamps_as_a_fader_does(control: Control, value: Any, expected: Any) -> None:
    found = parse(control, value)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("control", "value", "sentence"),
    [
        (LEVEL, "loud", "/vp/level: 'loud', expected a number from -1 to 2 stops"),
        (LEVEL, math.nan, "/vp/level: nan, expected a number from -1 to 2 stops"),
        (LEVEL, math.inf, "/vp/level: inf, expected a number from -1 to 2 stops"),
        (LEVEL, None, "/vp/level: None, expected a number from -1 to 2 stops"),
        (SWITCH, "on", "/vp/switch: 'on', expected true or false"),
        (SWITCH, math.nan, "/vp/switch: nan, expected true or false"),
        (TITLE, 3.0, "/vp/title: 3.0, expected text"),
    ],
)
def test_refusals_name_address_value_and_what_is_allowed(control: Control, value: Any, sentence: str) -> None:
    with pytest.raises(ControlError, match=f"^{re.escape(sentence)}$"):
        parse(control, value)


@pytest.mark.parametrize(
    ("control", "text", "expected"),
    [(LEVEL, "-0.5", -0.5), (SWITCH, "On", True), (SWITCH, "false", False), (SWITCH, "1", 1.0), (TITLE, "0.5", "0.5")],
)
def test_what_was_typed_is_of_the_controls_type(control: Control, text: str, expected: Any) -> None:
    assert typed(control, text) == expected


@pytest.mark.parametrize(
    ("control", "text", "sentence"),
    [
        (LEVEL, "7", "/vp/level: '7', expected a number from -1 to 2 stops"),
        (LEVEL, "nan", "/vp/level: 'nan', expected a number from -1 to 2 stops"),
        (LEVEL, "on", "/vp/level: 'on', expected a number from -1 to 2 stops"),
        (SWITCH, "2", "/vp/switch: '2', expected true or false"),
    ],
)
def test_what_was_typed_beyond_the_range_is_a_mistake(control: Control, text: str, sentence: str) -> None:
    with pytest.raises(ControlError, match=f"^{re.escape(sentence)}$"):
        typed(control, text)


def test_an_integer_beyond_any_float_is_clamped() -> None:
    """Files may hold integers of any size."""
    assert parse(LEVEL, 10**400) == 2.0
    assert parse(LEVEL, -(10**400)) == -1.0


def test_an_unknown_address_gets_a_hint(controls: Controls) -> None:
    with pytest.raises(ControlError, match=re.escape("no control '/vp/levle'; did you mean '/vp/level'?")):
        controls.set("/vp/levle", 1.0)
    with pytest.raises(ControlError, match="no control"):
        controls.fade("/vp/nothing", 1.0, 0.0, 1.0)


def test_declared_twice_is_a_programmers_error() -> None:
    with pytest.raises(KeyError, match="declared twice"):
        Controls((LEVEL, LEVEL))


def test_values_begin_at_their_defaults_and_keep_what_they_are_set_to(controls: Controls) -> None:
    assert controls.freeze(0.0) == {"/vp/level": 0.25, "/vp/switch": False, "/vp/title": "none"}
    controls.set("/vp/level", 9.0)
    controls.set("/vp/title", "x")
    frozen = controls.freeze(1.0)
    assert frozen == {"/vp/level": 2.0, "/vp/switch": False, "/vp/title": "x"}
    controls.set("/vp/level", 0.0)
    assert frozen["/vp/level"] == 2.0  # a frame's values do not change under it


def test_a_fade_eases_and_settles(controls: Controls) -> None:
    controls.set("/vp/level", 0.0)
    controls.fade("/vp/level", 2.0, 10.0, 4.0)
    values = [float(controls.at("/vp/level", 10.0 + 0.5 * i)) for i in range(9)]
    assert values[0] == 0.0
    assert values[4] == pytest.approx(1.0)
    assert values[8] == 2.0
    steps = [b - a for a, b in pairwise(values)]
    assert all(step > 0.0 for step in steps)
    assert steps[0] < steps[3] > steps[7]  # slow, fast, slow
    assert controls.freeze(14.0)["/vp/level"] == 2.0
    assert controls.at("/vp/level", 11.0) == 2.0  # settled: the fade is gone, not only past


def test_a_fade_does_not_begin_before_its_time(controls: Controls) -> None:
    controls.fade("/vp/level", 2.0, 10.0, 4.0)
    assert controls.at("/vp/level", 3.0) == 0.25


def test_a_new_fade_continues_from_where_the_control_stands(controls: Controls) -> None:
    controls.set("/vp/level", 0.0)
    controls.fade("/vp/level", 2.0, 0.0, 4.0)
    stands = controls.at("/vp/level", 2.0)
    controls.fade("/vp/level", -1.0, 2.0, 4.0)
    assert controls.at("/vp/level", 2.0) == pytest.approx(stands)
    assert controls.at("/vp/level", 4.0) == pytest.approx(0.0)
    assert controls.freeze(6.0)["/vp/level"] == -1.0


def test_a_hand_on_the_fader_ends_its_fade(controls: Controls) -> None:
    controls.fade("/vp/level", 2.0, 0.0, 4.0)
    controls.freeze(1.0)
    controls.set("/vp/level", -0.5)
    assert [controls.freeze(t)["/vp/level"] for t in (1.0, 3.0, 9.0)] == [-0.5] * 3


def test_a_refused_value_does_not_end_a_fade(controls: Controls) -> None:
    controls.fade("/vp/level", 2.0, 0.0, 4.0)
    with pytest.raises(ControlError):
        controls.set("/vp/level", "up")
    assert controls.freeze(4.0)["/vp/level"] == 2.0


def test_what_is_no_number_or_takes_no_time_jumps(controls: Controls) -> None:
    controls.fade("/vp/switch", True, 5.0, 4.0)
    controls.fade("/vp/title", "next", 5.0, 4.0)
    controls.fade("/vp/level", 1.0, 5.0, 0.0)
    assert controls.freeze(5.0) == {"/vp/level": 1.0, "/vp/switch": True, "/vp/title": "next"}


def test_a_fade_is_clamped_too(controls: Controls) -> None:
    controls.fade("/vp/level", 100.0, 0.0, 1.0)
    assert controls.freeze(2.0)["/vp/level"] == 2.0


def test_every_engine_control_is_sound() -> None:
    """A default that its own control would change or refuse would be shown wrongly everywhere it is derived."""
    addresses = [control.address for control in ENGINE_CONTROLS]
    assert len(set(addresses)) == len(addresses)
    for control in ENGINE_CONTROLS:
        assert re.fullmatch(r"/vp(/[a-z_]+)+", control.address)
        assert parse(control, control.default) == control.default
        assert control.low < control.high
        assert re.fullmatch(r"[A-Z].*\.", control.sentence)


OWN = (
    Control(look_address("strength"), "float", 0.5, "How strong.", 0.0, 2.0),
    Control(look_address("style"), "text", "ink", "Which style."),
    Control(look_address("mirrored"), "bool", False, "Left is right."),
)
LOOKS = Looks("painter", OWN, lambda values: values["strength"] == 0.0)


def test_a_look_is_what_the_generator_s_own_controls_say() -> None:
    """By name, in the order of their declaration, whatever their type; no other control is in it."""
    controls = Controls((*ENGINE_CONTROLS, *OWN))
    controls.set(look_address("style"), "oil")
    controls.set(NEURAL_SEED, 7.9)
    look = LOOKS.at_frame(controls.freeze(0.0))
    assert look == Look("painter", (("strength", 0.5), ("style", "oil"), ("mirrored", False)), 8)
    controls.set(look_address("strength"), 0.0)
    assert LOOKS.at_frame(controls.freeze(0.0)).plain  # the generator says so, not the engine


def test_a_look_by_hand() -> None:
    assert LOOKS.of({"mirrored": True}, 3).values == (("strength", 0.5), ("style", "ink"), ("mirrored", True))
    assert LOOKS.of({"mirrored": True}, 3) == LOOKS.of({"mirrored": True, "strength": 0.5}, 3)
    with pytest.raises(KeyError, match=r"painter has no controls \['snow'\], allowed \['strength'"):
        LOOKS.of({"snow": 1.0})
