"""Bench: the keyer against OBS's chroma key and FFmpeg's, on pictures whose alpha is known, in one run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vpengine.capture.pace import Pace
from vpengine.capture.synthetic import SyntheticSource
from vpengine.cli.bench_key_peers import ffmpeg_alpha, obs_key
from vpengine.compose.clean_plate import CleanPlate
from vpengine.compose.key import Keyer
from vpengine.compose.key_refiner import MatteRefiner
from vpengine.compose.key_settings import KeySettings, key_axes, pick
from vpengine.errors import UserError
from vpengine.frames.captured import rgb_of
from vpengine.gpu.context import create_headless
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.pool import TargetPool, TargetSpec
from vpengine.gpu.target import Target
from vpengine.gpu.transfer import download, upload
from vpengine.neural.matte import load_matte
from vpengine.view.color import REC709_FROM_ACESCG
from vpengine.view.matte_error import edge_error, flicker_error, gradient_error, mean_error

DIFFICULTIES, SEEDS = (0.0, 0.25, 0.5, 0.75, 1.0), (1, 2, 3)
NUMBERS = (5, 6, 7)  # of the pictures of a synthetic input; flicker is between them
LEARNT_FROM = range(0, 72, 6)  # pictures that a clean plate is learnt from: the figure sways once
ACESCG_FROM_REC709 = np.linalg.inv(REC709_FROM_ACESCG).astype(np.float32)
SCREENS = {"green": (0.045, 0.33, 0.06), "blue": (0.04, 0.09, 0.45)}  # linear Rec.709
SIMILARITIES, SOFTNESSES = np.linspace(0.02, 0.4, 12), (0.02, 0.05, 0.08, 0.12, 0.2, 0.3)

WORST = ("mean", "edge")  # figures whose worst seed is told too

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Input:
    """Pictures in turn: encoded (BT.709 curve), with true alpha and premultiplied foreground (linear Rec.709).

    learning: others of the same place, for a clean plate. corner: where only screen is seen, (x, y).
    """

    name: str
    pictures: tuple[Array, ...]
    alphas: tuple[Array, ...]
    foregrounds: tuple[Array, ...]
    learning: Callable[[], Iterator[Array]]
    corner: tuple[int, int] = (40, 60)


@dataclass(frozen=True)
class Result:
    """Of each picture: alpha, and premultiplied foreground in linear Rec.709."""

    alphas: tuple[Array, ...]
    foregrounds: tuple[Array, ...]


def linear(encoded: Array) -> Array:
    """Light from BT.709's curve (Rec. ITU-R BT.709-6, item 1.2), black 0 and white 1."""
    code = np.maximum(encoded, 0.0)
    return np.where(code < 0.081, code / 4.5, ((code + 0.099) / 1.099) ** (1.0 / 0.45)).astype(np.float32)


def encoded(light: Array) -> Array:
    light = np.maximum(light, 0.0)
    return np.where(light < 0.018, 4.5 * light, 1.099 * light**0.45 - 0.099).astype(np.float32)


def synthetic_input(difficulty: float, seed: int) -> Input:
    """Unevenness, noise, spill, blur and hair all at ``difficulty``."""
    every = dict.fromkeys(("unevenness", "noise", "spill", "blur", "hair"), difficulty)
    source = SyntheticSource(SyntheticSource.Settings.model_validate({"seed": seed, **every}), Pace())
    truths = [source.truth(number) for number in NUMBERS]

    def learning() -> Iterator[Array]:
        return (rgb_of(source.picture(number, 0.0)) for number in LEARNT_FROM)

    return Input(
        f"synthetic {difficulty:g}",
        tuple(rgb_of(source.picture(number, 0.0)) for number in NUMBERS),
        tuple(truth.alpha for truth in truths),
        tuple(truth.foreground for truth in truths),
        learning,
    )


def lemur_input(folder: Path, screen: str) -> Input:
    """The lemur's fur over an even screen; its matte is pymatting's. folder: with lemur_alpha.png and the others."""
    alpha = np.asarray(Image.open(folder / "lemur_alpha.png"), np.float32) / 255.0
    fur = np.asarray(Image.open(folder / "lemur_foreground.png").convert("RGB"), np.float32) / 255.0
    own = alpha[..., None] * linear(fur)
    light = own + (1.0 - alpha[..., None]) * np.array(SCREENS[screen], np.float32)
    return Input(f"lemur {screen}", (encoded(light),), (alpha,), (own,), lambda: iter(()))


Keyers = dict[str, Callable[[Input], Result]]


class Ours:
    """The keyer as it comes, no control touched but the screen's colour, which is picked. refiner: of its matte."""

    def __init__(self, gpu: Gpu, refiner: MatteRefiner | None = None) -> None:
        self._gpu, self._pool = gpu, TargetPool(gpu)
        self._keyer, self._plate = Keyer(gpu, refiner), CleanPlate(gpu)

    def key(self, given: Input, learn: bool) -> Result:
        settings = KeySettings(screen=pick(_acescg(given.pictures[0]), *given.corner, size=15))
        self._plate.forget()
        for picture in given.learning() if learn else ():
            self._key(picture, settings, learn)
        found = [self._key(picture, settings, learn) for picture in given.pictures]
        return Result(tuple(alpha for alpha, _ in found), tuple(own for _, own in found))

    def _key(self, picture: Array, settings: KeySettings, learn: bool) -> tuple[Array, Array]:
        texture = upload(self._gpu.context, _four(_acescg(picture)))
        with self._lent() as lend:
            plate = self._plate.texture(settings, lend) if learn else None
            keyed = self._keyer.draw(texture, settings, lend, clean_plate=plate)
            if learn:
                self._plate.learn(texture, keyed.matte.color, settings)
            alpha = download(keyed.matte.color)[..., 0].astype(np.float32)
            own = download(keyed.foreground.color)[..., :3].astype(np.float32)
        texture.release()
        return alpha, (own @ REC709_FROM_ACESCG.T).astype(np.float32)

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
        self._plate.release()
        self._keyer.release()
        self._pool.release()


def peer(given: Input, key: Callable[[Array, Array, float, float], tuple[Array, Array]]) -> Result:
    """A peer with the two faders that leave it the least mean alpha error on the first picture."""
    screen = np.array(pick(given.pictures[0], *given.corner, size=15), np.float32)

    def error(faders: tuple[float, float]) -> float:
        return mean_error(key(given.pictures[0], screen, *faders)[0], given.alphas[0])

    best = min(product(SIMILARITIES, SOFTNESSES), key=error)
    found = [key(picture, screen, *best) for picture in given.pictures]
    return Result(tuple(a for a, _ in found), tuple(a[..., None] * linear(code) for a, code in found))


def spill_residue(own: Array, truth: Array, alpha: Array, screen: Array) -> float:
    """The screen's light that is in the foreground and was not: the mean where there is some, 1 is the screen's own."""
    along, _ = key_axes((float(screen[0]), float(screen[1]), float(screen[2])))
    excess = np.maximum((own - truth) @ along.astype(np.float32), 0.0)
    return float(excess[alpha > 0.02].mean())


def figures(given: Input, found: Result) -> dict[str, float]:
    """The errors of one input's pictures, each the mean over them."""
    screen = linear(np.array(pick(given.pictures[0], *given.corner, size=15), np.float32))
    pairs = list(zip(found.alphas, given.alphas, strict=True))
    return {
        "mean": fmean(mean_error(*pair) for pair in pairs),
        "edge": fmean(edge_error(*pair) for pair in pairs),
        "gradient": fmean(gradient_error(*pair) for pair in pairs),
        "spill": fmean(
            spill_residue(own, truth, alpha, screen)
            for own, truth, alpha in zip(found.foregrounds, given.foregrounds, given.alphas, strict=True)
        ),
        "flicker": flicker_error(found.alphas, given.alphas),
    }


def measure_key(
    lemur: Path | None = None,
    seeds: tuple[int, ...] = SEEDS,
    matte: Path | None = None,
    peer_seeds: tuple[int, ...] | None = None,
) -> list[dict[str, Any]]:
    """One record an input and keyer: the means over seeds, and of the two main errors the worst seed's.

    lemur: a folder with the lemur's matte, else it is left out. matte: a network that corrects ours, which then stands
    beside it. peer_seeds: on which the peers are measured, whose settings are searched; all of ``seeds`` if not given.
    """
    if lemur is not None and not (lemur / "lemur_alpha.png").exists():
        raise UserError(f"{lemur}: no lemur_alpha.png in it")
    context = create_headless()
    gpu = Gpu(context)
    ours = {"ours": Ours(gpu), **({"ours, corrected": Ours(gpu, load_matte(matte))} if matte else {})}
    own: Keyers = {
        **{name: partial(one.key, learn=False) for name, one in ours.items()},
        **{f"{name}, plate learnt": partial(one.key, learn=True) for name, one in ours.items()},
    }
    peers: Keyers = {"OBS": partial(peer, key=obs_key), "FFmpeg": partial(peer, key=ffmpeg_alpha)}
    both = {**own, **peers}
    records = []
    for difficulty in DIFFICULTIES:
        inputs = ((synthetic_input(difficulty, seed), seed) for seed in seeds)
        records += _records((one, both if peer_seeds is None or seed in peer_seeds else own) for one, seed in inputs)
    if lemur is not None:
        for screen in SCREENS:
            records += _records([(lemur_input(lemur, screen), both)])
    for one in ours.values():
        one.release()
    context.release()
    return records


def _records(each: Iterable[tuple[Input, Keyers]]) -> list[dict[str, Any]]:
    """Of inputs of one name, each with the keyers measured on it; one at a time, for thirty fill the memory."""
    found: dict[tuple[str, str], list[dict[str, float]]] = {}
    for given, keyers in each:
        for name, key in keyers.items():
            found.setdefault((given.name, name), []).append(figures(given, key(given)))
    return [{"input": given, "keyer": name, **_over_seeds(rows)} for (given, name), rows in found.items()]


def _over_seeds(each: list[dict[str, float]]) -> dict[str, float]:
    means = {name: fmean(one[name] for one in each) for name in each[0]}
    worst = {f"{name}_worst": max(one[name] for one in each) for name in WORST}
    return {"seeds": len(each), **{name: round(figure, 4) for name, figure in (means | worst).items()}}


def _acescg(picture: Array) -> Array:
    return (linear(picture) @ ACESCG_FROM_REC709.T).astype(np.float32)


def _four(light: Array) -> NDArray[np.float16]:
    return np.concatenate([light, np.ones_like(light[..., :1])], axis=-1).astype(np.float16)
