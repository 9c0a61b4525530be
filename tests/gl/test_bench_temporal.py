"""The temporal bench: it tells noise that stays on the stage from noise that does not."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from vpengine.cli.bench import table
from vpengine.cli.bench_pictures import Image
from vpengine.cli.bench_temporal import Generate, Noise, measure_temporal
from vpengine.neural.generator import Plate
from vpengine.view.view import View

SIZE = (128, 72)


def start(noise: Noise) -> Generate:
    """Pictures of nothing but their noise. What is carried over is mixed with new."""
    chance = np.random.default_rng(0)
    kept = chance.uniform(0.0, 1.0, (SIZE[1], SIZE[0]))

    def generate(plate: Plate, view: View) -> Image:
        nonlocal kept
        assert view.resolution == SIZE
        new = chance.uniform(0.0, 1.0, kept.shape)
        if noise == "carried":
            kept = 0.7 * kept + 0.3 * new
        shown = {"new": new, "screen": kept, "carried": kept, "world": plate.noise}[noise]
        return np.repeat(shown[..., None], 3, axis=-1).astype(np.float32)

    return generate


def test_steadiness_by_where_noise_comes_from(gpu: Any) -> None:
    found = measure_temporal(start, pictures=5, size=SIZE)
    assert json.loads(json.dumps(found)) == found
    assert [row["noise"] for row in found] == ["plate", "new", "screen", "carried", "world"]
    assert all(row["track"] == "handheld" and row["pictures"] == 5 for row in found)
    relative = {row["noise"]: row["to_first"] / row["contrast"] for row in found}
    assert relative["world"] < 0.4
    assert all(relative[noise] > 2.0 * relative["world"] for noise in ("new", "screen", "carried"))
    successive = {row["noise"]: row["successive"] for row in found}
    assert successive["new"] > 1.5 * successive["screen"]  # which slides over the stage, and does not boil
    assert table("temporal", found).row_count == 5
