"""Falling snow and rain in stage space: where every flake and drop is at a time, and how fast. Pure, and stateless.

Particles hang in air that moves past the stage at one speed, in cells that are hashed by their number: cells that the
air brings are never those that it has taken away, so nothing repeats, and every eye sees the same particles in the
same places. Flutter and gusts are bounded displacements on top of that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]
# Of points (n, 3) in metres from the eye, along the stage's axes: which may be seen, give or take a margin in metres.
Inside = Callable[[Array, float], NDArray[np.bool_]]

SPEED_STEP, WIND_STEP_M_S = 0.5, 1.0  # of the populations that a speed or a wind between two is mixed of
MOST = 2.0  # of what falls at a fader's 1
NEAR_M, CLEAR_M = 0.7, 1.8  # nearer than the first nothing is drawn; from the second on all of it
LEAST_REACH_M = 2.7  # a layer that ends nearer is not seen at all
SOFT = 0.15  # of the fader: how far it moves while a particle appears
_ROWS_BITS, _COLUMNS = 13, 8  # of random numbers: x, y, z, size, two phases, two rates; as many as a cache holds
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
    """speed_m_s: of the fall in still air. flutter_m: how far a particle sways. gust_m: how far gusts carry all.
    smallest_px: of a particle's radius; what is smaller is of the veil.
    """

    speed_m_s: float
    flutter_m: float
    gust_m: float
    smallest_px: float
    layers: tuple[Layer, ...]


# Aggregates of a few millimetres to a centimetre fall at about 1 m/s, drops of 2 to 3 mm at 7 to 8 m/s (Gunn and Kinzer
# 1949; Locatelli and Hobbs 1974). What is far stands for the many that are too small to be seen one by one.
SNOW = Precipitation(
    0.95,
    0.08,
    0.15,
    0.42,
    (
        Layer(1.2, 16.0, 6.0, (0.0035, 0.0140), 1.0),
        Layer(2.5, 3.0, 14.0, (0.005, 0.011), 0.93),
        Layer(6.0, 0.22, 36.0, (0.010, 0.019), 1.06),
    ),
)
RAIN = Precipitation(
    7.5,
    0.0,
    0.2,
    0.09,
    (
        Layer(1.2, 18.0, 6.0, (0.0011, 0.0022), 1.0),
        Layer(3.0, 2.4, 18.0, (0.0018, 0.0032), 0.95),
    ),
)


@dataclass(frozen=True, eq=False)
class Particles:
    """ray_m: (n, 3) from the eye, and velocity_m_s, along the stage's axes. radius_m, share: (n,); share is how much of
    one is there.
    """

    ray_m: Array
    velocity_m_s: Array
    radius_m: Array
    share: Array


NONE = Particles(np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0), np.zeros(0))


@dataclass(frozen=True)
class Weather:
    """amount: 0 to MOST of what falls at a fader's 1. speed: in parts of the usual. wind_m_s: to stage right."""

    amount: float
    speed: float = 1.0
    wind_m_s: float = 0.0
    seed: int = 0


def particles(
    kind: Precipitation, weather: Weather, eye_m: Array, time_s: float, inside: Inside, pixel: float = 0.0
) -> Particles:
    """All of ``kind`` around ``eye_m`` (3,) that may be seen, at ``time_s``. pixel: how wide one is a metre away, in
    metres: a layer ends where its largest is less than ``smallest_px`` of it.

    A speed between two steps is a mixture of particles that fall at either, as a wind is: else all would jump when a
    fader moves, for where they are is speed times time.
    """
    reaches_m = [
        min(layer.reach_m, layer.radius_m[1] / (kind.smallest_px * pixel)) if pixel else layer.reach_m
        for layer in kind.layers
    ]
    found = [
        _of_layer(kind, index, step, amount, weather.seed, eye_m, time_s, inside, reach_m)
        for step, amount in _populations(weather)
        for index, reach_m in enumerate(reaches_m)
        if reach_m > LEAST_REACH_M
    ] or [NONE]
    return Particles(
        np.concatenate([each.ray_m for each in found]),
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
    reach_m: float,
) -> Particles:
    """In single precision from the eye on: what is large, time by speed, has become whole cells before."""
    layer = kind.layers[index]
    air_m_s = np.array([step[1] * WIND_STEP_M_S, 0.0, -kind.speed_m_s * layer.pace * step[0] * SPEED_STEP])
    gust_m, gust_m_s = _gust(kind, time_s)
    carried_m = air_m_s * time_s + gust_m
    corners_m, base = _cells(layer.cell_m, reach_m, eye_m - carried_m, inside, kind.flutter_m, [index, *step, seed])
    wanted = amount * layer.each_m3 * layer.cell_m**3
    soft = max(SOFT * wanted, 1e-6)
    last = wanted + 0.5 * soft  # half of those that appear are there
    places = np.arange(int(np.ceil(last)), dtype=np.uint32)
    rank = places + (base >> np.uint32(8))[:, None] / np.float32(16777216.0)  # cells' particles do not appear as one
    share = np.clip((np.float32(last) - rank) / np.float32(soft), 0.0, 1.0)
    there = np.flatnonzero(share)
    cell, place = np.divmod(there, max(len(places), 1))
    row = _mixed(base[cell] + places[place] * np.uint32(0x9E3779B1)) >> np.uint32(32 - _ROWS_BITS)
    chance = _table().take(row, axis=0)
    still_m = corners_m.take(cell, axis=0) + chance[:, :3] * np.float32(layer.cell_m)
    seen = np.flatnonzero(inside(still_m, 2.0 * kind.flutter_m + layer.radius_m[1]))
    still_m, chance = still_m.take(seen, axis=0), chance.take(seen, axis=0)
    share = share.ravel().take(there.take(seen))
    sway_m, sway_m_s = _flutter(kind, chance, time_s)
    ray_m = still_m + sway_m
    small, large = layer.radius_m
    away_m = np.sqrt(np.einsum("ij,ij->i", ray_m, ray_m))
    near = _smooth((away_m - NEAR_M) / (CLEAR_M - NEAR_M))
    far = 1.0 - _smooth((away_m / reach_m - 0.65) / 0.35)
    velocity_m_s = np.broadcast_to((air_m_s + gust_m_s).astype(np.float32) + sway_m_s, ray_m.shape)
    return Particles(ray_m, velocity_m_s, small + (large - small) * chance[:, 3] ** 2, share * near * far)


def _cells(
    cell_m: float, reach_m: float, eye_in_air_m: Array, inside: Inside, margin_m: float, number: list[int]
) -> tuple[NDArray[np.float32], NDArray[np.uint32]]:
    """The cells that are in reach and may be seen: low corners from the eye (n, 3) in metres, and hashes."""
    count = int(np.ceil(reach_m / cell_m))
    middle = np.floor(eye_in_air_m / cell_m)
    steps = _grid(count)
    start_m = (middle * cell_m - eye_in_air_m).astype(np.float32)
    corners_m = steps * np.float32(cell_m) + start_m
    kept = np.flatnonzero(inside(corners_m + np.float32(0.5 * cell_m), margin_m + 0.87 * cell_m))
    return corners_m[kept], _hash(steps[kept].astype(np.int64) + middle.astype(np.int64), number)


@cache
def _grid(count: int) -> NDArray[np.float32]:
    """(n, 3): steps to the cells around one, no farther than ``count`` and a cell's own width."""
    axis = np.arange(-count, count + 1)
    steps = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    return steps[np.linalg.norm(steps, axis=1) < count + 1.0].astype(np.float32)


def _gust(kind: Precipitation, time_s: float) -> tuple[Array, Array]:
    """What gusts have carried all particles by, (3,) in metres, and how fast they do."""
    rate = 2.0 * np.pi / np.array([period for period, _ in _GUSTS])
    angle = rate * time_s + np.array([phase for _, phase in _GUSTS])
    size_m = kind.gust_m * np.array([1.0, 0.6, 0.1])
    return size_m * np.sin(angle), size_m * rate * np.cos(angle)


def _flutter(kind: Precipitation, chance: NDArray[np.float32], time_s: float) -> tuple[Array, Array]:
    """(n, 3) each: how far particles sway from where they would be, in metres, and how fast."""
    if not kind.flutter_m:
        still = np.zeros((1, 3), np.float32)
        return still, still
    rate = 2.0 + 3.0 * chance[:, [6, 7]].astype(float)
    angle = np.mod(rate * time_s + 2.0 * np.pi * chance[:, [4, 5]], 2.0 * np.pi).astype(np.float32)
    size_m = np.float32(kind.flutter_m)
    sway_m, sway_m_s = size_m * np.sin(angle), size_m * rate.astype(np.float32) * np.cos(angle)
    less = 0.4  # up and down
    return tuple(np.concatenate([each, less * each[:, :1]], axis=1) for each in (sway_m, sway_m_s))  # type: ignore[return-value]


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
def _table() -> NDArray[np.float32]:
    """(1 << _ROWS_BITS, _COLUMNS) of 0 to 1, always the same."""
    return np.random.default_rng(1).random((1 << _ROWS_BITS, _COLUMNS), np.float32)


def _smooth(part: Array) -> Array:
    part = np.clip(part, 0.0, 1.0)
    smooth: Array = part * part * (3.0 - 2.0 * part)
    return smooth
