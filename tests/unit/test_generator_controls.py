"""A generator declares its own controls: a stage has those of its own, and files, commands and looks follow."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from vpengine import neural
from vpengine.cli.main import app
from vpengine.control.controls import parse
from vpengine.control.declared import ENGINE_CONTROLS
from vpengine.control.looks import PREFIX
from vpengine.errors import ProblemsError
from vpengine.files import base_look, controls_of, read_files
from vpengine.neural.declared import generator_class, looks_of
from vpengine.neural.generator import part_way
from vpengine.neural.none import NoRuntime
from vpengine.neural.weather import FADERS, Weather
from vpengine.stage.shipped import stage_folder

PAINTER = """
from vpengine.control.controls import Control
from vpengine.control.looks import look_address
from vpengine.neural.generator import Generator

class Painter(Generator):
    controls = (
        Control(look_address("strength"), "float", 0.5, "How much is painted.", 0.0, 4.0),
        Control(look_address("style"), "text", "oil", "In what manner."),
    )
    model_sha256 = runtime = ""

    def __init__(self, runtime):
        pass
"""
SHOW = """\
version = 1
show.name = "x"
[[scene]]
slug = "a"
plate.kind = "none"
"""


@pytest.fixture
def painter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "painter_of_tests.py").write_text(PAINTER, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(neural.GENERATORS, "painter", "painter_of_tests:Painter")  # type: ignore[arg-type]
    yield
    sys.modules.pop("painter_of_tests", None)


def staged(small_stage: Path, generator: str, scene: str, stage: str = "") -> Path:
    text = small_stage.read_text(encoding="utf-8")
    small_stage.write_text(re.sub('generator = ".*"', f'generator = "{generator}"', text) + stage, encoding="utf-8")
    small_stage.with_name("show.toml").write_text(f"{SHOW}{scene}\n", encoding="utf-8")
    return small_stage


def problems(stage: Path) -> list[str]:
    with pytest.raises(ProblemsError) as caught:
        read_files(stage, None)
    return [str(problem).replace(f"{stage.parent}/", "") for problem in caught.value.problems]


def addresses(generator: str) -> list[str]:
    return [control.address for control in controls_of(generator)]


def test_a_stage_has_the_engine_s_controls_and_its_generator_s() -> None:
    engine = [control.address for control in ENGINE_CONTROLS]
    assert not any(address.startswith(PREFIX) for address in engine)
    assert addresses("weather") == [*engine, *(f"/vp/look/{fader}" for fader in FADERS)]


@pytest.mark.usefixtures("painter")
def test_without_a_generator_those_of_all_are_there() -> None:
    others = [name for name in neural.GENERATORS if name != "none"]
    assert set(addresses("none")) == {address for name in others for address in addresses(name)}
    assert len(set(addresses("none"))) == len(addresses("none"))
    assert addresses("a mistake") == addresses("none")
    assert "/vp/look/snow" not in addresses("painter")


@pytest.mark.parametrize("name", neural.GENERATORS)
def test_every_generator_s_controls_are_sound(name: str) -> None:
    """Below /vp/look/, so that a Look has them by name; and what two of them share they mean alike."""
    known = {control.address: control for control in controls_of("none")}
    for control in generator_class(name).controls:
        assert re.fullmatch(r"/vp/look/[a-z_]+", control.address)
        assert parse(control, control.default) == control.default
        assert re.fullmatch(r"[A-Z].*\.", control.sentence)
        assert known[control.address] == control


@pytest.mark.usefixtures("painter")
def test_a_fader_that_the_generator_does_not_have_is_a_mistake(small_stage: Path) -> None:
    staged(small_stage, "painter", "controls.look = { strenght = 1.0, snow = 0.5, strength = 3.0 }")
    misspelt, unknown = problems(small_stage)
    assert misspelt == "show.toml: scene[1].controls.look.strenght: no such control; did you mean 'look.strength'?"
    assert unknown.startswith("show.toml: scene[1].controls.look.snow: no such control")
    staged(small_stage, "weather", "controls.look.strength = 3.0", "[controls]\nlook.style = 'ink'\n")
    assert [line.partition(": no such control")[0] for line in problems(small_stage)] == [
        "stage.toml: controls.look.style",
        "show.toml: scene[1].controls.look.strength",
    ]


@pytest.mark.usefixtures("painter")
def test_its_own_are_checked_and_set(small_stage: Path) -> None:
    staged(small_stage, "painter", "controls.look.strength = 5.0", "[controls]\nlook.style = 3\n")
    assert problems(small_stage) == [
        "stage.toml: controls.look.style: found 3, expected text",
        "show.toml: scene[1].controls.look.strength: found 5.0, expected a number from 0 to 4",
    ]
    text = small_stage.read_text(encoding="utf-8").replace("look.style = 3", "look.style = 'ink'")
    small_stage.write_text(text, encoding="utf-8")
    staged(small_stage, "painter", "controls.look.strength = 3.0")
    files = read_files(small_stage, None)
    assert files.controls == controls_of("painter")
    assert dict(base_look(files)) == {"/vp/look/strength": 0.5, "/vp/look/style": "ink"}


@pytest.mark.usefixtures("painter")
def test_a_show_runs_without_the_generator_that_it_was_made_for(small_stage: Path) -> None:
    staged(small_stage, "none", "controls.look = { strength = 1.0, snow = 0.5 }")
    assert dict(read_files(small_stage, None).show.scenes[0].controls) == {
        "/vp/look/strength": 1.0,
        "/vp/look/snow": 0.5,
    }


@pytest.mark.parametrize("stage", sorted(stage_folder().glob("*.toml")), ids=lambda path: path.stem)
@pytest.mark.parametrize("generator", ["none", "drill"])
def test_the_shipped_shows_run_with_the_stand_ins(tmp_path: Path, stage: Path, generator: str) -> None:
    text = stage.read_text(encoding="utf-8").replace('generator = "weather"', f'generator = "{generator}"')
    (tmp_path / stage.name).write_text(text, encoding="utf-8")
    shutil.copytree(stage.parent / "shows", tmp_path / "shows")
    assert (
        read_files(tmp_path / stage.name, stage_folder() / "shows" / "street.toml").stage.neural.generator == generator
    )


def test_a_generator_that_does_not_exist_is_one_mistake(small_stage: Path) -> None:
    staged(small_stage, "wether", "controls.look.snow = 0.5", "[controls]\nlook.fog = 0.5\n")
    (only,) = problems(small_stage)
    assert only == "stage.toml: neural.generator: found 'wether', no such generator; did you mean 'weather'?"


@pytest.mark.usefixtures("painter")
def test_check_and_controls_know_a_stage_s_generator(small_stage: Path) -> None:
    staged(small_stage, "painter", "controls.look.snow = 0.5")
    checked = CliRunner().invoke(app, ["check", str(small_stage)])
    assert checked.exit_code == 1
    assert "scene[1].controls.look.snow: no such control" in checked.output
    staged(small_stage, "painter", "controls.look.style = 'ink'")
    listed = CliRunner().invoke(app, ["controls", str(small_stage), "--json", "-"])
    shown = {item["address"] for item in json.loads(listed.output)}
    assert {"/vp/look/strength", "/vp/look/style"} <= shown
    assert "/vp/look/snow" not in shown
    listed = CliRunner().invoke(app, ["controls", "--json", "-"])
    assert {"/vp/look/strength", "/vp/look/snow"} <= {item["address"] for item in json.loads(listed.output)}


def test_who_leaves_the_plate_as_it_is() -> None:
    """Weather with all its faders down; nobody always; the drill never, for it always paints."""
    assert looks_of("weather").of({}).plain
    assert not looks_of("weather").of({"fire": 0.001}).plain
    assert looks_of("none").of({}).plain
    assert not looks_of("drill").of({}).plain
    assert looks_of("drill").of({"night": 0.5}).values == looks_of("weather").of({"night": 0.5}).values


@pytest.mark.usefixtures("painter")
def test_a_generator_is_tried_with_all_that_it_has() -> None:
    """The worker's warm-up, and the choice of a runtime, need a look of a generator that they know nothing of."""
    look = part_way(generator_class("painter")(NoRuntime()), 0.25)  # type: ignore[call-arg]
    assert look.values == (("strength", 1.0), ("style", "oil"))
    assert not look.plain
    assert not part_way(Weather.__new__(Weather), 0.05).plain
