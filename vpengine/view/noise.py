"""World-anchored detail noise on numpy: the twin of shaders/include/noise.glsl, for tests and tools."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def detail_noise(position_m: NDArray[Any], footprint_m: NDArray[Any], seed: int = 0) -> NDArray[np.float64]:
    """(..., 3) stage metres and a pixel's width there (...) to 0..1 (...), mean 0.5."""
    level = np.log2(np.maximum(footprint_m, 1e-4) * 4.0)
    lower = np.floor(level).astype(np.int64)
    t = level - lower
    return (1.0 - t) * _lattice(position_m, lower, seed) + t * _lattice(position_m, lower + 1, seed)


def _lattice(position_m: NDArray[Any], level: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    p = position_m * np.exp2(-level.astype(float))[..., None]
    base = np.floor(p)
    t = p - base
    t = t * t * (3.0 - 2.0 * t)
    cell = base.astype(np.int64)
    out = np.zeros(p.shape[:-1])
    for corner in range(8):
        step = np.array([corner & 1, (corner >> 1) & 1, corner >> 2])
        weight = np.prod(np.where(step == 1, t, 1.0 - t), axis=-1)
        out += weight * (_hash(cell + step, level, seed) >> np.uint32(8)) / 16777216.0
    return out


def _hash(cell: NDArray[np.int64], level: NDArray[np.int64], seed: int) -> NDArray[np.uint32]:
    mask = np.uint64(0xFFFFFFFF)
    x, y, z = (cell[..., axis].astype(np.uint64) & mask for axis in range(3))
    h = (np.uint64(seed) + (level.astype(np.uint64) & mask) * np.uint64(0x9E3779B1)) & mask
    h = ((h ^ x) * np.uint64(0x85EBCA6B)) & mask
    h ^= h >> np.uint64(13)
    h = ((h ^ y) * np.uint64(0xC2B2AE35)) & mask
    h ^= h >> np.uint64(16)
    h = ((h ^ z) * np.uint64(0x27D4EB2F)) & mask
    h ^= h >> np.uint64(15)
    h = (h * np.uint64(0x85EBCA6B)) & mask
    return (h ^ (h >> np.uint64(13))).astype(np.uint32)
