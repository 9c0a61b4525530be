"""Bench: how steady a diffusion generator is along a camera's way, by where its initial noise comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from vpengine.cli.bench_pictures import LENS, OVERSCAN_PERCENT, PLACE, Image, srgb
from vpengine.cli.bench_reprojection import START_S, recorded
from vpengine.compose.request_camera import RequestCamera
from vpengine.frames.images import ImageSet
from vpengine.gpu.context import create_headless
from vpengine.gpu.gpu import Gpu
from vpengine.neural.generator import Plate
from vpengine.plates.street.plate import Street
from vpengine.tracking.moves import MOVES, Move
from vpengine.view.camera import camera_view
from vpengine.view.color import acescct_from_linear
from vpengine.view.temporal import temporal_error
from vpengine.view.view import View

# A new seed in every picture; one seed for all; the picture before as the start of the next; attached to the world.
Noise = Literal["new", "screen", "carried", "world"]
Generate = Callable[[Plate, View], Image]  # sRGB-encoded 0..1, (height, width, 3), of the plate's size

SIZE = (512, 288)  # whole latent pixels, also of networks that halve them twice
PICTURES, IMAGES_PER_S = 16, 8.0


def measure_temporal(
    start: Callable[[Noise], Generate],
    tracks: Sequence[Path] = (),
    pictures: int = PICTURES,
    size: tuple[int, int] = SIZE,
    shown: Callable[[Sequence[ImageSet]], Sequence[Image]] | None = None,
) -> list[dict[str, Any]]:
    """Warping errors (view.temporal) of recorded tracks and of the hand-held move, by the kind of noise.

    start: a generator at the beginning of a sequence; it is given the sequence's pictures in order of time. Rows with
    the noise ``plate`` are of the plate itself: what re-projection alone makes of a picture that is steady. shown: what
    the wall has at the plates' Views, for rows with the noise ``wall``.
    """
    moves = {path.stem: recorded(path).move for path in tracks} | {"handheld": MOVES["handheld"](1)}
    rows = []
    for track, move in moves.items():
        plates = list(plates_along(move, pictures, size))
        rows.append(row(track, "plate", plates, [srgb(plate.color) for plate in plates]))
        for noise in get_args(Noise):
            generate = start(noise)
            rows.append(row(track, noise, plates, [generate(as_asked(plate), plate.view) for plate in plates]))
        if shown is not None:
            rows.append(row(track, "wall", plates[1:], shown(plates)))
    return rows


def plates_along(move: Move, pictures: int, size: tuple[int, int]) -> Iterator[ImageSet]:
    """The street at a generator's pace; moments at which the tracker was silent are left out."""
    gpu = Gpu(create_headless())
    street = Street(Street.Settings.model_validate({}))
    street.upload(gpu)
    requests = RequestCamera(gpu)
    for number in range(pictures):
        pose = move(START_S + number / IMAGES_PER_S)
        if pose is not None:
            yield requests.take(street, PLACE, camera_view(pose, LENS, size, OVERSCAN_PERCENT), 0)
    requests.release()


def as_asked(plate: ImageSet) -> Plate:
    """What a generator is given of it."""
    return Plate(acescct_from_linear(plate.color), plate.depth_m, plate.noise.astype(np.float32), plate.view)


def row(track: str, noise: str, plates: Sequence[ImageSet], pictures: Sequence[Image]) -> dict[str, Any]:
    """successive: from each picture to the next; to_first: from the first to each, which a slow drift cannot hide from.

    Both are root mean squares over the sequence. contrast: the pictures' own, about their means; a generator without
    any detail has no error either.
    """
    seen = list(zip(pictures, (plate.depth_m for plate in plates), (plate.view for plate in plates), strict=True))
    return {
        "track": track,
        "noise": noise,
        "successive": pooled([temporal_error(*before, *after) for before, after in pairwise(seen)]),
        "to_first": pooled([temporal_error(*seen[0], *after) for after in seen[1:]]),
        "contrast": pooled([float(picture.std()) for picture in pictures]),
        "pictures": len(pictures),
    }


def pooled(errors: Sequence[float]) -> float:
    """Pairs with nothing in common have no error, and do not count."""
    return round(float(np.sqrt(np.nanmean(np.square(errors)))), 4)
