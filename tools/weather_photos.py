"""Real pictures for the network: photographs with measured depth, and plates whose depth is a guess."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from weather_judge import Runner, displayed

from vpengine.neural.weather import FADERS
from vpengine.view.color import REC709_FROM_ACESCG, acescct_from_linear
from vpengine.view.noise import detail_noise

DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
SKY_ELEVATION = 0.45  # of the guess: the part of a plate above its horizon
EXPOSURE = 0.8  # a photograph's white becomes this much scene-linear light


@dataclass(frozen=True, eq=False)
class Photo:
    """The network's planes: color (3, H, W) ACEScct, inverse_depth and noise (1, H, W). ships: may be shown in docs."""

    name: str
    color: NDArray[np.float32]
    inverse_depth: NDArray[np.float32]
    noise: NDArray[np.float32]
    ships: bool


def photos() -> Iterator[Photo]:
    """Every picture of the shared data that is there."""
    for number in range(1, 6):
        folder = DATA / "rgbd" / "icl_nuim_5"
        if (folder / f"color_{number}.png").exists():
            depth = np.asarray(PillowImage.open(folder / f"depth_{number}.png")).astype(float) / 5000.0
            yield from_depth(f"icl_nuim_{number}", folder / f"color_{number}.png", depth, 481.2, True)
    motorcycle = DATA / "rgbd" / "motorcycle"
    if motorcycle.exists():
        disparity = np.load(motorcycle / "disparity_left.npz")["arr_0"].astype(float)
        known = np.isfinite(disparity)
        depth = 193.001 * 994.978 / (np.where(known, disparity, np.median(disparity[known])) + 31.086) / 1000.0
        yield from_depth("motorcycle", motorcycle / "left.png", depth, 994.978, False)
    for path in sorted((DATA / "plates").glob("*.*g")):
        yield from_guess(path)


def from_depth(name: str, path: Path, depth_m: NDArray[Any], focal_px: float, ships: bool) -> Photo:
    """A photograph with depth along the view axis."""
    image = np.asarray(PillowImage.open(path).convert("RGB"))
    return _photo(name, image, np.maximum(depth_m, 0.1), focal_px, ships)


def from_guess(path: Path, width: int = 640) -> Photo:
    """A plate with no depth: a ground plane seen from 1.6 m up to the horizon, and a backdrop 80 m away above it."""
    image = PillowImage.open(path).convert("RGB")
    image = image.resize((width, round(image.height * width / image.width)), PillowImage.Resampling.LANCZOS)
    focal_px = 0.9 * width
    below = np.arange(image.height) - SKY_ELEVATION * image.height
    depth = np.minimum(1.6 * focal_px / np.maximum(below, 1e-3), 80.0)
    return _photo(path.stem, np.asarray(image), np.repeat(depth[:, None], width, 1), focal_px, True)


def _photo(name: str, image: NDArray[np.uint8], depth_m: NDArray[Any], focal_px: float, ships: bool) -> Photo:
    height, width = depth_m.shape
    x, y = np.meshgrid(np.arange(width) - 0.5 * width, 0.5 * height - np.arange(height))
    position = np.stack([x / focal_px, np.ones_like(x), y / focal_px], -1) * depth_m[..., None]
    noise = detail_noise(position, depth_m / focal_px)
    encoded = image / 255.0
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    acescg = linear @ np.linalg.inv(REC709_FROM_ACESCG).T * EXPOSURE
    color = np.moveaxis(acescct_from_linear(acescg), -1, 0)
    return Photo(name, color, (1.0 / depth_m)[None].astype(np.float32), noise[None].astype(np.float32), ships)


def check_photo(photo: Photo, runner: Runner) -> dict[str, Any]:
    """finite; change: mean |answer - picture| in ACEScct per fader at 1/4, 1/2, 3/4, 1; monotone; seams: in
    code values of 255."""
    changes, seams, finite = {}, [], True
    for number, name in enumerate(FADERS):
        steps = []
        for value in (0.25, 0.5, 0.75, 1.0):
            look = np.zeros(len(FADERS))
            look[number] = value
            gain, bias = runner.answer(photo.color, photo.inverse_depth, photo.noise, look)
            answer = gain * photo.color + bias
            finite = finite and bool(np.isfinite(answer).all())
            steps.append(float(np.abs(answer - photo.color).mean()))
        changes[name] = steps
        seams.append(255.0 * seam_step(displayed(answer) - displayed(photo.color)))
    monotone = {name: bool(np.all(np.diff([0.0, *steps]) > 0.0)) for name, steps in changes.items()}
    return {"finite": finite, "change": changes, "monotone": monotone, "seams": max(seams)}


def seam_step(change: NDArray[Any]) -> float:
    """How much larger the steps of the change (height, width, 3) are across the borders of the network's cells than
    inside them: 0 is no tiling.

    The worst of its cells of 2, 4, 8 and 16 pixels; medians, so that edges in the picture do not count.
    """
    across, down = np.abs(np.diff(change, axis=1)), np.abs(np.diff(change, axis=0))
    steps = []
    for cell in (2, 4, 8, 16):
        border, inside = (
            np.median(np.concatenate([across[:, first::cell].ravel(), down[first::cell].ravel()]))
            for first in (cell - 1, cell // 2 - 1)
        )
        steps.append(float(border - inside))
    return max(steps)


def strip(photo: Photo, runner: Runner, width: int = 320) -> NDArray[np.uint8]:
    """Before, then each fader at 1, side by side."""
    looks = [np.zeros(len(FADERS)), *np.eye(len(FADERS))]
    tiles = [runner.picture(photo.color, photo.inverse_depth, photo.noise, look) for look in looks]
    return np.concatenate([tile_of(displayed(tile), width) for tile in tiles], axis=1)


def tile_of(picture: NDArray[Any], width: int) -> NDArray[np.uint8]:
    image = PillowImage.fromarray((np.clip(picture, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8))
    height = round(image.height * width / image.width)
    return np.asarray(image.resize((width, height), PillowImage.Resampling.LANCZOS))
