"""Plates' settings are as strict as every other section's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from vpengine import plates
from vpengine.plugins import load_plugin
from vpengine.stage.sections import parse_settings
from vpengine.stage.settings import Settings


@pytest.mark.parametrize("kind", plates.KINDS)
def test_every_plate_s_settings_are_the_engine_s_own(kind: str) -> None:
    assert issubclass(load_plugin(plates.KINDS[kind]).Settings, Settings)


@pytest.mark.parametrize(
    ("kind", "table"),
    [
        ("street", {"seed": True}),
        ("street", {"seed": 1.0}),
        ("street", {"length_m": "100"}),
        ("pattern", {"period_deg": "6"}),
        ("pattern", {"radius_m": True}),
        ("pattern", {"radius_m": float("nan")}),
        ("still", {"file": "a.png", "width_m": "30"}),
        ("still", {"file": "a.png", "color_space": 5}),
        ("dome", {"file": "a.png", "yaw_deg": False}),
        ("dome", {"file": 7}),
        ("none", {"color": "black"}),
    ],
)
def test_what_only_looks_like_a_value_is_refused(tmp_path: Path, kind: str, table: dict[str, Any]) -> None:
    (tmp_path / "a.png").touch()
    model = load_plugin(plates.KINDS[kind]).Settings
    found = parse_settings(table, model, tmp_path / "show.toml", "plate")
    assert isinstance(found, list)
    assert len(found) == 1
