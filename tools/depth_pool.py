"""Pictures with depth to learn from: the weather scenes by day, with patterns in the world and a sea beyond them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track
from weather_gbuffer import GBufferRenderer
from weather_pool import INVERSE_DEPTH, _worth_seeing, view_numbers, whole
from weather_scenes import FAMILY_NAMES, SceneAndViews, random_scene
from weather_shade import plain, random_light, surfaces_from

from vpengine.gpu.context import create_headless
from vpengine.view.color import REC709_FROM_ACESCG

VERSION = 1  # of the pictures
Array = NDArray[np.float32]
Rng = np.random.Generator


@dataclass(frozen=True, eq=False)
class Pool:
    """color (N, 3, H, W) uint8 sRGB; inverse (N, H, W) float16, 0 for sky; rays (N, 3): the height that a ray of unit
    depth gains in the middle of the picture, and more of it at the right and the upper edge; kinds (N,).
    """

    color: NDArray[np.uint8]
    inverse: NDArray[np.float16]
    rays: Array
    kinds: NDArray[np.int64]


def load_pool(folder: Path, seed: int, scenes: int, views: int, resolution: tuple[int, int]) -> Pool:
    """The pool of these numbers, from disk where it is complete, else drawn (and kept)."""
    stem = folder / f"depth_v{VERSION}_{seed}_{scenes}x{views}_{resolution[0]}x{resolution[1]}"
    files = [stem.with_name(f"{stem.name}_{part}.npy") for part in ("color", "inverse", "rest")]
    if not files[2].exists():
        folder.mkdir(parents=True, exist_ok=True)
        width, height = resolution
        color = np.lib.format.open_memmap(files[0], "w+", np.uint8, (scenes * views, 3, height, width))
        inverse = np.lib.format.open_memmap(files[1], "w+", np.float16, (scenes * views, height, width))
        rest = _draw(color, inverse, seed, scenes, views)
        color.flush()
        inverse.flush()
        np.save(files[2], rest)
    rest = np.load(files[2])
    maps = [np.load(file, mmap_mode="r") for file in files[:2]]
    return Pool(maps[0], maps[1], rest[:, :3], rest[:, 3].astype(int))


def _draw(color: NDArray[np.uint8], inverse: NDArray[np.float16], seed: int, scenes: int, views: int) -> Array:
    height, width = inverse.shape[1:]
    renderer, rest = GBufferRenderer(create_headless(), (width, height)), []
    for index in track(range(scenes), description="drawing scenes"):
        scene = random_scene(seed + index, 3 * views, (width, height))
        renderer.load(scene.scene)
        for view, gbuffer in _worth_seeing(renderer, scene.views, views):
            rng = np.random.default_rng([seed + index, len(rest)])
            numbers = view_numbers(view, scene.scene.sun, scene.scene.indoors)
            color[len(rest)], inverse[len(rest)] = _picture(gbuffer, numbers, view.origin_m, scene, rng)
            rest.append([numbers[5], numbers[8], numbers[11], FAMILY_NAMES.index(scene.kind)])
    return np.array(rest, np.float32)


def _picture(
    gbuffer: Array, numbers: Array, eye_m: NDArray[np.float64], scene: SceneAndViews, rng: Rng
) -> tuple[NDArray[np.uint8], Array]:
    """(3, H, W) sRGB code values, and (H, W) inverse depth."""
    height, width = gbuffer.shape[1:]
    u, v = (2.0 * (np.arange(n) + 0.5) / n - 1.0 for n in (width, height))
    ray = numbers[3:6, None, None] + u * numbers[6:9, None, None] - v[:, None] * numbers[9:12, None, None]
    inverse = np.where(gbuffer[INVERSE_DEPTH] > 1e-4, gbuffer[INVERSE_DEPTH], 0.0)
    position = eye_m[:, None, None] + ray / np.maximum(inverse, 1e-3)
    gbuffer = gbuffer.copy()
    gbuffer[:3] *= _patterns(position, inverse, gbuffer, 2.0 * np.linalg.norm(numbers[6:9]) / width, rng)
    view = torch.from_numpy(numbers[None].astype(np.float32))
    light = random_light(view, torch.Generator().manual_seed(int(rng.integers(1 << 40))))
    with torch.no_grad():
        linear = plain(surfaces_from(torch.from_numpy(gbuffer[None]), view, whole(1)), light)[0].numpy()
    if not scene.scene.indoors:
        linear, inverse = _with_sea(linear, inverse, ray, eye_m[2] - scene.scene.mesh.bounds_m[0][2], rng)
        linear = _with_haze(linear, inverse, rng)
    linear = np.clip(np.tensordot(REC709_FROM_ACESCG, linear * 0.9, 1), 0.0, 1.0)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-6) ** (1 / 2.4) - 0.055)
    return (encoded * 255.0 + 0.5).astype(np.uint8), inverse.astype(np.float32)


def _patterns(position: Array, inverse: Array, gbuffer: Array, pixel: float, rng: Rng) -> Array:
    """(1, H, W) factors on albedo: waves fixed in the world, other ones on other surfaces, none finer than pixels."""
    out = np.zeros_like(inverse)
    surfaces = np.floor(gbuffer[:3].sum(0) * 13.0) + 7.0 * np.argmax(np.abs(gbuffer[3:6]), 0)
    footprint = pixel / np.maximum(inverse, 1e-3)
    for _ in range(int(rng.integers(3, 10))):
        frequency = float(np.exp(rng.uniform(np.log(0.1), np.log(12.0))))
        wave = rng.normal(0.0, 1.0, 3) * [1.0, 1.0, rng.choice([0.1, 1.0, 3.0])]
        wave *= 2.0 * np.pi * frequency / np.linalg.norm(wave)
        bend = rng.normal(0.0, 1.0, 3) * frequency * 2.5
        phase = np.tensordot(wave, position, 1) + 1.5 * np.sin(np.tensordot(bend, position, 1) + rng.uniform(0.0, 6.3))
        value = np.clip(np.sin(phase) * rng.choice([1.0, 6.0]), -1.0, 1.0)
        chosen = (surfaces * rng.integers(1, 97)) % 3.0 < rng.choice([1.0, 2.0, 3.0])
        out += rng.uniform(0.02, 0.35) * value * chosen * np.exp(-((3.0 * frequency * footprint) ** 2))
    return np.exp(np.where(inverse > 0.0, out, 0.0))[None]


def _with_sea(linear: Array, inverse: Array, ray: Array, height_m: float, rng: Rng) -> tuple[Array, Array]:
    """Where the drawn world ends below the horizon, water or a plain goes on."""
    height_m = max(height_m, 1.0) + float(rng.uniform(0.0, 3.0))
    far = np.maximum(-ray[2], 0.0) / height_m
    there = (inverse <= 0.0) & (far > 1.0 / 3000.0)
    hue = np.array([(0.02, 0.07, 0.12), (0.05, 0.12, 0.12), (0.2, 0.2, 0.19), (0.14, 0.14, 0.07)])[rng.integers(4)]
    waves = np.sin(2.0 / np.maximum(far, 1e-3) * rng.uniform(0.2, 1.0) + 3.0 * np.sin(ray[0] * rng.uniform(5.0, 40.0)))
    level = (0.6 + rng.uniform(0.0, 0.25) * waves + 0.3 * rng.random(far.shape)) * rng.uniform(0.5, 2.0)
    sheen = np.exp(-far * height_m * rng.uniform(3.0, 20.0)) * rng.uniform(0.0, 0.7)
    color = hue[:, None, None] * level * (1.0 - sheen) + linear * sheen
    return np.where(there, color, linear), np.where(there, far, inverse)


def _with_haze(linear: Array, inverse: Array, rng: Rng) -> Array:
    """The air between: bluish and thin as a rule."""
    if rng.random() < 0.4:
        return linear
    density = float(np.exp(rng.uniform(np.log(3e-4), np.log(8e-3))))
    clear = np.exp(-density / np.maximum(inverse, 1.0 / 1500.0))
    clear = np.where(inverse > 0.0, clear, 1.0)
    air = np.array([0.5, 0.6, 0.75]) * rng.uniform(0.6, 1.3)
    return linear * clear + air[:, None, None] * (1.0 - clear)
