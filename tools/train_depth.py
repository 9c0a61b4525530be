"""Trains the `depth` network from nothing but a seed, and writes what ships; judge_depth.py says what it is worth.

    python tools/train_depth.py              draw the scenes, train (resumes where it stopped), export
    python tools/train_depth.py export       export the newest checkpoint

Needs the extra `torch` and OpenGL (software will do). The learning rate follows the steps or the minutes, whichever
are spent faster: one seed gives one network, on one machine and thread count, where the steps are.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from depth_augment import Batch, random_batch
from depth_network import DepthNet, export_onnx
from depth_pool import Pool, load_pool
from torch import Tensor
from torch.nn import functional
from training_run import Options, Training

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "out" / "depth"
ONNX_FILE = ROOT / "vpengine" / "neural" / "weights" / "depth.onnx"
LIMIT_BYTES = 4 * 1024 * 1024
TRAIN_SEED_BASE = 2_000_000
RESOLUTION = (384, 256)
SMALL_CROP, CROP = (192, 128), (256, 192)  # in the first half of the training, and after it
FURTHEST_M = 300.0  # beyond it, further away makes no difference to the eye
UNTIL_SCALE = 0.85  # how much of a wrong scale of the whole picture is forgiven (Eigen et al. 2014 have 0.5)


class DepthTraining(Training):
    warm_steps, ema_decay, weight_decay = 100, 0.997, 1e-3

    def __init__(self, options: Options) -> None:
        super().__init__(options, DepthNet)

    def advance(self, batch: Batch) -> float:
        """One optimiser step; the loss."""
        with torch.autocast("cpu", torch.bfloat16, enabled=self.progress < 0.85):
            log_inverse, sky = self.network.logs(batch.color.to(memory_format=torch.channels_last), batch.plane)
        return self.learn(depth_loss(log_inverse.float(), sky.float(), batch.inverse))


def depth_loss(log_inverse: Tensor, sky: Tensor, inverse: Tensor) -> Tensor:
    """Scale-invariant error of log depth, its gradients at four scales, and which pixels are sky."""
    seen = (inverse > 0.0).float()
    error = (log_inverse - torch.log(inverse.clamp(min=1.0 / FURTHEST_M))) * seen
    count = seen.sum(dim=(1, 2, 3)).clamp(min=1.0)
    mean, square = error.sum(dim=(1, 2, 3)) / count, error.square().sum(dim=(1, 2, 3)) / count
    invariant = torch.sqrt((square - UNTIL_SCALE * mean.square()).clamp(min=1e-6)).mean()
    gradient = torch.zeros(())
    for scale in (1, 2, 4, 8):
        e, s = error[..., ::scale, ::scale], seen[..., ::scale, ::scale]
        across = ((e[..., 1:] - e[..., :-1]).abs() * s[..., 1:] * s[..., :-1]).mean()
        gradient = gradient + across + ((e[..., 1:, :] - e[..., :-1, :]).abs() * s[..., 1:, :] * s[..., :-1, :]).mean()
    return invariant + 0.5 * gradient + 0.3 * functional.binary_cross_entropy_with_logits(sky, 1.0 - seen)


def train(options: Options, pool: Pool, checkpoint: Path) -> DepthTraining:
    """Train until the steps or the minutes are spent; a checkpoint every 500 steps."""
    training, means = DepthTraining(options), []
    if checkpoint.exists():
        training.resume(checkpoint)
    while training.step < options.steps and training.seconds < 60.0 * options.minutes:
        started = time.perf_counter()
        # Each step draws from its own seed, so that a run that was stopped goes on as if it had not been.
        rng = np.random.default_rng([options.seed, training.step])
        crop = SMALL_CROP if training.progress < 0.5 else CROP
        means.append(training.advance(random_batch(pool, options.batch, crop, rng)))
        training.seconds += time.perf_counter() - started
        if training.step % 100 == 0:
            print(
                f"step {training.step}, {training.seconds / 60.0:.1f} min, loss {np.mean(means[-100:]):.4f}", flush=True
            )
        if training.step % 500 == 0:
            training.save(checkpoint)
    training.save(checkpoint)
    return training


def ship(network: DepthNet, path: Path) -> None:
    """Write the network, complete or not at all; raises AssertionError when ONNX and torch disagree."""
    part = path.with_suffix(".part")
    network = network.eval().to(memory_format=torch.contiguous_format)
    export_onnx(network, str(part))
    session = onnxruntime.InferenceSession(str(part), providers=["CPUExecutionProvider"])
    color, plane = torch.rand(1, 3, 96, 128), torch.rand(1, 1, 96, 128) - 0.4
    with torch.no_grad():
        expected = network(color, plane)
    found = session.run(None, {"color": color.numpy(), "plane": plane.numpy()})
    difference = max(float(np.abs(f - e.numpy()).max()) for f, e in zip(found, expected, strict=True))
    assert difference < 1e-3, f"onnxruntime differs from torch by {difference}"
    assert part.stat().st_size <= LIMIT_BYTES, f"{part.stat().st_size} bytes"
    os.replace(part, path)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", nargs="?", default="train", choices=("train", "export"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=20.0, help="a cap on the training itself")
    parser.add_argument("--steps", type=int, default=20000)
    parser.add_argument("--scenes", type=int, default=800)
    parser.add_argument("--views", type=int, default=3, help="viewpoints a scene")
    parser.add_argument("--batch", type=int, default=6)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--threads", type=int, default=1, help="more only where the cores are idle")
    parser.add_argument("--fresh", action="store_true", help="start over, whatever the checkpoint holds")
    parser.add_argument("--checkpoint", type=Path, default=WORK / "checkpoint.pt")
    parser.add_argument("--to", type=Path, default=ONNX_FILE, help="the ONNX file")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    torch.set_num_threads(given.threads)
    options = Options(given.seed, given.steps, given.batch, given.learning_rate, given.minutes)
    if given.action == "export":
        training = DepthTraining(options)
        training.resume(given.checkpoint)
    else:
        pool = load_pool(WORK, TRAIN_SEED_BASE * given.seed, given.scenes, given.views, RESOLUTION)
        if given.fresh:
            given.checkpoint.unlink(missing_ok=True)
        training = train(options, pool, given.checkpoint)
    ship(training.average, given.to)
    print(f"wrote {given.to} after {training.step} steps, {training.seconds / 60.0:.1f} min")


if __name__ == "__main__":
    main()
