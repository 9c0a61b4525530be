"""CUDA graphs on a card: eager torch's picture, shape by shape, and other weights and references are heard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vpengine.neural.auto import probe_plate, psnr_db
from vpengine.neural.declared import looks_of
from vpengine.neural.diffusion import Diffusion, DiffusionSettings

SIZES = ((96, 56), (64, 32), (96, 56))


@pytest.fixture
def loading(device: Any) -> Any:
    del device
    return pytest.importorskip("vpengine.neural.diffusion_loading", reason="the extra `diffusion` is not installed")


def generator_of(loading: Any, settings: DiffusionSettings) -> Diffusion:
    return Diffusion(loading.TorchRuntime(), settings)


def pictures(generator: Diffusion, **values: Any) -> list[np.ndarray]:
    look = looks_of("diffusion").of({"prompt": "A harbour", **values})
    return [generator.generate(probe_plate(size), look).bias for size in SIZES]


def test_the_picture_is_eager_torch_s(
    loading: Any, tiny: Any, tiny_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny.make_tiny_controlnet(tmp_path / "edges")
    settings = DiffusionSettings(model=str(tiny_models / "tiny-sd"), control_model=str(tmp_path / "edges"), steps=3)
    by_graphs = generator_of(loading, settings)
    networks = by_graphs._pipeline._networks
    found = [pictures(by_graphs), pictures(by_graphs, guidance=4.0)]
    for network in (networks.unet, networks.control, networks.encode, networks.decode):
        assert not network._refused
        assert len(network._captured) >= 2
    monkeypatch.setattr(loading, "graphed", lambda networks, *_: networks)
    eager = generator_of(loading, settings)
    for ours, theirs in zip(found, [pictures(eager), pictures(eager, guidance=4.0)], strict=True):
        for picture, truth in zip(ours, theirs, strict=True):
            assert psnr_db(picture, truth) > 45.0


def test_a_reference_s_weight_is_heard(loading: Any, tiny: Any, tiny_models: Path, tmp_path: Path) -> None:
    """It is a number in a graph: another one is another graph."""
    tiny.make_tiny_ip_adapter(tmp_path / "adapter")
    Image.new("RGB", (60, 40), (220, 10, 10)).save(tmp_path / "red.png")
    generator = generator_of(
        loading,
        DiffusionSettings(
            model=str(tiny_models / "tiny-sd"), reference_model=str(tmp_path / "adapter"), references=tmp_path
        ),
    )
    for _ in range(20):
        much, little = (pictures(generator, reference="red.png", reference_weight=weight)[0] for weight in (1.0, 0.1))
        assert float(np.abs(much - little).mean()) > 1e-3
    for _ in range(20):
        rested = pictures(generator, reference="red.png", reference_weight=1.0)[0]
    assert psnr_db(rested, much) > 45.0
