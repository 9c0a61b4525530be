"""What the docs tell people to write is right."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from vpengine.files import conflicts, controls_of, settings_of
from vpengine.plates.layers_manifest import parse_manifest
from vpengine.stage.desk_files import read_cues
from vpengine.stage.stage_file import read_stage

DOCS = Path(__file__).parents[2] / "docs"
CASES = re.DOTALL | re.MULTILINE
TRACKING = re.compile(r"^\[\[tracking\]\]\n(?:.+\n)*", re.MULTILINE)
PHONES = (DOCS / "phones.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^ *```toml\n(.*?)^ *```", PHONES, CASES)


@pytest.mark.parametrize("block", BLOCKS)
def test_the_phones_sections_are_good(small_stage: Path, block: str) -> None:
    text = small_stage.read_text(encoding="utf-8")
    small_stage.write_text(TRACKING.sub("", text) + re.sub(r"^ {3}", "", block, flags=re.MULTILINE), encoding="utf-8")
    reading = read_stage(small_stage, controls_of)
    settings, problems = settings_of(reading.sections)
    assert (reading.problems, problems) == ((), [])
    assert reading.stage is not None
    assert len(reading.stage.tracking) == 1
    assert conflicts(reading.stage, settings) == []


def test_the_controllers_section_is_good(small_stage: Path) -> None:
    (block,) = re.findall(r"^```toml\n(.*?)^```", (DOCS / "controllers.md").read_text(encoding="utf-8"), CASES)
    text = small_stage.read_text(encoding="utf-8")
    small_stage.write_text(text.replace("[control]\n", block), encoding="utf-8")
    stage = read_stage(small_stage, controls_of).stage
    assert stage is not None
    assert stage.control.feedback == ("192.168.1.20:9000",)


def test_the_plate_json_of_the_docs_is_good() -> None:
    (example,) = re.findall(r"```json\n(.*?)```", (DOCS / "plates.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(parse_manifest(example.encode(), DOCS / "plates.md").layers) == 4


def test_there_are_phones() -> None:
    assert len(BLOCKS) == 2


def test_the_layers_of_the_design_are_those_that_are_checked() -> None:
    project = tomllib.loads((DOCS.parent / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    (checked,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    (drawn,) = re.findall(r"```\n(__main__ .*?)```", (DOCS / "design.md").read_text(encoding="utf-8"), re.DOTALL)
    assert [layer.strip().strip("()") for layer in drawn.split(">")] == checked


def test_a_cue_written_by_hand_is_good(tmp_path: Path) -> None:
    found = re.search(r"^```toml\n(version.*?)^```", (DOCS / "desk.md").read_text(encoding="utf-8"), CASES)
    assert found
    (tmp_path / "show.cues.toml").write_text(found[1], encoding="utf-8")
    cues, problems = read_cues(tmp_path / "show.cues.toml", controls_of("weather"), ["snow-night"])
    assert problems == []
    assert [(cue.number, cue.fades) for cue in cues.cues] == [("1", (("/vp/look/snow", 8.0),))]
