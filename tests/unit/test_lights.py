"""Light before look: what faders do to the light of a plate that knows its own, and what is left for the generator."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from tests.files import load_show
from vpengine.control.approvals import Approvals
from vpengine.control.controls import Controls
from vpengine.control.declared import ENGINE_CONTROLS
from vpengine.control.desk import Desk
from vpengine.control.gate import Gate
from vpengine.control.lights import LightTable
from vpengine.control.messages import ControlChange
from vpengine.control.scenes import SceneEntry, Scenes
from vpengine.control.triggers import SafeTrigger
from vpengine.errors import ProblemsError
from vpengine.files import controls_of
from vpengine.frames.frame_input import BusState
from vpengine.neural.declared import looks_of
from vpengine.neural.weather import left_of
from vpengine.view.light import DAY, Light

LOOKS = looks_of("weather")
FREE = Controls(ENGINE_CONTROLS).freeze(0.0)


def light(controls: dict[str, Any] | None = None, **faders: float) -> Light:
    return LightTable().light(LOOKS.of(faders), {**FREE, **(controls or {})})


def test_without_a_look_it_is_what_operators_set() -> None:
    assert light() == DAY
    assert light({"/vp/light/sun": 0.5, "/vp/light/lamps": 0.25}) == Light(sun=0.5, lamps=0.25)


def test_weather_takes_the_sun_and_night_the_day() -> None:
    for weather in ("snow", "fog", "rain"):
        assert light(**{weather: 1.0}) == Light(sun=0.0)
    assert light(night=1.0) == Light(sky=0.0, lamps=1.0, windows=0.45)
    fire = light(fire=1.0)
    assert (fire.sun, fire.sky) == (0.0, pytest.approx(0.45))
    both = light(night=1.0, snow=1.0)
    assert (both.sun, both.sky, both.lamps) == (0.0, 0.0, 1.0)


@pytest.mark.parametrize("fader", ["snow", "night", "fog", "dust", "rain", "fire"])
def test_it_goes_with_the_fader(fader: str) -> None:
    """Never back, and by no step."""
    way = [light(**{fader: step / 50}) for step in range(51)]
    for name, falls in (("sun", True), ("sky", True), ("lamps", False), ("windows", False)):
        values = [getattr(each, name) for each in way]
        assert values == sorted(values, reverse=falls)
        assert max(abs(b - a) for a, b in itertools.pairwise(values)) < 0.05


def test_only_as_far_as_the_look_is_shown() -> None:
    assert light({"/vp/neural/amount": 0.0}, night=1.0) == DAY
    assert light({"/vp/neural/amount": 0.5}, night=1.0) == light(night=0.5)


def test_what_the_light_did_is_not_asked_of_the_network_again() -> None:
    look = LOOKS.of({"night": 0.8, "snow": 0.5})
    asked = {"snow": 0.5, "fog": 0.0, "dust": 0.0, "rain": 0.0, "fire": 0.0}
    assert left_of(look, DAY) == {**asked, "night": 0.8}
    assert left_of(look, Light(sky=0.2)) == pytest.approx({**asked, "night": 0.0})
    assert left_of(look, Light(sky=0.7))["night"] == pytest.approx(0.5)


def program(desk: Desk, *messages: Any, at_s: float = 0.0) -> BusState:
    desk.apply(messages)
    return desk.settle(at_s, lambda _: True).buses["program"]


def make_desk(gate: Gate) -> Desk:
    controls = Controls(controls_of("weather"))
    return Desk(controls, Scenes([SceneEntry("day", "street", 1.0)]), gate, LOOKS)


def test_every_frame_has_its_light_and_the_safe_picture_its_own() -> None:
    """The plate alone is under what operators set, whatever the look does."""
    desk = make_desk(Gate(None))
    night = ControlChange("/vp/look/night", 1.0)
    assert program(desk, night, ControlChange("/vp/light/sun", 0.5)).light == Light(0.5, 0.0, 1.0, 0.45)
    assert program(desk, SafeTrigger(True), at_s=1.0).light == Light(0.5)


def test_a_look_that_nobody_approved_does_not_change_the_light() -> None:
    desk = make_desk(Gate(Approvals()))
    assert program(desk, ControlChange("/vp/look/night", 1.0)).light == DAY
    desk.controls.set("/vp/look/night", 1.0)
    assert program(desk, at_s=1.0).light == DAY


HEAD = 'version = 1\n[show]\nname = "Evening"\n[[scene]]\nslug = "day"\nplate.kind = "street"\n'


def show_of(folder: Path, sections: str) -> Any:
    path = folder / "show.toml"
    path.write_text(HEAD + sections, encoding="utf-8")
    return load_show(path, controls_of("weather"))


def test_a_show_has_its_own_rows(tmp_path: Path) -> None:
    show = show_of(tmp_path, "[light.night]\nsky = 0.3\nlamps = 0.5\n[light.fire]\nwindows = 0.2\n")
    assert show.lights == {"night": Light(sky=0.3, lamps=0.5), "fire": Light(windows=0.2)}
    assert show_of(tmp_path, "").lights == {}


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ("[light.nigth]\nsky = 0.3\n", "light.nigth: found 'nigth', no fader of a look; did you mean 'night'?"),
        ("[light.night]\nsky = 1.5\n", "light.night.sky: found 1.5, expected 1 or less"),
        ("[light]\nnight = 3\n", "light.night: found 3, expected a table"),
        ("[[light]]\nsky = 0.3\n", "light: found [{'sky': 0.3}], expected sections such as [light.night]"),
    ],
)
def test_what_is_wrong_with_a_row_is_said(tmp_path: Path, sections: str, said: str) -> None:
    with pytest.raises(ProblemsError) as caught:
        show_of(tmp_path, sections)
    (problem,) = caught.value.problems
    assert str(problem).removeprefix(f"{tmp_path}/show.toml: ") == said
