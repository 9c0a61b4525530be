"""Bench: how steady a matte is on a real clip, whose alpha nobody knows: what it changes from picture to picture."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from vpengine.cli.bench_key import Array, Input, Ours
from vpengine.gpu.context import create_headless
from vpengine.gpu.gpu import Gpu
from vpengine.neural.matte import load_matte

PICTURES = 48
REGIONS = {"screen": (-1.0, 0.02), "edge": (0.02, 0.98), "core": (0.98, 2.0)}  # of the first keyer's mean alpha


def clip_input(file: Path, corner: tuple[int, int], first: int = 0) -> Input:
    """Some pictures of a clip, one after the other. corner: where only screen is seen, (x, y)."""
    with av.open(str(file)) as container:
        frames = (frame for number, frame in enumerate(container.decode(video=0)) if number >= first)
        pictures = tuple(_encoded(next(frames)) for _ in range(PICTURES))
    return Input(file.stem, pictures, (), (), lambda: iter(pictures), corner)


def measure_clip(file: Path, matte: Path, corner: tuple[int, int] = (40, 60)) -> list[dict[str, Any]]:
    """One record for the key as it is and one with the network ``matte``: the mean change of alpha in each region."""
    given, context = clip_input(file, corner), create_headless()
    gpu = Gpu(context)
    keyers = {"ours": Ours(gpu), "ours, corrected": Ours(gpu, load_matte(matte))}
    found = {name: keyer.key(given, learn=False).alphas for name, keyer in keyers.items()}
    mean = np.mean(found["ours"], axis=0)
    for keyer in keyers.values():
        keyer.release()
    context.release()
    return [{"keyer": name, **steadiness(alphas, mean)} for name, alphas in found.items()]


def steadiness(alphas: tuple[Array, ...], mean: NDArray[Any]) -> dict[str, float]:
    """The mean absolute change from each alpha to the next, where ``mean`` is of each region; 0 is still."""
    change = np.mean([np.abs(new - old) for old, new in pairwise(alphas)], axis=0)
    each = {name: change[(mean > low) & (mean <= high)] for name, (low, high) in REGIONS.items()}
    return {name: round(float(part.mean()), 5) if part.size else 0.0 for name, part in each.items()}


def _encoded(frame: av.VideoFrame) -> Array:
    return frame.to_ndarray(format="rgb24").astype(np.float32) / np.float32(255.0)
