"""What makes the depth network robust: other exposures, casts, lenses and guesses, and things before the picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from depth_network import EYE_HEIGHT_M
from depth_pool import Pool
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from weather_scenes import FAMILY_NAMES

Array = NDArray[np.float32]
Rng = np.random.Generator
_SHARES = {"city": 0.2, "terrain": 0.25, "interior": 0.35, "street": 0.2}  # photographs of rooms are the hardest
GUESSED_HORIZON, GUESSED_FOCAL = 0.45, 0.9  # of height and of width, where nobody says better


@dataclass(frozen=True, eq=False)
class Batch:
    """color (B, 3, H, W) sRGB-encoded 0..1; plane, inverse (B, 1, H, W), 1/m, inverse 0 for sky."""

    color: Tensor
    plane: Tensor
    inverse: Tensor


def random_batch(pool: Pool, size: int, crop: tuple[int, int], rng: Rng) -> Batch:
    """``size`` random pictures, each a window of one, scaled to ``crop`` (width, height), half of them mirrored."""
    shares = np.array([_SHARES[FAMILY_NAMES[kind]] for kind in pool.kinds])
    counts = np.bincount(pool.kinds, minlength=len(FAMILY_NAMES))[pool.kinds]
    indices = rng.choice(len(pool.kinds), size, p=(shares / counts) / (shares / counts).sum())
    colors, planes, inverses = [], [], []
    for index in indices:
        color, inverse, plane = _window(pool, int(index), crop, rng)
        for _ in range(int(rng.integers(1, 4)) if rng.random() < 0.45 else 0):
            color, inverse = _with_thing(color, inverse, plane, pool, rng)
        colors.append(_developed(color, rng))
        planes.append(_guessed(plane, rng))
        inverses.append(inverse[None])
    return Batch(
        torch.stack(colors), *(torch.from_numpy(np.stack(each, dtype=np.float32)) for each in (planes, inverses))
    )


def _window(pool: Pool, index: int, crop: tuple[int, int], rng: Rng) -> tuple[Array, Array, Array]:
    """(3, H, W) 0..1, (H, W) inverse depth and (H, W) the true ray's fall, of a window of 45 to 100 percent."""
    height, width = pool.inverse.shape[1:]
    part = float(rng.uniform(0.45, 1.0)) if rng.random() < 0.5 else 1.0
    w, h = min(width, int(height * part * crop[0] / crop[1])), int(height * part)
    x, y = int(rng.integers(0, width - w + 1)), int(rng.integers(0, height - h + 1))
    color = torch.from_numpy(pool.color[index, :, y : y + h, x : x + w].astype(np.float32) / 255.0)
    color = functional.interpolate(color[None], (crop[1], crop[0]), mode="bilinear", antialias=True)[0].numpy()
    columns = x + ((np.arange(crop[0]) + 0.5) * w / crop[0]).astype(int)
    rows = y + ((np.arange(crop[1]) + 0.5) * h / crop[1]).astype(int)
    inverse = pool.inverse[index][np.ix_(rows, columns)].astype(np.float32)
    u = 2.0 * (x + (np.arange(crop[0]) + 0.5) * w / crop[0]) / width - 1.0
    v = 1.0 - 2.0 * (y + (np.arange(crop[1]) + 0.5) * h / crop[1]) / height
    middle, right, up = pool.rays[index]
    fall = -(middle + u * right + v[:, None] * up)
    if rng.random() < 0.5:
        color, inverse, fall = color[..., ::-1], inverse[..., ::-1], fall[..., ::-1]
    return np.ascontiguousarray(color), np.ascontiguousarray(inverse), fall.astype(np.float32)


def _guessed(fall: Array, rng: Rng) -> Array:
    """(1, H, W): the plane that somebody declares, more or less right, or the guess of somebody who knows nothing."""
    height, width = fall.shape
    if rng.random() < 0.4:
        horizon = GUESSED_HORIZON
        rows = (np.arange(height) + 0.5 - horizon * height) / (GUESSED_FOCAL * width)
        guess = np.repeat(rows[:, None], width, 1)
    else:
        guess = fall * np.exp(rng.normal(0.0, 0.12)) + rng.normal(0.0, 0.05)
    return (guess / EYE_HEIGHT_M)[None].astype(np.float32)


def _with_thing(color: Array, inverse: Array, fall: Array, pool: Pool, rng: Rng) -> tuple[Array, Array]:
    """A blob, a post, or twigs with another picture's texture stand on the ground before what is there."""
    height, width = inverse.shape
    x, y = np.meshgrid(np.arange(width) / width - rng.random(), np.arange(height) / height - rng.uniform(0.1, 1.0))
    inside = _shape(x, y, inverse.shape, rng)
    if not inside.any():
        return color, inverse
    bottom = min(int(np.flatnonzero(inside.any(1)).max()), height - 1)
    there = inverse[bottom][inside[bottom]] if inside[bottom].any() else inverse[bottom]
    near = max(float(np.median(there)), 1.0 / 60.0) * float(np.exp(abs(rng.normal(0.0, 0.5)) + 0.1))
    inside &= inverse < near
    size = max(8, int(height * rng.uniform(0.15, 1.0)))
    other = pool.color[int(rng.integers(len(pool.color)))][:, :size, :size].astype(np.float32) / 255.0
    texture = np.tile(other, (1, -(-height // other.shape[1]), -(-width // other.shape[2])))[:, :height, :width]
    shade = float(np.exp(rng.normal(-0.2, 0.5))) * (1.0 + rng.normal(0.0, 0.4) * x)
    return np.where(inside, np.clip(texture * shade, 0.0, 1.0), color), np.where(inside, near, inverse).astype(
        np.float32
    )


def _shape(x: Array, y: Array, size: tuple[int, int], rng: Rng) -> NDArray[np.bool_]:
    kind, scale = rng.random(), float(np.exp(rng.uniform(np.log(0.04), np.log(0.35))))
    rough = rng.uniform(0.0, 1.2) * _noise(size, int(rng.choice([4, 8, 16, 40])), rng)
    if kind < 0.35:  # a blob, smooth or like leaves
        return np.hypot(x, y * rng.uniform(0.5, 1.2)) < scale * (1.0 + rough)
    if kind < 0.55:  # a box
        return (np.abs(x + 0.2 * rng.normal() * y) < scale) & (y < 0.0) & (y > -scale * rng.uniform(0.5, 5.0))
    if kind < 0.75:  # a post or a trunk
        return (np.abs(x + 0.15 * rng.normal() * y + 0.03 * rough) < 0.12 * scale) & (y < 0.05)
    if kind < 0.88:  # leaves at an edge of the picture
        edge = np.minimum.reduce([np.abs(x - x.min()), np.abs(y - y.max())])
        return edge < scale * (0.5 + rough)
    lines = np.zeros(size, bool)  # twigs
    for _ in range(int(rng.integers(2, 7))):
        angle, bend = rng.uniform(0.0, np.pi), rng.normal(0.0, 2.0)
        across = x * np.sin(angle) + y * np.cos(angle) + bend * (x * np.cos(angle) - y * np.sin(angle)) ** 2
        lines |= (np.abs(across) < rng.uniform(0.002, 0.008)) & (np.hypot(x, y) < 2.0 * scale)
    return lines


def _noise(size: tuple[int, int], cells: int, rng: Rng) -> Array:
    """(H, W), about unit size, smooth over 1/cells of the picture."""
    coarse = torch.from_numpy(rng.normal(0.0, 1.0, (1, 1, cells, cells)).astype(np.float32))
    return functional.interpolate(coarse, size, mode="bicubic", align_corners=False)[0, 0].numpy()


def _developed(color: Array, rng: Rng) -> Tensor:
    """Another camera: exposure, contrast, cast, saturation, uneven light, blur, grain."""
    _, height, width = color.shape
    x = torch.from_numpy(color.astype(np.float32)) ** float(np.exp(rng.normal(0.0, 0.3)))
    x = (
        x
        * float(np.exp(rng.normal(0.0, 0.25)))
        * torch.from_numpy(np.exp(rng.normal(0.0, 0.1, (3, 1, 1))).astype(np.float32))
    )
    grey = x.mean(0, keepdim=True)
    x = grey + (x - grey) * float(rng.uniform(0.0, 1.6))
    x = (
        x
        + float(rng.normal(0.0, 0.04))
        + 0.06 * torch.from_numpy(_noise((height, width), int(rng.integers(2, 6)), rng))
    )
    if rng.random() < 0.15:
        x = x[torch.from_numpy(rng.permutation(3))]
    if rng.random() < 0.4:
        small = functional.interpolate(
            x[None], scale_factor=float(rng.uniform(0.4, 0.9)), mode="bilinear", antialias=True
        )
        x = functional.interpolate(small, (height, width), mode="bilinear", align_corners=False)[0]
    grain = torch.from_numpy(rng.normal(0.0, rng.uniform(0.0, 0.04), (3, height, width)).astype(np.float32))
    return (x + grain).clamp(0.0, 1.0)
