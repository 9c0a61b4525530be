"""The wheel: carries shaders and stages, and runs from any folder in a fresh environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.cases import slow_but

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
@pytest.mark.parametrize("dependencies", slow_but("lent", ["lent", "installed"]))
def test_wheel_runs_from_any_folder(wheel: Path, tmp_path: Path, dependencies: str) -> None:
    """A fresh environment that has the dependencies, and vpengine from the wheel alone.

    lent: they lie where this test's own do, of which a path file reads no other, so that this checkout is not found;
    installed: those that the wheel names, all anew.
    """
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    python = venv / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    install += ["--constraint", str(ROOT / "constraints.txt")]
    if dependencies == "lent":
        install.append("--no-deps")
        (site,) = [path for path in venv.rglob("site-packages") if path.parent.name.startswith(("python", "Lib"))]
        (site / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    subprocess.run([*install, str(wheel)], check=True)
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
