"""Trains the `weather` network from nothing but a seed, judges it, and writes everything that ships.

    python tools/train_weather.py            draw the scenes, train (resumes where it stopped), export, judge, report
    python tools/train_weather.py judge      judge the shipped network again and rewrite report, sheets and model card
    python tools/train_weather.py export     export the newest checkpoint

Needs the extra `torch` and OpenGL (software will do). One seed gives one network on one machine and thread count.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import Tensor
from torch.nn import functional
from training_run import Options, Training
from weather_files import ONNX_FILE, load_network, ship
from weather_network import WeatherNet
from weather_pool import Batch, Pool, Shader, load_pool, random_batch, to_linear
from weather_report import judge_and_report

from vpengine.view.color import REC709_FROM_ACESCG

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "out" / "weather"
TRAIN_SEED_BASE = 1_000_000
RESOLUTION, CROP = (320, 176), (256, 144)


@dataclass(frozen=True)
class WeatherOptions(Options):
    scenes: int
    views: int
    device: str
    compiled: bool


class WeatherTraining(Training):
    """A checkpoint holds the state of its random batches too."""

    warm_steps, ema_decay, weight_decay = 300, 0.998, 1e-4
    options: WeatherOptions

    def __init__(self, options: WeatherOptions) -> None:
        super().__init__(options, WeatherNet, options.device)
        self.generator = torch.Generator().manual_seed(options.seed)
        self._loss = torch.compile(picture_loss, dynamic=False) if options.compiled else picture_loss

    def resume(self, path: Path) -> dict[str, Any]:
        state = super().resume(path)
        self.generator.set_state(state["generator"])
        return state

    def advance(self, batch: Batch) -> float:
        """One optimiser step; the loss."""
        # The last part runs in full precision: bfloat16's steps are as large as what is then left to learn.
        with torch.autocast(self.options.device, torch.bfloat16, enabled=self.progress < 0.8):
            gain, bias = self.network(batch.color, batch.inverse_depth, batch.noise, batch.look)
        return self.learn(self._loss(gain.float() * batch.color + bias.float(), batch.target))


def picture_loss(answer: Tensor, target: Tensor) -> Tensor:
    """L1 and gradient L1 in ACEScct, and the squared error of what a display would show."""
    error = answer - target
    gradient = (error[..., 1:] - error[..., :-1]).abs().mean() + (error[..., 1:, :] - error[..., :-1, :]).abs().mean()
    shown = functional.mse_loss(displayed(answer), displayed(target))
    return error.abs().mean() + 0.5 * gradient + 10.0 * shown


def displayed(cct: Tensor) -> Tensor:
    """ACEScct to sRGB-encoded 0..1, with a small slope beyond 1 so that clipped highlights still learn."""
    r, g, b = to_linear(cct.clamp(0.0, 1.2)).split(1, dim=1)
    linear = torch.cat([x * r + y * g + z * b for x, y, z in REC709_FROM_ACESCG.tolist()], 1)
    linear = linear.clamp(1e-4, 1.0) + 0.02 * (linear.clamp(max=8.0) - linear.clamp(1e-4, 1.0))
    return 1.055 * linear.clamp(min=1e-5) ** (1.0 / 2.4) - 0.055


def to_device(batch: Batch, device: str) -> Batch:
    return batch if device == "cpu" else Batch(*(plane.to(device) for plane in vars(batch).values()))


def with_wrong_depth(batch: Batch, generator: torch.Generator) -> Batch:
    """What depth is in practice, for the network must not fall for it: of six pictures one has the depth of a cheap
    sensor, one that of a network that guesses (its scale is wrong, its edges are soft, all of it is warped), and every
    eleventh has none: a dome's, or a card's.
    """
    inverse, kind = batch.inverse_depth, torch.rand(len(batch.inverse_depth), 1, 1, 1, generator=generator)
    noise = 1.0 + 0.012 * torch.randn(inverse.shape, generator=generator)
    wrong = torch.where(kind < 1.0 / 6.0, inverse * noise.clamp(0.9, 1.1), inverse)
    wrong = torch.where((kind >= 1.0 / 6.0) & (kind < 2.0 / 6.0), _guessed(inverse, generator), wrong)
    far_m = 10.0 ** (1.0 + 2.0 * torch.rand(kind.shape, generator=generator))
    card = torch.where(torch.rand(kind.shape, generator=generator) < 0.6, torch.zeros_like(far_m), 1.0 / far_m)
    wrong = torch.where((kind >= 2.0 / 6.0) & (kind < 2.0 / 6.0 + 1.0 / 11.0), card.expand_as(wrong), wrong)
    return Batch(batch.color, wrong, batch.noise, batch.look, batch.target)


def _guessed(inverse: Tensor, generator: torch.Generator) -> Tensor:
    """Smoothed by what a guess smooths, with an error of up to an octave, most of it the same over large parts."""
    count, _, height, width = inverse.shape
    soft = functional.avg_pool2d(inverse, 7, 1, 3, count_include_pad=False)
    soft = torch.lerp(inverse, soft, torch.rand(count, 1, 1, 1, generator=generator))
    warp = torch.randn(count, 1, 4, 6, generator=generator)
    warp = functional.interpolate(warp, size=(height, width), mode="bicubic", align_corners=True)
    error = 0.4 * warp + 0.5 * torch.randn(count, 1, 1, 1, generator=generator)
    shift = 0.004 * torch.rand(count, 1, 1, 1, generator=generator)  # few guesses know what is infinitely far
    return (soft + shift) * torch.exp2(error.clamp(-1.0, 1.0))


def train(options: WeatherOptions, pool: Pool, checkpoint: Path, onward: bool = False) -> WeatherTraining:
    """Train until the steps or the minutes are spent; a checkpoint every 1000 steps.

    onward: from the shipped network.
    """
    training = WeatherTraining(options)
    if checkpoint.exists():
        training.resume(checkpoint)
    elif onward:
        training.begin_with(load_network())
    shader = Shader(options.compiled)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns) as bar, ThreadPoolExecutor(1) as ahead:
        task = bar.add_task("training", total=options.steps, completed=training.step)
        mean = 0.0
        # The next batch is shaded while this one is learnt; a checkpoint keeps the random state from before it.
        coming = ahead.submit(_next_batch, pool, shader, options, training.generator)
        while training.step < options.steps and training.seconds < 60.0 * options.minutes:
            started = time.perf_counter()
            batch, _ = coming.result()
            coming = ahead.submit(_next_batch, pool, shader, options, training.generator)
            loss = training.advance(to_device(batch, options.device))
            training.seconds += time.perf_counter() - started
            mean = loss if training.step == 1 else 0.99 * mean + 0.01 * loss
            bar.update(task, completed=training.step, description=f"training, loss {mean:.4f}")
            if training.step % 1000 == 0:
                training.save(checkpoint, generator=coming.result()[1])
                print(f"step {training.step}, {training.seconds / 60.0:.1f} min, loss {mean:.4f}", flush=True)
        training.save(checkpoint, generator=coming.result()[1])
    return training


def _next_batch(
    pool: Pool, shader: Shader, options: WeatherOptions, generator: torch.Generator
) -> tuple[Batch, Tensor]:
    """A batch, and the random state it was drawn from."""
    state = generator.get_state()
    return with_wrong_depth(random_batch(pool, shader, options.batch, CROP, generator), generator), state


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", nargs="?", default="train", choices=("train", "judge", "export"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=60.0, help="a cap on the training itself")
    parser.add_argument("--steps", type=int, default=60000)
    parser.add_argument("--scenes", type=int, default=1000)
    parser.add_argument("--views", type=int, default=3, help="viewpoints a scene")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--threads", type=int, default=1, help="more only where the cores are idle")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--eager", action="store_true", help="shade without torch.compile (no C++ compiler)")
    parser.add_argument("--fresh", action="store_true", help="start over, whatever the checkpoint holds")
    parser.add_argument("--onward", action="store_true", help="begin with the shipped network, and not with a seed's")
    parser.add_argument("--checkpoint", type=Path, default=WORK / "checkpoint.pt")
    parser.add_argument("--note", default="", help="a sentence for the model card about this run")
    parser.add_argument("--draw-only", action="store_true", help="draw the scenes and stop")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    torch.set_num_threads(given.threads)
    if given.action == "judge":
        judge_and_report(WORK)
        return
    options = WeatherOptions(
        seed=given.seed,
        steps=given.steps,
        batch=given.batch,
        learning_rate=given.learning_rate,
        minutes=given.minutes,
        scenes=given.scenes,
        views=given.views,
        device=given.device,
        compiled=not given.eager,
    )
    if given.action == "export":
        training = WeatherTraining(options)
        training.resume(given.checkpoint)
    else:
        started = time.perf_counter()
        pool = load_pool(WORK, TRAIN_SEED_BASE * given.seed, given.scenes, given.views, RESOLUTION)
        print(
            f"{len(pool.views)} pictures drawn or found in {(time.perf_counter() - started) / 60.0:.1f} min", flush=True
        )
        if given.draw_only:
            return
        if given.fresh:
            given.checkpoint.unlink(missing_ok=True)
        training = train(options, pool, given.checkpoint, given.onward)
    facts = {"seed": given.seed, "steps": training.step, "batch": given.batch, "note": given.note}
    ship(training.average.cpu(), {**facts, "training_minutes": training.seconds / 60.0})
    print(f"wrote {ONNX_FILE}")
    if given.action == "train":
        judge_and_report(WORK)


if __name__ == "__main__":
    main()
