"""What the matte refiner's network learns from, how it begins, and what its file says of itself."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install vpengine[torch]")
pytest.importorskip("moderngl")
TOOLS = Path(__file__).parents[2] / "tools"
GREEN = np.array([0.045, 0.33, 0.06], np.float32)


@pytest.fixture(scope="module")
def tools() -> Any:
    sys.path.insert(0, str(TOOLS))
    yield importlib.import_module
    sys.path.remove(str(TOOLS))


def patches(tools: Any) -> Any:
    rng = np.random.default_rng(3)
    facts = rng.normal(0.5, 0.5, (6, 8, 100, 110)).astype(np.float16)
    return tools("matte_pool").Patches(facts, np.clip(facts[:, 0], 0.0, 1.0))


def test_fur_is_lit_by_no_more_than_covers_it(tools: Any) -> None:
    furry, rng = tools("matte_fur").furry, np.random.default_rng(1)
    alpha, light = furry((160, 90), rng, lambda color: True)
    again, _ = furry((160, 90), np.random.default_rng(1), lambda color: True)
    np.testing.assert_array_equal(alpha, again)
    assert ((alpha > 0.02) & (alpha < 0.98)).mean() > 0.005
    assert 0.0 <= alpha.min() < 0.001
    assert 0.999 < alpha.max() <= 1.0001
    assert (light <= 0.9 * alpha[..., None] + 1e-4).all()


def test_another_screen_is_behind_the_same_alpha(tools: Any) -> None:
    pool, scene = tools("matte_pool"), importlib.import_module("vpengine.capture.synthetic_scene")
    truth = scene.Scene((160, 90), 5, 0.3, 0.0, 0.5).truth(0.0, 0.01)
    blue = np.array([0.04, 0.09, 0.45], np.float32)
    gains = np.full(3, 0.5, np.float32), np.ones(3, np.float32)
    light, empty = pool.recolored(truth, blue, gains, np.random.default_rng(0))
    np.testing.assert_allclose(light[truth.alpha == 0.0], empty[truth.alpha == 0.0], atol=1e-6)
    np.testing.assert_allclose(empty[..., 2], truth.screen[..., 1] / GREEN[1] * 0.45, rtol=1e-5)
    own = light - (1.0 - truth.alpha[..., None]) * empty
    share = own.sum() / truth.foreground.sum()
    assert 0.4 < share < 0.6  # the gains', and a pattern about 1


def test_no_key_is_asked_to_tell_green_from_green(tools: Any) -> None:
    differs = tools("matte_pool").differs
    assert not differs(np.array([0.1, 0.5, 0.12], np.float32), GREEN)
    assert differs(np.array([0.42, 0.24, 0.16], np.float32), GREEN)
    assert differs(np.array([0.4, 0.4, 0.4], np.float32), GREEN)


def test_the_loss_is_least_at_the_truth_and_edges_weigh_more(tools: Any) -> None:
    loss = tools("train_matte").matte_loss
    truth = torch.zeros(1, 1, 16, 16)
    truth[..., 8:] = 1.0
    truth[..., 8] = 0.5
    assert float(loss(truth, truth)) == 0.0
    wrong_edge, wrong_core = truth.clone(), truth.clone()
    wrong_edge[..., 8] += 0.1
    wrong_core[..., 15] -= 0.1
    assert float(loss(wrong_edge, truth)) > 2.0 * float(loss(wrong_core, truth)) > 0.0


def test_a_batch_is_of_its_seed_and_alpha_goes_with_its_facts(tools: Any) -> None:
    batch = tools("train_matte").random_batch
    one, same, other = (batch(patches(tools), 4, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(one[0], same[0])
    assert not torch.equal(one[0], other[0])
    torch.testing.assert_close(one[0][:, :1].clamp(0.0, 1.0), one[1])


@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")
def test_it_begins_as_the_key_learns_and_its_file_says_where_it_is_from(tools: Any, tmp_path: Path) -> None:
    train, options = tools("train_matte"), tools("training_run").Options
    training = train.MatteTraining(options(1, 8, 2, 1e-2, 1.0))
    facts, alpha = train.random_batch(patches(tools), 2, training.generator)
    assert not training.network(facts).any()
    first = training.advance(facts, alpha)
    for _ in range(15):
        last = training.advance(facts, alpha)
    assert last < first
    file = tmp_path / "matte.onnx"
    train.ship(training.average, file, {"seed": 1})
    said = {entry.key: entry.value for entry in onnx.load(str(file)).metadata_props}
    assert said["licence"] == "Apache-2.0"
    assert said["seed"] == "1"


def test_a_checkpoint_brings_back_network_and_batches(tools: Any, tmp_path: Path) -> None:
    train, options = tools("train_matte"), tools("training_run").Options(1, 2, 2, 1e-3, 10.0)
    first = train.train(options, patches(tools), tmp_path / "c.pt")
    second = train.MatteTraining(options)
    assert not torch.equal(first.network.fine.weight, second.network.fine.weight)
    second.resume(tmp_path / "c.pt")
    assert second.step == 2
    assert torch.equal(first.network.fine.weight, second.network.fine.weight)
    one, other = (train.random_batch(patches(tools), 2, each.generator)[0] for each in (first, second))
    assert torch.equal(one, other)
