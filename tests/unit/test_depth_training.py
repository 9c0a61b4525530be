"""What the depth network learns from and how it is judged: the parts that need no OpenGL."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install vpengine[torch]")
pytest.importorskip("moderngl")
TOOLS = Path(__file__).parents[2] / "tools"


@pytest.fixture(scope="module")
def tools() -> Any:
    sys.path.insert(0, str(TOOLS))
    yield importlib.import_module
    sys.path.remove(str(TOOLS))


def test_the_loss_forgives_a_scale_and_not_a_shape(tools: Any) -> None:
    loss = tools("train_depth").depth_loss
    inverse = torch.linspace(0.02, 0.5, 64 * 48).reshape(1, 1, 48, 64)
    inverse[..., :8, :] = 0.0
    sky = torch.where(inverse > 0.0, -20.0, 20.0)
    truth = torch.log(inverse.clamp(min=1e-3))
    right, scaled, flat = (float(loss(x, sky, inverse)) for x in (truth, truth + 0.5, torch.full_like(truth, -2.0)))
    assert right < 0.01
    assert right < scaled < 0.5 * flat
    assert float(loss(truth, -sky, inverse)) > 1.0  # sky taken for ground, and ground for sky


def test_the_judge_s_error_is_eigen_s(tools: Any) -> None:
    judge = tools("judge_depth")
    truth = np.array([[1.0, 2.0, np.nan, 4.0]])
    assert judge.invariant(3.0 * truth, truth) == pytest.approx(0.0, abs=1e-12)
    d = np.log([2.0, 1.0, 1.0])
    assert judge.invariant(np.array([[2.0, 2.0, 9.0, 4.0]]), truth) == pytest.approx(np.mean(d**2) - np.mean(d) ** 2)


def test_a_batch_is_of_its_seed_and_its_guess_falls_downwards(tools: Any) -> None:
    pool, augment = tools("depth_pool"), tools("depth_augment")
    rng = np.random.default_rng(0)
    inverse = np.linspace(0.0, 0.5, 96, dtype=np.float16)[None, :, None].repeat(8, 0).repeat(144, 2)
    color = rng.integers(0, 255, (8, 3, 96, 144)).astype(np.uint8)
    rays = np.tile(np.float32([0.0, 0.0, 0.4]), (8, 1))
    made = pool.Pool(color, inverse, rays, np.arange(8) % 4)
    one, same, other = (augment.random_batch(made, 6, (64, 64), np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert torch.equal(one.color, same.color)
    assert torch.equal(one.inverse, same.inverse)
    assert not torch.equal(one.color, other.color)
    assert one.color.shape == (6, 3, 64, 64)
    assert float(one.color.min()) >= 0.0
    assert float(one.color.max()) <= 1.0
    assert bool((one.plane[..., 1:, :] > one.plane[..., :-1, :]).all())
    assert float(one.inverse.min()) >= 0.0


def test_the_network_answers_any_size_and_is_small(tools: Any) -> None:
    network = tools("depth_network").DepthNet().eval()
    assert sum(weights.numel() for weights in network.parameters()) < 1_000_000
    with torch.no_grad():
        inverse, sky = network(torch.rand(2, 3, 64, 96), torch.rand(2, 1, 64, 96) - 0.5)
    assert inverse.shape == sky.shape == (2, 1, 64, 96)
    assert bool((inverse > 0.0).all())
