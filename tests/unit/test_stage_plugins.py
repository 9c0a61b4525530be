"""Sections of plug-ins: their own model's mistakes are told like the stage's own, with file and key."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, field_validator

from vpengine.errors import Problem
from vpengine.files import TABLES
from vpengine.plates.dome import Dome
from vpengine.plates.still import Still
from vpengine.plugins import load_plugin
from vpengine.stage.sections import PluginSection, resolve_kind, resolve_settings
from vpengine.stage.settings import ExistingFile, Settings


class Region(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    size: tuple[int, int]


class Source(BaseModel):
    """Settings as a plug-in of another package may write them."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    port: int = Field(default=9000, ge=0, le=65535)
    mode: Literal["wifi", "cable"] = "wifi"
    file: ExistingFile | None = None
    region: Region | None = None
    corner: tuple[int, int, int] | None = None
    name: str = "x"

    @field_validator("name")
    @classmethod
    def _short(cls, name: str) -> str:
        if len(name) > 3:
            raise ValueError("three letters are enough")
        return name


def section(folder: Path, **table: Any) -> PluginSection:
    return PluginSection(
        "tracking", "osc", table, folder / "s.toml", "tracking[1]", "tracking[1].kind", ("kind", "camera")
    )


def test_good_settings(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("")
    found = resolve_settings(section(tmp_path, port=7000, file="a.toml", region={"size": [3, 4]}), Source)
    assert found == Source(port=7000, file=tmp_path / "a.toml", region=Region(size=(3, 4)))


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ({"port": 70000}, "tracking[1].port: found 70000, expected 65535 or less"),
        ({"port": "x"}, "tracking[1].port: found 'x', expected a whole number"),
        ({"prot": 1}, "tracking[1].prot: unknown key; did you mean 'port'?"),
        ({"camrea": "1"}, "tracking[1].camrea: unknown key; did you mean 'camera'?"),
        ({"mode": "wire"}, "tracking[1].mode: found 'wire', expected 'wifi' or 'cable'"),
        ({"region": {}}, "tracking[1].region.size: missing. It must be given."),
        ({"region": {"size": [1]}}, "tracking[1].region.size: found [1], expected 2 values"),
        ({"region": {"siez": 1, "size": [1, 1]}}, "tracking[1].region.siez: unknown key; did you mean 'size'?"),
        ({"corner": [1]}, "tracking[1].corner: found [1], expected 3 values"),
        ({"region": 5}, "tracking[1].region: found 5, expected a table"),
        ({"name": "long"}, "tracking[1].name: found 'long': three letters are enough"),
        ({"file": "b.toml"}, "tracking[1].file: found 'b.toml', no such file"),
        ({"file": "../b.toml"}, "lies outside the folder"),
    ],
)
def test_mistakes(tmp_path: Path, table: dict[str, Any], expected: str) -> None:
    found = resolve_settings(section(tmp_path, **table), Source)
    assert isinstance(found, list)
    (problem,) = found
    assert problem.file == str(tmp_path / "s.toml")
    assert expected in str(problem)


def test_unknown_kinds(tmp_path: Path) -> None:
    file = str(tmp_path / "s.toml")
    assert resolve_kind(section(tmp_path), ["osc", "freed"]) == []
    assert resolve_kind(section(tmp_path), ["ocs", "freed"]) == [
        Problem(file, "tracking[1].kind", "found 'osc', no such tracking; did you mean 'ocs'?")
    ]


@pytest.mark.parametrize("plate", [Still, Dome])
def test_pictures_of_plates_are_found_beside_the_show_and_only_there(tmp_path: Path, plate: Any) -> None:
    (tmp_path / "street.png").write_bytes(b"")
    found = resolve_settings(section(tmp_path, file="street.png"), plate.Settings)
    assert not isinstance(found, list)
    assert found.file == tmp_path / "street.png"
    for outside in ("../street.png", "/etc/passwd"):
        refused = resolve_settings(section(tmp_path, file=outside), plate.Settings)
        assert isinstance(refused, list)
        assert "lies outside the folder" in refused[0].message


WITH_SETTINGS = ("tracking", "capture", "plate", "output")
ALL_KINDS = [(slot, kind) for slot in WITH_SETTINGS for kind in TABLES[slot]]


@pytest.mark.parametrize(("slot", "kind"), ALL_KINDS)
def test_every_plug_in_is_strict(slot: str, kind: str) -> None:
    """One base class for all: text is no number, true is no 1, and no key is passed over."""
    model = load_plugin(TABLES[slot][kind]).Settings
    assert issubclass(model, Settings)
    assert (model.model_config["strict"], model.model_config["extra"]) == (True, "forbid")
    for name, field in model.model_fields.items():
        nested = field.annotation
        if isinstance(nested, type) and issubclass(nested, BaseModel):
            assert issubclass(nested, Settings), f"{slot} {kind}: {name}"
