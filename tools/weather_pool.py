"""The pool of G-buffers to train on: drawn once from a seed, kept on disk, shaded anew with every batch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track
from torch import Tensor
from weather_gbuffer import CHANNELS, GBufferRenderer
from weather_scenes import FAMILY_NAMES, random_scene
from weather_shade import Light, changed, plain, random_light, surfaces_from

from vpengine.gpu.context import create_headless
from vpengine.view.view import View

VERSION = 3  # of the pictures: raise it when scenes or G-buffer change, so that no old pool is taken for a new one
VIEW_NUMBERS = 13  # sun 3, rays 9, indoors 1
INVERSE_DEPTH, NOISE = 7, 11


@dataclass(frozen=True, eq=False)
class Pool:
    """gbuffers (N, CHANNELS, height, width) float16; views (N, VIEW_NUMBERS) float32; kinds (N,) into FAMILY_NAMES."""

    gbuffers: NDArray[np.float16]
    views: NDArray[np.float32]
    kinds: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Batch:
    """What the network is told, and what it should answer: ACEScct, (B, n, H, W); look (B, 6)."""

    color: Tensor
    inverse_depth: Tensor
    noise: Tensor
    look: Tensor
    target: Tensor


def load_pool(folder: Path, seed: int, scenes: int, views: int, resolution: tuple[int, int]) -> Pool:
    """The pool of these numbers, from disk where it is complete, else drawn (and kept)."""
    name = f"pool_v{VERSION}_{seed}_{scenes}x{views}_{resolution[0]}x{resolution[1]}"
    gbuffer_file, view_file = folder / f"{name}.npy", folder / f"{name}_views.npz"
    if not view_file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        width, height = resolution
        shape = (scenes * views, CHANNELS, height, width)
        gbuffers = np.lib.format.open_memmap(gbuffer_file, "w+", np.float16, shape)
        numbers, kinds = _draw_pool(gbuffers, seed, scenes, views, resolution)
        gbuffers.flush()
        np.savez(view_file, views=numbers, kinds=kinds)
    stored = np.load(view_file)
    return Pool(np.load(gbuffer_file, mmap_mode="r"), stored["views"], stored["kinds"])


def _draw_pool(
    out: NDArray[np.float16], seed: int, scenes: int, views: int, resolution: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    renderer = GBufferRenderer(create_headless(), resolution)
    numbers, kinds = [], []
    for index in track(range(scenes), description="drawing scenes"):
        scene = random_scene(seed + index, 3 * views, resolution)
        renderer.load(scene.scene)
        for view, gbuffer in _worth_seeing(renderer, scene.views, views):
            out[len(numbers)] = gbuffer
            numbers.append(view_numbers(view, scene.scene.sun, scene.scene.indoors))
            kinds.append(FAMILY_NAMES.index(scene.kind))
    return np.array(numbers, np.float32), np.array(kinds)


def _worth_seeing(
    renderer: GBufferRenderer, views: tuple[View, ...], count: int
) -> list[tuple[View, NDArray[np.float32]]]:
    """The first ``count`` views that are neither but sky, nor one flat wall, nor a thing before the lens."""
    kept, refused = [], []
    for view in views:
        if len(kept) == count:
            break
        gbuffer = renderer.draw(view)
        inverse = gbuffer[INVERSE_DEPTH]
        seen = inverse[inverse > 0.0]
        good = seen.size > 0.1 * inverse.size and np.log(seen).std() > 0.12 and np.mean(seen > 2.0) < 0.4
        (kept if good else refused).append((view, gbuffer))
    return (kept + refused)[:count]


def view_numbers(view: View, sun: NDArray[np.float64], indoors: bool) -> NDArray[np.float32]:
    """What the shading needs of a View, (VIEW_NUMBERS,): sun, middle ray, its steps to the edges, indoors."""
    linear, turn = view.clip_from_view[:2, :3], view.stage_from_view[:3, :3]
    middle = turn @ np.array([linear[0, 2] / linear[0, 0], linear[1, 2] / linear[1, 1], -1.0])
    rays = [middle, turn[:, 0] / linear[0, 0], turn[:, 1] / linear[1, 1]]
    return np.concatenate([sun, *rays, [float(indoors)]]).astype(np.float32)


def random_looks(count: int, generator: torch.Generator, top: float = 0.08) -> Tensor:
    """(count, 6): one to three faders uniform in 0..1 (at the top with probability ``top``), the rest 0."""
    order = torch.rand(count, 6, generator=generator).argsort(dim=1)
    wanted = torch.randint(1, 4, (count, 1), generator=generator)
    value = torch.rand(count, 6, generator=generator)
    full = torch.rand(count, 6, generator=generator) < top
    return torch.where(order < wanted, torch.where(full, torch.ones_like(value), value), torch.zeros_like(value))


def random_batch(pool: Pool, shader: Shader, size: int, crop: tuple[int, int], generator: torch.Generator) -> Batch:
    """``size`` random pictures of the pool, cropped to ``crop`` (width, height), half mirrored, each lit anew."""
    indices = torch.randint(0, len(pool.views), (size,), generator=generator).tolist()
    height, width = pool.gbuffers.shape[-2:]
    gbuffers, views, windows = [], [], []
    for index in indices:
        x = int(torch.randint(0, width - crop[0] + 1, (1,), generator=generator))
        y = int(torch.randint(0, height - crop[1] + 1, (1,), generator=generator))
        gbuffer = pool.gbuffers[index, :, y : y + crop[1], x : x + crop[0]]
        view = pool.views[index].copy()
        if (
            torch.rand(1, generator=generator) < 0.5
        ):  # the mirror image: what was seen to the right now lies to the left
            gbuffer, x = gbuffer[..., ::-1], width - crop[0] - x
            view[6:9] = -view[6:9]
        gbuffers.append(gbuffer.astype(np.float32))
        views.append(view)
        windows.append([x / width, y / height, crop[0] / width, crop[1] / height])
    looks = random_looks(size, generator)
    light = random_light(torch.from_numpy(np.stack(views)), generator)
    return shader.batch(np.stack(gbuffers), np.stack(views), torch.tensor(windows), looks, light)


def _both(gbuffer: Tensor, view: Tensor, window: Tensor, looks: Tensor, *light: Tensor) -> tuple[Tensor, Tensor]:
    surfaces, drawn = surfaces_from(gbuffer, view, window), Light(*light)
    return to_acescct(plain(surfaces, drawn)), to_acescct(changed(surfaces, drawn, looks))


class Shader:
    """Shades G-buffers plain and with looks.

    ``compiled``: through torch.compile, 20 times faster on a CPU; needs a C++ compiler, and gives the same pictures.
    """

    def __init__(self, compiled: bool) -> None:
        self._both = torch.compile(_both, dynamic=False) if compiled else _both

    def batch(
        self,
        gbuffers: NDArray[np.float32],
        views: NDArray[np.float32],
        windows: Tensor,
        looks: Tensor,
        light: Light,
    ) -> Batch:
        gbuffer, view = torch.from_numpy(gbuffers), torch.from_numpy(views)
        with torch.no_grad():
            color, target = self._both(gbuffer, view, windows, looks, *vars(light).values())
        return Batch(color, gbuffer[:, INVERSE_DEPTH, None], gbuffer[:, NOISE, None], looks, target)


def whole(count: int) -> Tensor:
    """The window of a whole picture, for ``shade``."""
    return torch.tensor([[0.0, 0.0, 1.0, 1.0]]).repeat(count, 1)


def to_acescct(linear: Tensor) -> Tensor:
    """vpengine.view.color.acescct_from_linear in torch, clamped to 0..65504, what half float has."""
    linear = linear.clamp(0.0, 65504.0)
    curve = (torch.log2(linear.clamp(min=1e-6)) + 9.72) / 17.52
    return torch.where(linear <= 0.0078125, 10.5402377416545 * linear + 0.0729055341958355, curve)


def to_linear(cct: Tensor) -> Tensor:
    curve = torch.exp2(cct.clamp(max=1.468) * 17.52 - 9.72)
    return torch.where(cct <= 0.155251141552511, (cct - 0.0729055341958355) / 10.5402377416545, curve)
