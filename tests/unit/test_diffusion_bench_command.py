"""`vpengine bench` measures a diffusion model, on tiny ones; what it measures is in test_diffusion_bench.py."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from vpengine.cli import bench_live
from vpengine.cli.bench import bench
from vpengine.cli.main import app
from vpengine.errors import UserError

# diffusers' scheduler has not caught up with numpy 2; the engine's own does not call it.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture
def model(tiny_models: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Its speed is measured at small sizes, and as fast as can be."""
    speed = importlib.import_module("vpengine.neural.diffusion_bench")
    monkeypatch.setattr(speed, "MATRIX_SIDE", {"cpu": 256, "cuda": 256})
    monkeypatch.setattr(speed, "SIZES", ((64, 32), (128, 72)))
    monkeypatch.setattr(speed, "SECONDS", 0.0)
    return tiny_models / "tiny-sd"


def figures(model: Path, folder: Path, *arguments: str) -> dict[str, Any]:
    file = folder / "found.json"
    done = CliRunner().invoke(app, ["bench", "--model", str(model), "--json", str(file), "--force", *arguments])
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


@pytest.mark.slow
@pytest.mark.alone
def test_it_is_a_measure_of_the_command(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--gpu` measures every size, also on a processor, and the walls meanwhile."""
    monkeypatch.setattr(bench_live, "SECONDS", 8.0)
    found = figures(model, tmp_path, "--gpu")
    assert found.keys() == {"diffusion", "wall"}
    assert len(found["diffusion"]) >= 2
    alone, generating = found["wall"]
    assert (alone["generator"], alone["images_per_s"]) == ("none", 0.0)
    assert generating["generator"] == "diffusion"
    assert generating["images_per_s"] > 0.0
    assert "torch" in generating["runtime"]
    assert all(row["interval_p99_ms"] >= row["interval_p50_ms"] > 0.0 for row in (alone, generating))


@pytest.mark.slow
def test_without_a_card_the_first_size_is_measured(model: Path, tmp_path: Path) -> None:
    found = figures(model, tmp_path, "--only", "diffusion")
    assert found.keys() == {"diffusion"}
    assert {row["size"] for row in found["diffusion"]} == {"64x32"}


def test_what_cannot_be_measured_is_told_at_once() -> None:
    with pytest.raises(UserError, match="--gpu: measures a diffusion model, and none is named: add --model"):
        bench(gpu=True)
    with pytest.raises(UserError, match="--only asks for growth"):
        bench(gpu=True, model="any", only="growth")
    with pytest.raises(UserError, match="--only temporal needs --model NAME"):
        bench(only="temporal")
    with pytest.raises(UserError, match="no model 'none-there'"):
        bench(gpu=True, model="none-there")
