"""What the matte network learns from: synthetic cameras' pictures in other colours, as the keyer measures them.

Everything is drawn here, from seeds: no photograph. Only alpha is the synthetic camera's own; screen, figure, spill,
noise and how the picture was carried differ from picture to picture.
"""

from __future__ import annotations

import colorsys
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matte_fur import furry
from numpy.typing import NDArray
from PIL import Image

from vpengine.capture.pace import Pace
from vpengine.capture.synthetic import FORMAT, NOISE, TAGS, SyntheticSource
from vpengine.capture.synthetic_scene import CLOTH, SCREEN, SKIN, SPILLED, Truth
from vpengine.cli.bench_key import ACESCG_FROM_REC709, encoded, linear
from vpengine.compose.key import Keyer
from vpengine.compose.key_settings import LEAST_CHROMA, KeySettings, chroma_of, key_axes, pick
from vpengine.frames.captured import CapturedFrame, rgb_of
from vpengine.gpu.context import create_headless
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.pool import TargetPool, TargetSpec
from vpengine.gpu.target import Target
from vpengine.gpu.transfer import upload
from vpengine.view.timecode import timecode_of
from vpengine.view.yuv import planes_422, yuv_from_rgb

Array = NDArray[np.float32]

HEIGHTS = (200, 240, 300, 360, 450, 540)
PATCH = (192, 160)  # width and height of what is kept
SCREENS = ((0.045, 0.33, 0.06), (0.04, 0.09, 0.45), (0.42, 0.5, 0.09), (0.1, 0.45, 0.12))  # linear Rec.709
TOO_ALIKE = 0.15  # of the screen's hue in a figure's: no key tells them apart
FUR = 0.55  # of the scenes
PICTURES, PATCHES = 5, 3  # of a scene; of a picture


@dataclass(frozen=True)
class Patches:
    """facts: (n, 8, height, width), alpha: (n, height, width), half floats."""

    facts: NDArray[np.float16]
    alpha: NDArray[np.float16]


def load_patches(folder: Path, seed: int, scenes: int) -> Patches:
    """Drawn once, then found again."""
    file = folder / f"patches-{seed}-{scenes}.npz"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        made = draw_patches(seed, scenes)
        part = file.with_suffix(".part.npz")
        np.savez(part, facts=made.facts, alpha=made.alpha)
        part.replace(file)
    with np.load(file, allow_pickle=False) as found:
        return Patches(found["facts"], found["alpha"])


def draw_patches(seed: int, scenes: int, heights: tuple[int, ...] = HEIGHTS) -> Patches:
    context = create_headless()
    teller = FactsOf(Gpu(context))
    facts, alphas = [], []
    for scene in range(scenes):
        for fact, alpha in _of_scene(teller, np.random.default_rng((seed, scene)), heights):
            facts.append(fact.transpose(2, 0, 1).copy())  # or the whole picture would be kept
            alphas.append(alpha.astype(np.float16))
    teller.release()
    context.release()
    return Patches(np.stack(facts), np.stack(alphas))


def _of_scene(
    teller: FactsOf, rng: np.random.Generator, heights: tuple[int, ...]
) -> Iterator[tuple[NDArray[np.float16], Array]]:
    height = int(rng.choice(heights))
    size = (round(height * 16 / 9) // 2 * 2, height)
    parts = {name: float(rng.uniform()) for name in ("unevenness", "spill", "blur", "hair")}
    seed = int(rng.integers(1_000_000, 2**31))  # the bench's are below
    settings = SyntheticSource.Settings.model_validate({**parts, "resolution": size, "seed": seed})
    source = SyntheticSource(settings, Pace())
    is_fur = rng.uniform() < FUR
    for _ in range(PICTURES):
        screen = _screen_color(rng)
        truth = source.truth(int(rng.integers(0, 200)))
        if is_fur:
            truth = _with_fur(truth, screen, settings.spill, rng)
            gains = np.ones(3, np.float32), np.ones(3, np.float32)
        else:
            gains = _figure_gains(rng, screen)
        light, empty = recolored(truth, screen, gains, rng)
        picture, corner = _carrier(rng, size)(encoded(light)), (size[0] // 16, size[1] // 6)
        plate = empty if rng.uniform() < 0.3 else None
        facts = teller.of(picture, plate, corner, float(rng.choice([0.5, 0.5, 0.5, 0.0, 1.0])))
        for _ in range(PATCHES if facts is not None else 0):
            rows, columns = _about_an_edge(truth.alpha, rng)
            flip = slice(None, None, 1 if rng.uniform() < 0.5 else -1)
            yield facts[rows, columns][:, flip], truth.alpha[rows, columns][:, flip]


def _with_fur(truth: Truth, screen: Array, spill: float, rng: np.random.Generator) -> Truth:
    """The same screen with something furry before it, lit by the screen as the figure is."""
    alpha, own = furry((truth.alpha.shape[1], truth.alpha.shape[0]), rng, lambda color: differs(color, screen))
    through = 1.0 - alpha[..., None]
    edge = np.clip(4.0 * alpha * (1.0 - alpha), 0.0, 1.0) * 0.7 + 0.3 * alpha
    spilled = (spill * SPILLED * edge * np.sqrt(alpha))[..., None] * SCREEN
    return Truth(alpha, own, truth.screen, own + through * truth.screen + spilled)


def _screen_color(rng: np.random.Generator) -> Array:
    if rng.uniform() < 0.6:
        color = np.array(SCREENS[rng.integers(len(SCREENS))])
        return np.clip(color * rng.uniform(0.8, 1.25, 3) * rng.uniform(0.5, 1.3), 0.0, 0.9).astype(np.float32)
    return np.array(colorsys.hsv_to_rgb(rng.uniform(), rng.uniform(0.7, 0.95), rng.uniform(0.15, 0.6)), np.float32)


def differs(color: Array, screen: Array) -> bool:
    """Whether a key can tell a figure's colour from a screen's, linear Rec.709 both."""
    light = np.maximum(ACESCG_FROM_REC709 @ screen, 1e-3)
    along, across = key_axes((float(light[0]), float(light[1]), float(light[2])))
    one = ACESCG_FROM_REC709 @ color
    return float(along @ one - abs(across @ one)) < TOO_ALIKE * float(one.mean() / light.mean())


def _figure_gains(rng: np.random.Generator, screen: Array) -> tuple[Array, Array]:
    """Factors of the figure's light, and of its clothes' beside, none of the screen's own hue."""
    while True:
        gains = (np.exp(rng.uniform(-0.5, 0.5, 3)) * np.exp(rng.uniform(-0.8, 1.2))).astype(np.float32)
        color = np.array(colorsys.hsv_to_rgb(rng.uniform(), rng.uniform(0.0, 0.8), rng.uniform(0.02, 0.7)), np.float32)
        if differs(np.array(SKIN, np.float32) * gains, screen) and differs(color, screen):
            return gains, (color / (np.array(CLOTH, np.float32) * gains)).astype(np.float32)


def recolored(truth: Truth, screen: Array, gains: tuple[Array, Array], rng: np.random.Generator) -> tuple[Array, Array]:
    """The picture's light, and the empty screen's: linear Rec.709, (height, width, 3) each."""
    through = 1.0 - truth.alpha[..., None]
    level = truth.screen[..., 1:2] / SCREEN[1]
    spill = (truth.light - truth.foreground - through * truth.screen)[..., 1:2] / SCREEN[1]
    own = truth.foreground * gains[0]
    is_cloth = truth.foreground[..., 2:] > truth.foreground[..., :1]  # the only thing in the figure that is bluish
    own = np.where(is_cloth, own * gains[1], own) * _texture(rng, truth.alpha.shape)
    empty = level * screen
    return (own + through * empty + spill * screen).astype(np.float32), empty.astype(np.float32)


def _texture(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """(height, width, 1) about 1: folds and patterns, at one scale."""
    cells = int(rng.choice([6, 20, 60]))
    coarse = rng.uniform(-1.0, 1.0, (cells, cells)).astype(np.float32)
    smooth = Image.fromarray(coarse).resize((shape[1], shape[0]), Image.Resampling.BICUBIC)
    return (1.0 + rng.uniform(0.0, 0.5) * np.asarray(smooth)[..., None]).clip(0.1, 2.0).astype(np.float32)


def _carrier(rng: np.random.Generator, size: tuple[int, int]) -> Callable[[Array], Array]:
    """How a picture comes here: 4:2:2 with noise as the synthetic camera's, whole, or compressed as 4:2:0."""
    kind, noise = rng.uniform(), float(rng.uniform(0.0, 1.0))

    def with_noise(code: Array) -> Array:
        yuv = yuv_from_rgb(np.clip(code, 0.0, 1.0), FORMAT.bits, "bt709", "limited")
        yuv += (NOISE * noise * rng.standard_normal(yuv.shape)).astype(np.float32)
        frame = CapturedFrame(planes_422(yuv), FORMAT, size, TAGS, 0.0, 0, timecode_of(0, 24))  # type: ignore[arg-type]
        return rgb_of(frame)

    def compressed(code: Array) -> Array:
        image = Image.fromarray((np.clip(with_noise(code), 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8))
        stream = io.BytesIO()
        image.save(stream, "JPEG", quality=int(rng.integers(55, 97)), subsampling=2)
        return np.asarray(Image.open(stream), np.float32) / np.float32(255.0)

    return with_noise if kind < 0.5 else compressed if kind < 0.8 else lambda code: np.clip(code, 0.0, 1.0)


def _about_an_edge(alpha: Array, rng: np.random.Generator) -> tuple[slice, slice]:
    height, width = alpha.shape
    rows, columns = np.nonzero((alpha > 0.02) & (alpha < 0.98))
    one = int(rng.integers(len(rows)))
    top = int(np.clip(rows[one] - rng.integers(PATCH[1]), 0, height - PATCH[1]))
    left = int(np.clip(columns[one] - rng.integers(PATCH[0]), 0, width - PATCH[0]))
    return slice(top, top + PATCH[1]), slice(left, left + PATCH[0])


class FactsOf:
    """Owns a keyer, and tells what its network would be told."""

    def __init__(self, gpu: Gpu) -> None:
        self._gpu, self._pool = gpu, TargetPool(gpu)
        self._told: list[NDArray[np.float16]] = []
        self._keyer = Keyer(gpu, self._hear)

    def _hear(self, chroma: NDArray[np.float16], luma: NDArray[np.float16]) -> NDArray[np.float16]:
        self._told.append(np.concatenate([chroma, luma], axis=-1))
        return np.zeros(chroma.shape[:2], np.float16)

    def of(self, picture: Array, plate: Array | None, corner: tuple[int, int], refine: float) -> Any:
        """(height, width, 8) of an encoded picture; None where its screen has no colour to key by."""
        light = linear(picture) @ ACESCG_FROM_REC709.T
        screen = pick(light, *corner, size=15)
        if chroma_of(screen) < 4.0 * LEAST_CHROMA or min(screen) < -0.05:
            return None
        settings = KeySettings(screen=screen, refine=refine)
        picture_texture = upload(self._gpu.context, _four(light))
        learnt = None if plate is None else upload(self._gpu.context, _four(plate @ ACESCG_FROM_REC709.T))
        with self._lent() as lend:
            self._keyer.draw(picture_texture, settings, lend, clean_plate=learnt)
        picture_texture.release()
        if learnt is not None:
            learnt.release()
        return self._told.pop()

    @contextmanager
    def _lent(self) -> Iterator[Callable[[TargetSpec], Target]]:
        lent: list[Target] = []

        def lend(spec: TargetSpec) -> Target:
            lent.append(self._pool.lend(spec))
            return lent[-1]

        yield lend
        for target in lent:
            self._pool.give_back(target)

    def release(self) -> None:
        self._keyer.release()
        self._pool.release()


def _four(light: Array) -> NDArray[np.float16]:
    return np.concatenate([light, np.ones_like(light[..., :1])], axis=-1).astype(np.float16)
