"""The wheel: carries shaders and stages, and runs from any folder in a fresh environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run(command, check=True)
    return next(folder.glob("vpengine-*.whl"))


def test_wheel_carries_what_it_needs(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert "vpengine/shaders/reproject.frag" in names
    assert "vpengine/shaders/include/color.glsl" in names
    assert "vpengine/stage_configs/led_volume.toml" in names
    assert "vpengine/stage_configs/shows/street.toml" in names
    assert "vpengine/neural/weights/weather.onnx" in names
    assert "vpengine/neural/weights/depth.onnx" in names
    assert "vpengine/stage_configs/shows/dusk.mp4" in names
    assert wheel.stat().st_size < 13_000_000  # networks 11.5, the sample show's clip 0.5: nothing else came along


@pytest.mark.timeout(600)
def test_wheel_runs_from_any_folder(wheel: Path, tmp_path: Path) -> None:
    """A fresh environment that has the dependencies, and vpengine from the wheel alone."""
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    python = venv / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    subprocess.run(
        [str(python), "-m", "pip", "install", "--quiet", "--constraint", str(ROOT / "constraints.txt"), str(wheel)],
        check=True,
    )
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    where = subprocess.run(
        [str(python), "-c", "import vpengine.stage.shipped as s; print(s.stage_folder())"],
        cwd=tmp_path, env=environment, check=True, capture_output=True, text=True,
    )  # fmt: skip
    stages = Path(where.stdout.strip())
    assert str(venv) in str(stages)
    report = tmp_path / "report.json"
    command = [str(python), "-m", "vpengine", "run", str(stages / "led_volume.toml"), "--headless", "--seconds", "2"]
    subprocess.run([*command, "--report", str(report)], cwd=tmp_path, env=environment, check=True)
    assert json.loads(report.read_text(encoding="utf-8"))["frames"] >= 2
