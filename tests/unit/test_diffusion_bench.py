"""The bench of the diffusion generator's speed, on tiny models: rows that other programs read, and what they are of."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from vpengine.cli.bench import table

speed = pytest.importorskip("vpengine.neural.diffusion_bench", reason="the extra `diffusion` is not installed")
# diffusers' scheduler has not caught up with numpy 2; the engine's own does not call it.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
SIZES = ((64, 32), (128, 72))
KEYS = (
    *("name", "runtime", "device", "size", "images_per_s", "latency_ms_p50", "plain_images_per_s", "ratio"),
    *("tflops", "ceiling_tflops", "percent_of_ceiling"),
)


@pytest.fixture(autouse=True)
def small_products(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "MATRIX_SIDE", {"cpu": 256, "cuda": 256})


@pytest.fixture
def model(tiny_models: Path) -> Path:
    return tiny_models / "tiny-sd"


def measured(model: Path, **settings: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = speed.measure_speed(str(model), SIZES, seconds=0.0, **settings)
    return found


def test_rows_by_size(model: Path) -> None:
    found = measured(model, precision="float32")
    assert json.loads(json.dumps(found)) == found
    assert [row["size"] for row in found] == ["64x32", "128x72"]
    for row in found:
        assert tuple(row) == KEYS
        assert row["name"] == "tiny-sd"
        assert "float32" in row["runtime"]
        assert min(row["images_per_s"], row["plain_images_per_s"], row["ceiling_tflops"]) > 0.0
        assert row["images_per_s"] == pytest.approx(1e3 / row["latency_ms_p50"], rel=0.05, abs=0.01)
        assert row["ratio"] == pytest.approx(row["images_per_s"] / row["plain_images_per_s"], rel=0.1, abs=0.01)
    assert table("diffusion", found).row_count == 2


@pytest.mark.slow
def test_sdxl_has_a_plain_pipeline_too(tiny_sdxl: Path, tmp_path: Path) -> None:
    own = Path(shutil.copytree(tiny_sdxl, tmp_path / "xl"))  # a model keeps its prompts in its folder
    assert all(row["plain_images_per_s"] > 0.0 for row in measured(own))


def test_a_depth_model_has_no_plain_pipeline(tiny: Any, tmp_path: Path) -> None:
    tiny.make_tiny_model(tmp_path / "depth", depth=True)
    found = measured(tmp_path / "depth")
    assert {(row["plain_images_per_s"], row["ratio"]) for row in found} == {(None, None)}


def test_the_networks_work_is_counted(model: Path) -> None:
    """The decoder once, the U-Net in every step, and the work grows with the pixels (words cost the same)."""
    modules = speed.hollow_modules(model, None, None)
    one, two, three = (speed.picture_flops(modules, (64, 32), steps) for steps in (1, 2, 3))
    assert one < two < 2 * one
    assert two - one == three - two
    assert speed.picture_flops(modules, (128, 64), 1) == pytest.approx(4 * one, rel=0.05)


def test_a_known_product_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "_seconds", lambda call, device: 0.5)
    device = speed.torch.device("cpu")
    assert speed.matrix_product_tflops(device, speed.torch.float32) == pytest.approx(2 * 256**3 / 0.5 * 1e-12)


def test_the_plain_pipeline_makes_as_many_steps(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And leaves the modules that it shares as they were."""
    asked: list[int] = []
    chosen = speed.DiffusionSettings(model=str(model), steps=3, precision="float32")
    generator = speed.ImageToImage(speed.TorchRuntime(), chosen)
    plain = speed._plain(speed.sources_of(chosen), generator.parts)
    generator.parts.unet.register_forward_hook(lambda *_: asked.append(1))
    picture = speed._plain_call(plain, generator.parts, speed.probe_plate((64, 32)), chosen.steps)()
    assert picture.shape == (1, 32, 64, 3)
    assert len(asked) == 3
    assert plain.unet is generator.parts.unet
    assert plain.vae is not generator.parts.vae
