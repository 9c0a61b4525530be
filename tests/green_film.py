"""A film of a green screen with markers, taken from the hand, and an actor before it who moves by himself."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from vpengine.tracking.moves import Move
from vpengine.view.camera import camera_view
from vpengine.view.lens import Lens

SIZE, RATE = (320, 180), Fraction(24)
LENS = Lens((24.0, 13.5), 24.0)
SCREEN_AT_M, ACTOR_AT_M = 4.0, 2.4  # ahead of the stage's middle
PX_PER_M = 80  # of what is painted
OPEN = (-0.15, 0.15)  # of a picture's time about its middle: the shutter's halves
NOISE = 1.2  # code values

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Painted:
    """Upright, ``ahead_m`` off. luma: row 0 at the top. left_m, top_m: its upper left corner at rest."""

    luma: Array
    solid: Array
    ahead_m: float
    left_m: float
    top_m: float


def screen() -> Painted:
    """Unevenly lit, with crosses of tape a little brighter than it; beyond it the hall is dark."""
    width, height = 6 * PX_PER_M, round(3.5 * PX_PER_M)
    across, down = np.meshgrid(np.arange(width) / PX_PER_M, np.arange(height) / PX_PER_M)
    luma = 95.0 + 18.0 * np.cos(0.9 * (across - 2.2)) - 6.0 * down
    for x in np.arange(0.35, 6.0, 0.7):
        for y in np.arange(0.3, 3.5, 0.7):
            arm = np.minimum(np.abs(across - x), np.abs(down - y)) < 0.025
            luma[arm & (np.abs(across - x) < 0.1) & (np.abs(down - y) < 0.1)] += 30.0
    return Painted(luma, np.ones_like(luma), SCREEN_AT_M, -3.0, 3.5)


def part_of_an_actor(size_m: tuple[float, float], top_m: float, seed: int) -> Painted:
    """Cloth with a pattern, which has more to see than the screen has."""
    columns, rows = (round(side * PX_PER_M) for side in size_m)
    cloth = ndimage.gaussian_filter(np.random.default_rng(seed).normal(0.0, 1.0, (rows, columns)), 2.5)
    across, down = np.meshgrid(np.linspace(-1.0, 1.0, columns), np.linspace(-1.0, 1.0, rows))
    solid = (across**4 + down**4 < 1.0).astype(float)
    return Painted(60.0 + 25.0 * cloth / cloth.std(), solid, ACTOR_AT_M, -0.5 * size_m[0], top_m)


@cache
def stage() -> tuple[Painted, ...]:
    return screen(), part_of_an_actor((0.6, 1.7), 1.75, 3), part_of_an_actor((0.16, 0.7), 1.5, 4)


def moved_m(index: int, time_s: float) -> tuple[float, float]:
    """He walks to and fro and waves an arm: right and up, by the part of the stage."""
    if index == 0:
        return 0.0, 0.0
    walk = 0.35 * math.sin(2.0 * math.pi * time_s / 2.7) + 0.1 * math.sin(2.0 * math.pi * time_s / 0.9)
    bob = 0.02 * math.sin(2.0 * math.pi * time_s / 0.45)
    return walk + (0.4 if index == 2 else 0.0), bob + (0.25 * math.sin(9.0 * time_s) if index == 2 else 0.0)


def seen(move: Move, time_s: float) -> Array:
    """(rows, columns) luminance at one moment."""
    pose = move(time_s)
    assert pose is not None
    clip = camera_view(pose, LENS, SIZE).clip_from_stage[[0, 1, 3]]
    columns, rows = np.meshgrid(np.arange(SIZE[0]) + 0.5, np.arange(SIZE[1]) + 0.5)
    at = np.stack([columns / SIZE[0] * 2.0 - 1.0, 1.0 - rows / SIZE[1] * 2.0, np.ones_like(rows)])
    picture = np.full(SIZE[::-1], 30.0)
    for index, part in enumerate(stage()):
        # Where each pixel's ray meets the part's plane: right, up and a scale.
        plane = np.stack([clip[:, 0], clip[:, 2], part.ahead_m * clip[:, 1] + clip[:, 3]], axis=-1)
        right, up, scale = np.tensordot(np.linalg.inv(plane), at, 1)
        shift = moved_m(index, time_s)
        column = (right / scale - shift[0] - part.left_m) * PX_PER_M - 0.5
        row = (part.top_m + shift[1] - up / scale) * PX_PER_M - 0.5
        solid = ndimage.map_coordinates(part.solid, (row, column), order=1)
        luma = ndimage.map_coordinates(part.luma, (row, column), order=1, mode="nearest")
        picture += solid * (luma - picture)
    return picture


def pictures(move: Move, seconds: float, seed: int = 1) -> Iterator[NDArray[np.uint8]]:
    """Luminance, picture n of the moment n / RATE."""
    rng = np.random.default_rng(seed)
    for number in range(round(seconds * RATE)):
        exposed = np.mean([seen(move, float((number + part) / RATE)) for part in OPEN], axis=0)
        yield np.clip(exposed + rng.normal(0.0, NOISE, exposed.shape) + 0.5, 0.0, 255.0).astype(np.uint8)


def write_film(path: Path, move: Move, seconds: float) -> Path:
    """Lossless."""
    with av.open(str(path), "w") as film:
        stream: Any = film.add_stream("ffv1", rate=RATE)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        stream.codec_context.colorspace, stream.codec_context.color_range = 1, 1
        chroma = np.full((SIZE[1] // 2, SIZE[0]), 110, np.uint8)
        for number, luma in enumerate(pictures(move, seconds)):
            frame = av.VideoFrame.from_ndarray(np.concatenate([luma, chroma]), "yuv420p")
            frame.colorspace, frame.color_range = 1, 1
            frame.pts, frame.time_base = number, 1 / RATE
            film.mux(stream.encode(frame))
        film.mux(stream.encode(None))
    return path
