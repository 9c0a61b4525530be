"""Fixtures for every test: one headless context, and golden images that `pytest --accept-golden` renews."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vpengine.gpu.context import create_headless, is_software

ROOT = Path(__file__).parent.parent
GOLDEN = ROOT / "tests" / "golden"
DIFFS = ROOT / "out" / "golden-diffs"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--accept-golden", action="store_true", help="write what tests draw as the new golden images")


@pytest.fixture(scope="session")
def gpu() -> Iterator[Any]:
    """The moderngl context; one for the whole session."""
    context = create_headless()
    yield context
    context.release()


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
