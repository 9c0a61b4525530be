"""Show files: scenes, the locations they share, the controls they set, and what is said of mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.files import load_show
from vpengine.control.controls import Control
from vpengine.errors import ProblemsError
from vpengine.files import controls_of
from vpengine.stage.show_file import RESERVED_SLUGS

CONTROLS = controls_of("weather")
SHOW = """\
version = 1

[show]
name = "Evening"

[[scene]]
slug = "day"
name = "Street, day"
dissolve_s = 2.5
[scene.plate]
kind = "street"
seed = 7
[scene.controls]
look.snow = 0.0
neural.amount = 1

[[scene]]
slug = "snow"
plate = { seed = 7, kind = "street" }
controls.look = { snow = 0.85, night = 0.7 }
controls.neural.hold = true

[[scene]]
slug = "other-street"
plate = { kind = "street", seed = 8 }

[[scene]]
slug = "chart"
dissolve_s = 0.0
plate.kind = "pattern"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "show.toml"
    path.write_text(text)
    return path


def problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(ProblemsError) as caught:
        load_show(write(folder, text), CONTROLS)
    return [str(problem).replace(f"{folder}/", "") for problem in caught.value.problems]


def test_a_good_show(tmp_path: Path) -> None:
    show = load_show(write(tmp_path, SHOW), CONTROLS)
    assert show.name == "Evening"
    day, snow, _, chart = show.scenes
    assert (day.slug, day.name, day.dissolve_s) == ("day", "Street, day", 2.5)
    assert day.controls == (("/vp/look/snow", 0.0), ("/vp/neural/amount", 1.0))
    assert (snow.name, snow.dissolve_s) == ("snow", 1.0)
    assert snow.controls == (("/vp/look/snow", 0.85), ("/vp/look/night", 0.7), ("/vp/neural/hold", True))
    assert (chart.dissolve_s, chart.controls) == (0.0, ())
    plate = day.plate
    assert (plate.slot, plate.kind, plate.table, plate.key) == ("plate", "street", {"seed": 7}, "scene[1].plate")


def test_the_base_look_and_a_scene_that_keeps(tmp_path: Path) -> None:
    text = SHOW.replace('name = "Evening"', 'name = "Evening"\ncontrols.look.fog = 0.25')
    show = load_show(write(tmp_path, text.replace('slug = "chart"', 'slug = "chart"\nkeep = true')), CONTROLS)
    assert show.controls == (("/vp/look/fog", 0.25),)
    assert [scene.keep for scene in show.scenes] == [False, False, False, True]
    wrong = SHOW.replace('name = "Evening"', 'name = "Evening"\ncontrols.look.fgo = 0.25')
    assert problems(tmp_path, wrong) == ["show.toml: show.controls.look.fgo: no such control; did you mean 'look.fog'?"]


def test_a_file_that_begins_with_an_invisible_mark_is_read(tmp_path: Path) -> None:
    """A byte order mark, as Windows' Notepad writes it."""
    path = tmp_path / "show.toml"
    path.write_text(SHOW, encoding="utf-8-sig")
    assert load_show(path, CONTROLS).name == "Evening"


def test_scenes_with_the_same_plate_share_a_location(tmp_path: Path) -> None:
    show = load_show(write(tmp_path, SHOW), CONTROLS)
    assert [scene.location for scene in show.scenes] == ["street", "street", "street-2", "pattern"]
    assert {location: plate.table for location, plate in show.plates.items()} == {
        "street": {"seed": 7},
        "street-2": {"seed": 8},
        "pattern": {},
    }


def test_controls_that_plugins_declare_can_be_set(tmp_path: Path) -> None:
    declared = [Control("/vp/plate/street/wind", "float", 0.0, "Wind.", 0.0, 20.0, "m/s")]
    text = 'version = 1\nshow.name = "x"\n[[scene]]\nslug = "a"\nplate.kind = "street"\ncontrols.plate.street.wind = 12'
    assert load_show(write(tmp_path, text), declared).scenes[0].controls == (("/vp/plate/street/wind", 12.0),)


MISTAKES = [
    ('slug = "day"', "", "scene[1].slug: missing. Short name, as in the OSC address /vp/scene/<slug>."),
    (
        'slug = "day"',
        'slug = "A day"',
        "scene[1].slug: found 'A day', allowed up to 32 lower-case letters, digits and -, "
        "beginning with a letter or digit",
    ),
    ('slug = "snow"', 'slug = "day"', "scene[2].slug: found 'day', which scene[1] has already; each needs its own"),
    ("dissolve_s = 2.5", "disolve_s = 2.5", "scene[1].disolve_s: unknown key; did you mean 'dissolve_s'?"),
    (
        "plate.kind",
        "plat.kind",
        "scene[4].plat: unknown key; did you mean 'plate'?\nscene[4].plate: missing, a scene needs [scene.plate]",
    ),
    ("dissolve_s = 2.5", "dissolve_s = -1", "scene[1].dissolve_s: found -1, expected 0 or more"),
    ("dissolve_s = 2.5", "dissolve_s = nan", "scene[1].dissolve_s: found nan, expected a finite number"),
    ('kind = "street"\n', "\n", "scene[1].plate.kind: missing"),
    ('plate.kind = "pattern"', 'plate = "pattern"', "scene[4].plate: found 'pattern', expected a table"),
    ("look.snow = 0.0", "look.snwo = 0.0", "scene[1].controls.look.snwo: no such control; did you mean 'look.snow'?"),
    ("look.snow = 0.0", "look.snow = 1.5", "scene[1].controls.look.snow: found 1.5, expected a number from 0 to 1"),
    ("look.snow = 0.0", 'look.snow = "x"', "scene[1].controls.look.snow: found 'x', expected a number from 0 to 1"),
    ("look.snow = 0.0", "look.snow = [1]", "scene[1].controls.look.snow: found [1], expected a number from 0 to 1"),
    (
        "[show]\nname",
        "[shwo]\nname",
        "shwo: unknown section or key; did you mean 'show'?\nshow: missing, a [show] section is needed",
    ),
    ("version = 1", 'version = "1"', "version: found '1', this vpengine reads version = 1"),
]


@pytest.mark.parametrize(("right", "wrong", "expected"), MISTAKES)
def test_a_mistake_is_named_and_nothing_else(tmp_path: Path, right: str, wrong: str, expected: str) -> None:
    text = SHOW.replace(right, wrong, 1)
    assert text != SHOW
    assert problems(tmp_path, text) == [f"show.toml: {line}" for line in expected.split("\n")]


@pytest.mark.parametrize("slug", RESERVED_SLUGS)
def test_commands_are_not_scene_names(tmp_path: Path, slug: str) -> None:
    (line,) = problems(tmp_path, SHOW.replace('"day"', f'"{slug}"'))
    assert line == (
        f"show.toml: scene[1].slug: found '{slug}', which is a command over OSC (next, previous, go, back, safe); "
        "name it otherwise"
    )


def test_a_show_without_scenes(tmp_path: Path) -> None:
    assert problems(tmp_path, 'version = 1\nshow.name = "Nothing"\n') == [
        "show.toml: scene: missing, at least one [[scene]] section is needed"
    ]
