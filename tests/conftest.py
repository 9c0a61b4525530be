"""Fixtures for every test: one headless context, a small stage, and golden images that `--accept-golden` renews."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vpengine.gpu.context import create_headless, is_software
from vpengine.stage.state_folder import OVERRIDE

ROOT = Path(__file__).parent.parent
GOLDEN = ROOT / "tests" / "golden"
DIFFS = ROOT / "out" / "golden-diffs"

SMALL_STAGE = """\
version = 1
[stage]
name = "Test"
rate = 24
show = "show.toml"
[[camera]]
id = "1"
sensor_mm = [24.89, 14.0]
pinhole_focal_length_mm = 24.0
[camera.inner]
resolution = [160, 90]
[[wall]]
id = "main"
kind = "flat"
tile_mm = [500.0, 500.0]
tile_px = [16, 16]
columns = 12
rows = 6
position_m = [0.0, 3.0, 0.0]
[[tracking]]
kind = "osc"
camera = "1"
port = 9000
[[output]]
kind = "headless"
wall = "main"
[neural]
generator = "none"
runtime = "onnxruntime"
resolution = [96, 56]
[control]
osc_port = 9001
"""
SMALL_SHOW = """\
version = 1
[show]
name = "Test"
[[scene]]
slug = "first"
dissolve_s = 0.2
plate.kind = "pattern"
controls.look.fog = 0.3
[[scene]]
slug = "second"
dissolve_s = 0.3
controls.look.fog = 0.6
[scene.plate]
kind = "pattern"
style = "checker"
"""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--accept-golden", action="store_true", help="write what tests draw as the new golden images")


@pytest.fixture(scope="session")
def gpu() -> Iterator[Any]:
    """The moderngl context; one for the whole session."""
    context = create_headless()
    yield context
    context.release()


@pytest.fixture(autouse=True, scope="session")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What the engine remembers from run to run is kept away from the user's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(OVERRIDE, str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture
def small_stage(tmp_path: Path) -> Path:
    """tmp_path/stage.toml, with a show.toml beside it: one camera, one wall, two scenes; for a test to change."""
    (tmp_path / "show.toml").write_text(SMALL_SHOW, encoding="utf-8")
    path = tmp_path / "stage.toml"
    path.write_text(SMALL_STAGE, encoding="utf-8")
    return path


@pytest.fixture
def golden(request: pytest.FixtureRequest, gpu: Any) -> Callable[..., None]:
    """``golden("plates/street", image)``: compare (h, w, 3) uint8 with tests/golden/plates/street.png.

    Passes when 99.9 percent of the pixels are within ``tolerance`` of 255; on failure a red difference picture,
    sixteen times amplified, is left in out/golden-diffs/.
    """

    def compare(name: str, image: Any, tolerance: int = 2) -> None:
        if not is_software(gpu):
            pytest.skip("golden images are for the software driver")
        path = GOLDEN / f"{name}.png"
        if request.config.getoption("--accept-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path, optimize=True)
            return
        assert path.exists(), (
            f"no {path.relative_to(ROOT)}: look at the picture, then pytest --accept-golden {request.node.nodeid}"
        )
        with Image.open(path) as stored:
            expected = np.asarray(stored.convert("RGB"))
        assert expected.shape == image.shape, f"{name}: {image.shape}, golden {expected.shape}"
        off = np.abs(expected.astype(int) - image.astype(int)).max(axis=-1)
        wrong = float((off > tolerance).mean())
        if wrong > 0.001:
            left = _write_difference(name, off)
            pytest.fail(
                f"{name}: {wrong:.2%} of pixels differ by more than {tolerance}, worst {off.max()}; see {left}; "
                f"if it is right: pytest --accept-golden {request.node.nodeid}"
            )

    return compare


def _write_difference(name: str, off: Any) -> Path:
    picture = np.zeros((*off.shape, 3), np.uint8)
    picture[..., 0] = np.clip(off * 16, 0, 255)
    path = DIFFS / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path)
    return path
