"""JSON Schemas and the page of keys: they follow from the models, and they know good files from bad ones."""

from __future__ import annotations

import importlib.util
import json
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema
import pytest

from tests.files import load_show
from vpengine.errors import ProblemsError
from vpengine.files import controls_of
from vpengine.stage.stage_file import load_stage

ROOT = Path(__file__).parents[2]
CURE = ".venv/bin/python tools/make_schema.py"


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_schema", ROOT / "tools" / "make_schema.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def validator(name: str) -> jsonschema.Draft202012Validator:
    schema = json.loads((ROOT / "docs" / "schema" / f"{name}.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def table(path: str) -> dict[str, Any]:
    return tomllib.loads((ROOT / "stage_configs" / path).read_text())


def test_derived_files_are_up_to_date(tool: ModuleType) -> None:
    for path, content in tool.derived().items():
        assert path.is_file(), f"{path} is missing; run: {CURE}"
        assert path.read_text(encoding="utf-8") == content, f"{path} is out of date; run: {CURE}"


@pytest.mark.parametrize("path", [file.name for file in (ROOT / "stage_configs").glob("*.toml")])
def test_shipped_stages_fit_the_schema(path: str) -> None:
    validator("stage").validate(table(path))


@pytest.mark.parametrize("path", [file.name for file in (ROOT / "stage_configs" / "shows").glob("*.toml")])
def test_shipped_shows_fit_the_schema(path: str) -> None:
    kind = {".looks": "looks", ".cues": "cues"}.get(Path(Path(path).stem).suffix, "show")
    validator(kind).validate(table(f"shows/{path}"))


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("wall", "columns", 0),
        ("wall", "colums", 3),
        ("wall", "kind", "ark"),
        ("wall", "tile_mm", [500.0]),
        ("camera", "id", "a b"),
        ("tracking", "port", 70000),
        ("tracking", "kind", "ocs"),
        ("output", "region", [1]),
    ],
)
def test_the_schema_refuses_what_the_models_refuse(section: str, key: str, value: Any) -> None:
    stage = table("led_volume.toml")
    stage[section][0][key] = value
    with pytest.raises(jsonschema.ValidationError):
        validator("stage").validate(stage)


@pytest.mark.parametrize(("key", "value"), [("slug", "A"), ("plate", {"kind": "streat"}), ("sluge", "a")])
def test_the_show_schema_refuses_mistakes(key: str, value: Any) -> None:
    show = table("shows/street.toml")
    show["scene"][0][key] = value
    with pytest.raises(jsonschema.ValidationError):
        validator("show").validate(show)


def test_the_page_has_every_key(tool: ModuleType) -> None:
    page = (ROOT / "docs" / "stage-files.md").read_text()
    for model in (tool.StageSettings, tool.CameraSettings, tool.NeuralSettings, tool.SceneSettings, tool.WALLS["arc"]):
        for name, field in model.model_fields.items():
            assert f"`{field.alias or name}" in page, name
    for control in controls_of("none"):
        assert f"`{control.address}`" in page


def test_the_pages_examples_are_true(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "stage-files.md").read_text()
    stage_lines, scene_lines, midi_lines = (block.split("```")[0] for block in page.split("```toml\n")[1:])
    led = (ROOT / "stage_configs" / "led_volume.toml").read_text().replace('show = "shows/street.toml"', "")
    (tmp_path / "stage.toml").write_text(led + stage_lines)
    assert load_stage(tmp_path / "stage.toml", controls_of).controls == (
        ("/vp/exposure/inner", -0.5),
        ("/vp/inner/soft_edge", 24.0),
    )
    show = 'version = 1\nshow.name = "x"\n[[scene]]\nslug = "a"\nplate.kind = "street"\n'
    (tmp_path / "show.toml").write_text(show + scene_lines + midi_lines)
    show = load_show(tmp_path / "show.toml", controls_of("weather"))
    assert show.scenes[0].controls == (("/vp/look/snow", 0.85), ("/vp/look/night", 0.7))
    assert [mapping.target.address for mapping in show.midi] == ["/vp/look/snow", "/vp/cue/go", "/vp/safe"]
    (tmp_path / "stage.toml").write_text(led.replace("tilt_deg", "tlt_deg"))
    with pytest.raises(ProblemsError) as caught:
        load_stage(tmp_path / "stage.toml", controls_of)
    said = str(caught.value).replace(f"{tmp_path}/stage.toml", "stage_configs/led_volume.toml")
    assert f"```\n{said}\n```" in page
