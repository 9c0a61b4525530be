"""Judges the network: 200 unseen scenes against the truth, a hand-written shader beside it, and real pictures."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track
from weather_baseline import HandShader, tune
from weather_files import session
from weather_pool import Batch, Pool, Shader, load_pool, random_batch, random_light, random_looks, whole
from weather_scenes import FAMILY_NAMES

from vpengine.neural.weather import FADERS
from vpengine.view.color import REC709_FROM_ACESCG, linear_from_acescct

Image = NDArray[np.float32]
TEST_SEED_BASE, TUNING_SEED_BASE = 500_000_000, 400_000_000
TEST_SCENES, RESOLUTION = 200, (480, 270)
BY_DAY, BY_NIGHT = (0.6, 0.85, 2.0), (-1.0, -1.0, -1.0)  # of lights: clear, overcast and evening; lamp-lit


@dataclass
class Score:
    """Squared errors of displayed pictures, pooled."""

    squares: float = 0.0
    count: int = 0
    each_db: list[float] = field(default_factory=list)

    def add(self, answer: Image, truth: Image) -> None:
        squares = float(((answer - truth).astype(np.float64) ** 2).sum())
        self.squares, self.count = self.squares + squares, self.count + truth.size
        self.each_db.append(-10.0 * float(np.log10(max(squares / max(truth.size, 1), 1e-10))))

    @property
    def db(self) -> float:
        return -10.0 * float(np.log10(max(self.squares / max(self.count, 1), 1e-10)))


def displayed(cct: NDArray[Any]) -> Image:
    """(3, H, W) ACEScct to (H, W, 3) sRGB-encoded, clipped to 0..1: the pictures that PSNR is measured on."""
    linear = linear_from_acescct(np.moveaxis(cct, 0, -1)) @ REC709_FROM_ACESCG.T.astype(np.float32)
    linear = np.clip(linear, 0.0, 1.0)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055)


class Runner:
    """The shipped network as the engine runs it: any size, edge-padded to multiples of 8, one thread."""

    def __init__(self) -> None:
        self._session = session()
        self.seconds: list[float] = []

    def answer(self, color: Any, inverse_depth: Any, noise: Any, look: Any) -> tuple[NDArray[Any], NDArray[Any]]:
        """Planes (n, H, W) and look (6,); gain and bias (3, H, W)."""
        height, width = color.shape[-2:]
        pad = ((0, 0), (0, 0), (0, -height % 8), (0, -width % 8))
        planes = {"color": color, "inverse_depth": inverse_depth, "noise": noise}
        feed = {name: np.pad(np.asarray(plane, np.float32)[None], pad, mode="edge") for name, plane in planes.items()}
        feed["look"] = np.asarray(look, np.float32)[None]
        started = time.perf_counter()
        gain, bias = self._session.run(None, feed)
        self.seconds.append(time.perf_counter() - started)
        return gain[0, :, :height, :width], bias[0, :, :height, :width]

    def picture(self, color: Any, inverse_depth: Any, noise: Any, look: Any) -> NDArray[Any]:
        gain, bias = self.answer(color, inverse_depth, noise, look)
        return gain * np.asarray(color) + bias


def judged_looks(seed: int) -> torch.Tensor:
    """(7, 6): one random look as the issue has it (one to three faders, uniform), then each fader alone at 1."""
    generator = torch.Generator().manual_seed(seed)
    return torch.cat([random_looks(1, generator, top=0.0), torch.eye(len(FADERS))])


def judged_batch(pool: Pool, shader: Shader, index: int, kinds: tuple[float, float, float] = BY_DAY) -> Batch:
    """One unseen picture under its judged looks, all in one light. kinds: as ``random_light`` has them."""
    looks = judged_looks(TEST_SEED_BASE + index)
    gbuffers = np.repeat(pool.gbuffers[index : index + 1].astype(np.float32), len(looks), 0)
    views = np.repeat(pool.views[index : index + 1], len(looks), 0)
    generator = torch.Generator().manual_seed(TEST_SEED_BASE + index)
    light = random_light(torch.from_numpy(views[:1]), generator, kinds)
    return shader.batch(gbuffers, views, whole(len(looks)), looks, light)


def tuned_shader(folder: Path, compiled: bool) -> HandShader:
    """The hand-written shader with constants fitted on scenes that are neither trained nor judged on."""
    pool = load_pool(folder, TUNING_SEED_BASE, 60, 2, (320, 176))
    generator = torch.Generator().manual_seed(1)
    shader = Shader(compiled)
    return tune([random_batch(pool, shader, 4, (256, 144), generator) for _ in range(30)])


def judge_scenes(folder: Path, compiled: bool = True) -> dict[str, Any]:
    """Figures on the unseen scenes; see docs/weather/report.md for what they mean."""
    hand = tuned_shader(folder, compiled)
    pool = load_pool(folder, TEST_SEED_BASE, TEST_SCENES, 1, RESOLUTION)
    shader, runner = Shader(compiled), Runner()
    names = ("random", *FADERS)
    scores = {name: {who: Score() for who in ("identity", "shader", "network")} for name in names}
    families = {kind: Score() for kind in FAMILY_NAMES}
    edges, nights = (Score(), Score()), Score()
    for index in track(range(len(pool.views)), description="judging"):
        batch = judged_batch(pool, shader, index)
        with torch.no_grad():
            by_hand = hand(batch.color, batch.inverse_depth, batch.noise, batch.look).numpy()
        for number, name in enumerate(names):
            color, truth = batch.color[number].numpy(), displayed(batch.target[number].numpy())
            planes = batch.inverse_depth[number].numpy(), batch.noise[number].numpy(), batch.look[number].numpy()
            answer = displayed(runner.picture(color, *planes))
            scores[name]["identity"].add(displayed(color), truth)
            scores[name]["shader"].add(displayed(by_hand[number]), truth)
            scores[name]["network"].add(answer, truth)
            if name == "random":
                by_night = judged_batch(pool, shader, index, BY_NIGHT)
                nights.add(*_answer_and_truth(runner, by_night, 0))
                families[FAMILY_NAMES[pool.kinds[index]]].add(answer, truth)
                near = near_depth_edge(planes[0][0])
                edges[0].add(answer[near], truth[near])
                edges[1].add(answer[~near], truth[~near])
    return {
        "scores": {name: {who: score.db for who, score in by.items()} for name, by in scores.items()},
        "nights_db": nights.db,
        "worst_tenth_db": float(np.percentile(scores["random"]["network"].each_db, 10)),
        "families": {kind: score.db for kind, score in families.items()},
        "near_depth_edges_db": edges[0].db,
        "elsewhere_db": edges[1].db,
        "constants": {name: float(value.detach()) for name, value in hand.constants.items()},
    }


def _answer_and_truth(runner: Runner, batch: Batch, number: int) -> tuple[Image, Image]:
    planes = (batch.color, batch.inverse_depth, batch.noise, batch.look)
    answer = displayed(runner.picture(*(plane[number].numpy() for plane in planes)))
    return answer, displayed(batch.target[number].numpy())


def near_depth_edge(inverse_depth: NDArray[Any], reach: int = 4) -> NDArray[np.bool_]:
    """Pixels within ``reach`` of a jump in depth of a tenth or more: where a halo would be."""
    log = np.log(inverse_depth + 1e-3)
    jump = np.zeros(log.shape, bool)
    jump[:, 1:] |= np.abs(np.diff(log, axis=1)) > 0.1
    jump[1:] |= np.abs(np.diff(log, axis=0)) > 0.1
    out = jump.copy()
    for step in range(1, reach + 1):
        for axis in (0, 1):
            out |= np.roll(jump, step, axis) | np.roll(jump, -step, axis)
    return out


def speed_ms(width: int = 640, height: int = 360, runs: int = 30) -> float:
    """Median milliseconds of the shipped network on one thread."""
    runner, rng = Runner(), np.random.default_rng(0)
    for _ in range(runs):
        planes = [rng.random((n, height, width), np.float32) for n in (3, 1, 1)]
        runner.answer(*planes, rng.random(6))
    return float(np.median(runner.seconds[2:])) * 1e3
