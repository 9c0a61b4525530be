"""The synthetic camera's stage: a lit screen, a figure with hair before it, and exactly what each pixel is made of.

All is scene-linear light, 1.0 white. A picture is foreground + (1 - alpha) * screen, with the foreground premultiplied:
averaging such pictures over the shutter averages alpha and foreground, so that motion blur leaves alpha exact.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

SCREEN = np.array([0.045, 0.33, 0.06], np.float32)  # chroma key green as a camera sees it, well lit
SKIN, CLOTH, HAIR = (0.42, 0.24, 0.16), (0.06, 0.08, 0.16), (0.05, 0.032, 0.02)
SUPERSAMPLED = 4  # across and down, when the figure is made
STRANDS = 90  # of hair that stands off, at 1
STRAND_PX = (0.25, 0.9)  # their widths
SWAY = 0.12  # of the picture's width, to either side
SWAY_S, BOB_S = 3.1, 1.3  # periods; they do not repeat together soon
BOB = 0.012  # of its height
SPILLED = 0.35  # of the screen's light, on a figure's edge at 1
DARKEST = 0.25  # of the screen's light, in its worst corner at an unevenness of 1


@dataclass(frozen=True)
class Truth:
    """alpha: (height, width). foreground: (height, width, 3), premultiplied, without spill. screen: without the figure.

    light: all of it photographed, with spill and without noise.
    """

    alpha: Array
    foreground: Array
    screen: Array
    light: Array


class Scene:
    """Made once, which takes about a second; a picture of it is then a few milliseconds."""

    def __init__(self, size: tuple[int, int], seed: int, unevenness: float, spill: float, hair: float) -> None:
        self._size = size
        width, height = size
        self.screen = _screen(size, seed, unevenness)
        figure, self._left = _figure(height, width, seed, hair)
        edge = np.clip(4.0 * figure[..., 3:] * (1.0 - figure[..., 3:]), 0.0, 1.0) * 0.7 + 0.3 * figure[..., 3:]
        spilled = figure.copy()
        spilled[..., :3] += spill * SPILLED * edge * SCREEN * figure[..., 3:] ** 0.5
        self._clean, self._spilled = figure, spilled

    def photographed(self, time_s: float, shutter_s: float) -> Array:
        """(height, width, 3) light; the screen is seen wherever the figure lets it."""
        seen, left = self._moved(self._spilled, time_s, shutter_s)
        light = self.screen.copy()
        part = light[:, left : left + seen.shape[1]]
        part *= 1.0 - seen[..., 3:]
        part += seen[..., :3]
        return light

    def truth(self, time_s: float, shutter_s: float) -> Truth:
        seen, left = self._moved(self._clean, time_s, shutter_s)
        width, height = self._size
        whole = np.zeros((height, width, 4), np.float32)
        whole[:, left : left + seen.shape[1]] = seen
        return Truth(whole[..., 3], whole[..., :3], self.screen, self.photographed(time_s, shutter_s))

    def _moved(self, figure: Array, time_s: float, shutter_s: float) -> tuple[Array, int]:
        """The figure as the open shutter sees it, and the column that it begins in. Premultiplied, alpha last."""
        width, height = self._size
        begin = self._left + SWAY * width * math.sin(2.0 * math.pi * time_s / SWAY_S)
        end = self._left + SWAY * width * math.sin(2.0 * math.pi * (time_s + shutter_s) / SWAY_S)
        down = BOB * height * (1.0 + math.sin(2.0 * math.pi * time_s / BOB_S))
        return _swept(_lowered(figure, down), min(begin, end), max(begin, end), width)


def _lowered(figure: Array, down_px: float) -> Array:
    """Moved down by a part of a pixel too, each row the mean of two."""
    whole, part = int(down_px), np.float32(down_px % 1.0)
    low = np.zeros_like(figure)
    low[whole:] = (1.0 - part) * figure[: len(figure) - whole]
    low[whole + 1 :] += part * figure[: len(figure) - whole - 1]
    return low


def _swept(figure: Array, begin_px: float, end_px: float, width: int) -> tuple[Array, int]:
    """The mean over all places from ``begin_px`` to ``end_px`` of the figure drawn there, linearly between pixels."""
    first = math.floor(begin_px)
    weights = _weights(begin_px - first, end_px - first)
    columns = figure.shape[1]
    swept = np.zeros((figure.shape[0], columns + len(weights) - 1, 4), np.float32)
    for shift, weight in enumerate(weights):
        if weight > 0.0:
            swept[:, shift : shift + columns] += np.float32(weight) * figure
    left = max(first, 0)
    return swept[:, left - first : width - first], left


def _weights(begin: float, end: float) -> NDArray[np.float64]:
    """How much of the mean is the figure at each whole shift: the hat about it, over the path. They add up to 1."""
    shifts = np.arange(math.floor(end) + 2)
    if end - begin < 1e-6:
        return np.clip(1.0 - np.abs(shifts - begin), 0.0, 1.0)
    return (_hat_until(end - shifts) - _hat_until(begin - shifts)) / (end - begin)


def _hat_until(at: NDArray[Any]) -> NDArray[np.float64]:
    """The integral of max(1 - |x|, 0) up to ``at``."""
    x = np.clip(at, -1.0, 1.0)
    return np.where(x < 0.0, 0.5 * (1.0 + x) ** 2, 1.0 - 0.5 * (1.0 - x) ** 2)


def _screen(size: tuple[int, int], seed: int, unevenness: float) -> Array:
    """Two lamps and their fall-off, and folds in the cloth."""
    width, height = size
    rng = np.random.default_rng((seed, 1))
    across, down = np.meshgrid(np.linspace(-1.0, 1.0, width), np.linspace(-1.0, 1.0, height))
    lamp = rng.uniform(-0.6, 0.6, 2)
    near = np.exp(-0.8 * ((across - lamp[0]) ** 2 + 0.7 * (down - lamp[1]) ** 2))
    folds = 0.04 * np.sin(17.0 * across + 2.0 * np.sin(3.0 * down) + rng.uniform(0.0, 6.0))
    level = (near - near.min()) / (near.max() - near.min())
    light = 1.0 - unevenness * (1.0 - DARKEST) * (1.0 - level) + unevenness * folds
    return (light[..., None] * SCREEN).astype(np.float32)


def _figure(height: int, width: int, seed: int, hair: float) -> tuple[Array, int]:
    """(height, columns, 4) premultiplied light and alpha of head and shoulders, and its left column at rest."""
    columns = min(round(0.8 * height), width - 2)
    fine = SUPERSAMPLED
    across, down = np.meshgrid(
        (np.arange(columns * fine) + 0.5) / fine - 0.5 * columns, (np.arange(height * fine) + 0.5) / fine
    )
    unit = height / 100.0
    head = _inside(across, down - 42 * unit, 11 * unit, 15 * unit)
    neck = (np.abs(across) < 5 * unit) & (down > 50 * unit) & (down < 72 * unit)
    body = _inside(across, down - 104 * unit, 30 * unit, 38 * unit)
    cap = _inside(across, down - 38 * unit, 12.5 * unit, 15 * unit) & (down < 38 * unit)
    picture = np.zeros((*across.shape, 4), np.float32)
    for shape, light in ((body, CLOTH), (neck, SKIN), (head, SKIN), (cap, HAIR)):
        picture[shape] = (*light, 1.0)
    picture[..., :3] *= (1.0 + 0.35 * np.clip(across / (30 * unit), -1.0, 1.0))[..., None]  # lit from one side
    small = picture.reshape(height, fine, columns, fine, 4).mean(axis=(1, 3))
    strands = _strands(small.shape[:2], unit, seed, hair)[..., None]
    behind = np.concatenate([strands * np.array(HAIR, np.float32), strands], axis=-1)
    return (small + (1.0 - small[..., 3:]) * behind).astype(np.float32), (width - columns) // 2


def _inside(across: NDArray[Any], down: NDArray[Any], half_width: float, half_height: float) -> NDArray[np.bool_]:
    return (across / half_width) ** 2 + (down / half_height) ** 2 < 1.0


def _strands(shape: tuple[int, int], unit: float, seed: int, hair: float) -> Array:
    """Coverage by curved strands that stand off the head; one over another lets through what both do."""
    rng = np.random.default_rng((seed, 3))
    through = np.ones(shape, np.float32)
    for _ in range(round(STRANDS * hair)):
        angle, length = rng.uniform(0.05, math.pi - 0.05), rng.uniform(14.0, 24.0) * unit
        bend, thick = rng.uniform(-0.6, 0.6), rng.uniform(*STRAND_PX)
        along = np.linspace(0.3, 1.0, max(int(2.0 * length), 8))
        turned = angle + bend * along**2
        right = 0.5 * shape[1] + along * length * np.cos(turned)
        below = 38.0 * unit - along * length * np.sin(turned) * 1.15
        _draw(through, right, below, thick * (1.2 - along))
    return (1.0 - through).astype(np.float32)


def _draw(through: Array, right: NDArray[Any], below: NDArray[Any], thick: NDArray[Any]) -> None:
    """A strand of points half a pixel apart; each pixel it crosses is covered by at most its thickness."""
    covered = np.zeros_like(through)
    for along, across in ((0, 0), (0, 1), (1, 0), (1, 1)):
        column, row = np.floor(right - 0.5).astype(int) + along, np.floor(below - 0.5).astype(int) + across
        weight = (1.0 - np.abs(right - 0.5 - column)) * (1.0 - np.abs(below - 0.5 - row))
        there = (column >= 0) & (column < through.shape[1]) & (row >= 0) & (row < through.shape[0])
        np.add.at(covered, (row[there], column[there]), 0.5 * (weight * thick)[there])
    through *= 1.0 - np.clip(covered, 0.0, 1.0)
