"""Trains the matte refiner's network on the synthetic camera's pictures, and exports it.

    python tools/train_matte.py            draw the pictures, train (resumes where it stopped), export to --out
    python tools/train_matte.py export     export the newest checkpoint

Needs the extra `torch` and OpenGL (software will do). One seed gives one network on one machine and thread count. What
it is worth, ``vpengine.cli.bench_key.measure_key`` says: on seeds and pictures that it has not learnt from.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from matte_network import FACTS, MatteNet, export_onnx
from matte_pool import Patches, load_patches
from torch import Tensor
from training_run import Options, Training

from vpengine.compose.key_settings import KeySettings
from vpengine.neural.onnx_runtime import OnnxRuntime

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "out" / "matte"
CROP = 96
EDGE_WEIGHT = 6.0  # of a pixel that is neither one nor the other
RESTRAINT = 0.1  # of what it changes: where it cannot tell, the key's alpha stays
LEAK = 0.02  # of the slope beyond the clips, so that what is clipped still learns
LICENCE = "Apache-2.0"


class MatteTraining(Training):
    """A checkpoint holds the state of its random batches too."""

    warm_steps, ema_decay, weight_decay = 200, 0.998, 1e-4

    def __init__(self, options: Options) -> None:
        super().__init__(options, MatteNet)
        self.generator = torch.Generator().manual_seed(options.seed)

    def resume(self, path: Path) -> dict[str, Any]:
        state = super().resume(path)
        self.generator.set_state(state["generator"])
        return state

    def advance(self, facts: Tensor, alpha: Tensor) -> float:
        """One optimiser step; the loss."""
        correction = self.network(facts)
        loss = matte_loss(clipped(facts[:, :1] + correction), alpha)
        return self.learn(loss + RESTRAINT * correction.abs().mean())


def clipped(alpha: Tensor) -> Tensor:
    """As the key's clips leave it where nobody has touched them."""
    settings = KeySettings()
    whole = (alpha - settings.clip_black) / (settings.clip_white - settings.clip_black)
    within = whole.clamp(0.0, 1.0)
    return within + LEAK * (whole - within).clamp(-1.0, 1.0)


def matte_loss(found: Tensor, truth: Tensor) -> Tensor:
    """L1, edges weighted, and L1 of the gradient. (B, 1, H, W) each."""
    error = found - truth
    edge = ((truth > 0.02) & (truth < 0.98)).to(error.dtype)
    gradient = (error[..., 1:] - error[..., :-1]).abs().mean() + (error[..., 1:, :] - error[..., :-1, :]).abs().mean()
    return ((1.0 + EDGE_WEIGHT * edge) * error.abs()).mean() + 0.5 * gradient


def random_batch(patches: Patches, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Crops, some upside down; the light across the screen's hue has no better side."""
    height, width = patches.alpha.shape[1:]
    facts, alphas = [], []
    for _ in range(count):
        one, top, left, turn, mirror = (
            int(torch.randint(most, (1,), generator=generator))
            for most in (len(patches.alpha), height - CROP + 1, width - CROP + 1, 2, 2)
        )
        part = np.s_[top : top + CROP, left : left + CROP]
        fact = torch.from_numpy(patches.facts[one][:, *part].astype(np.float32))
        alpha = torch.from_numpy(patches.alpha[one][part].astype(np.float32))[None]
        if turn:
            fact, alpha = fact.flip(1), alpha.flip(1)
        if mirror:
            fact[3] = -fact[3]
        facts.append(fact)
        alphas.append(alpha)
    return torch.stack(facts), torch.stack(alphas)


def train(options: Options, patches: Patches, checkpoint: Path) -> MatteTraining:
    """Until the steps or the minutes are spent; a checkpoint every 500 steps."""
    training = MatteTraining(options)
    if checkpoint.exists():
        training.resume(checkpoint)
    mean = 0.0
    while training.step < options.steps and training.seconds < 60.0 * options.minutes:
        began_s = time.perf_counter()
        loss = training.advance(*random_batch(patches, options.batch, training.generator))
        training.seconds += time.perf_counter() - began_s
        mean = loss if training.step == 1 else 0.99 * mean + 0.01 * loss
        if training.step % 500 == 0:
            training.save(checkpoint, generator=training.generator.get_state())
            print(f"step {training.step}, {training.seconds / 60.0:.1f} min, loss {mean:.5f}", flush=True)
    training.save(checkpoint, generator=training.generator.get_state())
    return training


def ship(network: MatteNet, path: Path, facts: dict[str, float | str]) -> None:
    """Complete or not at all, with where it is from; raises AssertionError where ONNX and torch disagree."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    network = network.eval().to(memory_format=torch.contiguous_format)
    export_onnx(network, str(part))
    model = onnx.load(str(part))
    onnx.helper.set_model_props(
        model,
        {
            "licence": LICENCE,
            "source": "trained by tools/train_matte.py of vpengine on pictures that it draws; no photograph",
            **{key: json.dumps(value) for key, value in facts.items()},
        },
    )
    onnx.save(model, str(part))
    difference = disagreement(network, part)
    assert difference < 1e-4, f"onnxruntime differs from torch by {difference}"
    part.replace(path)


def disagreement(network: MatteNet, path: Path) -> float:
    """The largest difference between torch and onnxruntime over a few sizes."""
    worst, runtime = 0.0, OnnxRuntime().load(path)
    generator = torch.Generator().manual_seed(7)
    for height, width in ((32, 48), (180, 320)):
        facts = torch.rand(1, FACTS, height, width, generator=generator)
        answer = runtime({"facts": facts.numpy()})["correction"]
        with torch.no_grad():
            worst = max(worst, float(np.abs(answer - network(facts).numpy()).max()))
    return worst


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", nargs="?", default="train", choices=("train", "export"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=10.0, help="a cap on the training itself")
    parser.add_argument("--steps", type=int, default=60000)
    parser.add_argument("--scenes", type=int, default=70)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--learning-rate", type=float, default=3e-3)
    parser.add_argument("--threads", type=int, default=1, help="more only where the cores are idle")
    parser.add_argument("--fresh", action="store_true", help="start over, whatever the checkpoint holds")
    parser.add_argument("--checkpoint", type=Path, default=WORK / "checkpoint.pt")
    parser.add_argument("--out", type=Path, default=WORK / "matte.onnx")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    torch.set_num_threads(given.threads)
    options = Options(given.seed, given.steps, given.batch, given.learning_rate, given.minutes)
    if given.action == "export":
        training = MatteTraining(options)
        training.resume(given.checkpoint)
    else:
        patches = load_patches(WORK, given.seed, given.scenes)
        print(f"{len(patches.alpha)} patches", flush=True)
        if given.fresh:
            given.checkpoint.unlink(missing_ok=True)
        given.checkpoint.parent.mkdir(parents=True, exist_ok=True)
        training = train(options, patches, given.checkpoint)
    made = {"seed": given.seed, "steps": training.step, "batch": given.batch, "scenes": given.scenes}
    ship(training.average, given.out, {**made, "training_minutes": round(training.seconds / 60.0, 1)})


if __name__ == "__main__":
    main()
