"""The golden images' own limits: what another driver may draw otherwise, and what no driver may."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

Picture = NDArray[np.uint8]
GOLDEN = Path(__file__).parent.parent / "golden"
NAMES = sorted(str(path.relative_to(GOLDEN).with_suffix("")) for path in GOLDEN.rglob("*.png"))
OTHER = "Some Card/PCIe/SSE2"


@pytest.fixture(autouse=True)
def _none_is_accepted(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--accept-golden"):
        pytest.skip("faults are not to become golden images")


def stored(name: str) -> Picture:
    with Image.open(GOLDEN / f"{name}.png") as picture:
        return np.array(picture.convert("RGB"))


def scaled(picture: Picture, gain: float) -> Picture:
    return np.clip(picture * gain, 0, 255).astype(np.uint8)


def with_a_part_lost(picture: Picture) -> Picture:
    """What a pass that was not drawn leaves: the middle, a twelfth of the picture, in one colour."""
    height, width = picture.shape[:2]
    picture[height // 3 : height * 3 // 5, width // 3 : width * 3 // 5] = (255, 0, 255)
    return picture


FAULTS: dict[str, Callable[[Picture], Picture]] = {
    "two pixels to the right": lambda picture: np.roll(picture, 2, axis=1),
    "mirrored": lambda picture: picture[:, ::-1],
    "upside down": lambda picture: picture[::-1],
    "half a stop brighter": lambda picture: scaled(picture, 1.17),
    "a colour lost": lambda picture: picture * np.uint8([1, 0, 1]),
    "a part lost": with_a_part_lost,
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_on_every_driver(golden: Callable[..., None], name: str, fault: str) -> None:
    with pytest.raises(pytest.fail.Exception, match="of pixels differ"):
        golden(name, FAULTS[fault](stored(name)), renderer=OTHER)


@pytest.mark.parametrize("name", NAMES)
def test_a_rounding_is_let_through_elsewhere_and_not_here(golden: Callable[..., None], name: str) -> None:
    rounded = stored(name).astype(int) + np.random.default_rng(1).integers(-3, 4, stored(name).shape)
    picture = np.clip(rounded, 0, 255).astype(np.uint8)
    golden(name, picture, renderer=OTHER)
    with pytest.raises(pytest.fail.Exception, match="of pixels differ"):
        golden(name, picture, renderer="llvmpipe (LLVM 15.0.6, 256 bits)")
