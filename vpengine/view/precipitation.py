"""Falling snow and rain in stage space: where every flake and drop is at a time, and how fast. Pure, and stateless.

Particles hang in air that moves past the stage at one speed, in cells that are hashed by their number: cells that the
air brings are never those that it has taken away, so nothing repeats, and every eye sees the same particles in the
same places. Flutter and gusts are bounded displacements on top of that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]
Inside = Callable[[Array, float], NDArray[np.bool_]]  # stage points (n, 3) in metres and a margin: which may be seen

SPEED_STEP, WIND_STEP_M_S = 0.5, 1.0  # of the populations that a speed or a wind between two is mixed of
MOST = 2.0  # of what falls at a fader's 1
NEAR_M, CLEAR_M = 0.7, 1.8  # nearer than the first nothing is drawn; from the second on all of it
SOFT = 0.1  # of a particle: how far a fader moves while one appears
_ROWS, _COLUMNS = 1 << 16, 8  # of the table of random numbers: x, y, z, size, two phases, two rates
_GUSTS = ((7.3, 0.0), (11.9, 2.1), (5.1, 4.0))  # period in seconds and phase


@dataclass(frozen=True)
class Layer:
    """Particles around an eye. cell_m: a cell's side. each_m3: how many there are at a fader's 1. reach_m: how far from
    the eye they are drawn. radius_m: smallest and largest. pace: of the fall's speed; layers that fall alike look flat.
    """

    cell_m: float
    each_m3: float
    reach_m: float
    radius_m: tuple[float, float]
    pace: float


@dataclass(frozen=True)
class Precipitation:
    """speed_m_s: of the fall in still air. flutter_m: how far a particle sways. gust_m: how far gusts carry all."""

    speed_m_s: float
    flutter_m: float
    gust_m: float
    layers: tuple[Layer, ...]


# Aggregates of a few millimetres to a centimetre fall at about 1 m/s, drops of 2 to 3 mm at 7 to 8 m/s (Gunn and Kinzer
# 1949; Locatelli and Hobbs 1974). What is far stands for the many that are too small to be seen one by one.
SNOW = Precipitation(
    1.15,
    0.09,
    0.5,
    (
        Layer(1.2, 9.0, 6.0, (0.0022, 0.0058), 1.0),
        Layer(2.5, 1.0, 14.0, (0.004, 0.008), 0.93),
        Layer(6.0, 0.06, 34.0, (0.008, 0.014), 1.06),
    ),
)
RAIN = Precipitation(
    7.5,
    0.0,
    0.25,
    (
        Layer(1.2, 6.0, 6.0, (0.0009, 0.0016), 1.0),
        Layer(3.0, 0.5, 18.0, (0.0014, 0.0022), 0.95),
    ),
)


@dataclass(frozen=True, eq=False)
class Particles:
    """position_m, velocity_m_s: (n, 3) in stage space. radius_m, share: (n,); share is how much of one is there."""

    position_m: Array
    velocity_m_s: Array
    radius_m: Array
    share: Array


@dataclass(frozen=True)
class Weather:
    """amount: 0 to MOST of what falls at a fader's 1. speed: in parts of the usual. wind_m_s: to stage right."""

    amount: float
    speed: float = 1.0
    wind_m_s: float = 0.0
    seed: int = 0


def particles(kind: Precipitation, weather: Weather, eye_m: Array, time_s: float, inside: Inside) -> Particles:
    """All of ``kind`` around ``eye_m`` (3,) that may be seen, at ``time_s``.

    A speed between two steps is a mixture of particles that fall at either, as a wind is: else all would jump when a
    fader moves, for where they are is speed times time.
    """
    found = [
        _of_layer(kind, index, step, amount, weather.seed, eye_m, time_s, inside)
        for step, amount in _populations(weather)
        for index in range(len(kind.layers))
    ]
    return Particles(
        np.concatenate([each.position_m for each in found]),
        np.concatenate([each.velocity_m_s for each in found]),
        np.concatenate([each.radius_m for each in found]),
        np.concatenate([each.share for each in found]),
    )


def _populations(weather: Weather) -> Iterator[tuple[tuple[int, int], float]]:
    """Steps of speed and wind, and how much falls at each."""
    amount = min(max(weather.amount, 0.0), MOST)
    for speed, speed_share in _steps(weather.speed / SPEED_STEP):
        for wind, wind_share in _steps(weather.wind_m_s / WIND_STEP_M_S):
            if amount * speed_share * wind_share > 0.0:
                yield (speed, wind), amount * speed_share * wind_share


def _steps(value: float) -> tuple[tuple[int, float], tuple[int, float]]:
    low = int(np.floor(value))
    return (low, 1.0 - (value - low)), (low + 1, value - low)


def _of_layer(
    kind: Precipitation,
    index: int,
    step: tuple[int, int],
    amount: float,
    seed: int,
    eye_m: Array,
    time_s: float,
    inside: Inside,
) -> Particles:
    layer = kind.layers[index]
    fall_m_s = kind.speed_m_s * layer.pace * step[0] * SPEED_STEP
    air_m_s = np.array([step[1] * WIND_STEP_M_S, 0.0, -fall_m_s])
    gust_m, gust_m_s = _gust(kind, time_s)
    carried_m = air_m_s * time_s + gust_m
    cells = _cells(layer, eye_m, carried_m, inside, kind.flutter_m)
    number = [index, *step, seed, round(1e3 * kind.speed_m_s)]
    base = _hash(cells, number)
    wanted = amount * layer.each_m3 * layer.cell_m**3
    places = np.arange(int(np.ceil(wanted)), dtype=np.uint32)
    row = _mixed(base[:, None] + places * np.uint32(0x9E3779B1))
    rank = places + (base >> np.uint32(8))[:, None] / 16777216.0  # each cell's particles appear at other moments
    share = np.clip((wanted - rank) / SOFT, 0.0, 1.0)
    kept = share > 0.0
    which, chance = np.nonzero(kept)[0], _table()[row[kept] >> np.uint32(16)]
    still_m = (cells[which] + chance[:, :3]) * layer.cell_m + carried_m
    seen = inside(still_m, 2.0 * kind.flutter_m + layer.radius_m[1])
    still_m, chance, share = still_m[seen], chance[seen], share[kept][seen]
    sway_m, sway_m_s = _flutter(kind, chance, time_s)
    position_m = still_m + sway_m
    small, large = layer.radius_m
    radius_m = small + (large - small) * chance[:, 3] ** 2
    away_m = np.linalg.norm(position_m - eye_m, axis=1)
    near = _smooth((away_m - NEAR_M) / (CLEAR_M - NEAR_M))
    far = 1.0 - _smooth((away_m / layer.reach_m - 0.65) / 0.35)
    return Particles(position_m, np.zeros_like(still_m) + air_m_s + gust_m_s + sway_m_s, radius_m, share * near * far)


def _cells(layer: Layer, eye_m: Array, carried_m: Array, inside: Inside, margin_m: float) -> NDArray[np.int64]:
    """(n, 3): numbers, in the air's own frame, of the cells that are in reach and may be seen."""
    in_air_m = eye_m - carried_m
    low = np.floor((in_air_m - layer.reach_m) / layer.cell_m).astype(np.int64)
    high = np.floor((in_air_m + layer.reach_m) / layer.cell_m).astype(np.int64)
    axes = [np.arange(first, last + 1) for first, last in zip(low, high, strict=True)]
    cells = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    middle_m = (cells + 0.5) * layer.cell_m + carried_m
    margin_m += layer.cell_m * 0.5 * 3.0**0.5
    reached = np.linalg.norm(middle_m - eye_m, axis=1) < layer.reach_m + margin_m
    return cells[reached & inside(middle_m, margin_m)]


def _gust(kind: Precipitation, time_s: float) -> tuple[Array, Array]:
    """What gusts have carried all particles by, (3,) in metres, and how fast they do."""
    rate = 2.0 * np.pi / np.array([period for period, _ in _GUSTS])
    angle = rate * time_s + np.array([phase for _, phase in _GUSTS])
    size_m = kind.gust_m * np.array([1.0, 0.6, 0.1])
    return size_m * np.sin(angle), size_m * rate * np.cos(angle)


def _flutter(kind: Precipitation, chance: Array, time_s: float) -> tuple[Array | float, Array | float]:
    """(n, 3) each: how far particles sway from where they would be, in metres, and how fast."""
    if not kind.flutter_m:
        return 0.0, 0.0
    rate = 2.0 + 3.0 * chance[:, [6, 7, 6]]
    angle = rate * time_s + 2.0 * np.pi * chance[:, [4, 5, 5]]
    size_m = kind.flutter_m * np.array([1.0, 1.0, 0.4])
    return size_m * np.sin(angle), size_m * rate * np.cos(angle)


def _hash(cells: NDArray[np.int64], number: list[int]) -> NDArray[np.uint32]:
    """(n, 3) to (n,). number: of what else the particles depend on."""
    start = np.uint64(0)
    for part in number:
        start = np.uint64((int(start) * 0x9E3779B1 + part + 0x7F4A7C15) & 0xFFFFFFFF)
    words = (cells & 0xFFFFFFFF).astype(np.uint32)
    h = np.full(len(cells), start, np.uint32)
    for axis in range(3):
        h = _mixed((h ^ words[:, axis]) * np.uint32(0x9E3779B1))
    return h


def _mixed(h: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """An integer hash of good avalanche (Wellons 2018, "lowbias32")."""
    h = (h ^ (h >> np.uint32(16))) * np.uint32(0x7FEB352D)
    h = (h ^ (h >> np.uint32(15))) * np.uint32(0x846CA68B)
    return h ^ (h >> np.uint32(16))


@cache
def _table() -> Array:
    """(_ROWS, _COLUMNS) of 0 to 1, always the same."""
    return np.random.default_rng(1).random((_ROWS, _COLUMNS))


def _smooth(part: Array) -> Array:
    part = np.clip(part, 0.0, 1.0)
    smooth: Array = part * part * (3.0 - 2.0 * part)
    return smooth


def everywhere(points_m: Array, margin_m: float) -> NDArray[Any]:
    """An ``Inside`` that leaves nothing out."""
    del margin_m
    return np.ones(len(points_m), bool)
