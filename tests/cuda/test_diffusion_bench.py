"""The bench of the diffusion generator's speed on a card: timed by its clock, and below what the card can do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # diffusers' scheduler, numpy 2
def test_a_tiny_model_on_the_card(device: Any, tiny_models: Path) -> None:
    del device
    speed = pytest.importorskip("vpengine.neural.diffusion_bench", reason="the extra `diffusion` is not installed")
    found = speed.measure_speed(str(tiny_models / "tiny-sd"), ((64, 32), (128, 72)), seconds=0.2)
    assert [row["size"] for row in found] == ["64x32", "128x72"]
    for row in found:
        assert row["device"] == speed.torch.cuda.get_device_name()
        assert row["plain_images_per_s"] > 0.0
        assert row["ceiling_tflops"] > 1.0
        assert 0.0 < row["tflops"] < row["ceiling_tflops"]
