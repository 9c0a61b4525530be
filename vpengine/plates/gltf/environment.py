"""A dome's light, worked out at load: irradiance in spherical harmonics, and what mirrors of each roughness show.

Irradiance: Ramamoorthi & Hanrahan, "An Efficient Representation for Irradiance Environment Maps", 2001. Mirrors: the
first factor of Karis's split sum, "Real Shading in Unreal Engine 4", 2013. Directions are the stage's, Z up.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

GRID = (48, 96)  # rows from the zenith down, columns from behind through ahead
MIRROR_SIDE = 64  # of an octahedral map
AT_ONCE = 64  # texels: their lobes stay in a processor's cache
ROUGHNESSES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Environment:
    """irradiance: (9, 3), of irradiance over pi in real spherical harmonics, the cosine worked in.

    mirrors: (roughness, MIRROR_SIDE, MIRROR_SIDE, 3): radiance, by octahedral direction, row 0 y = -1.
    """

    irradiance: Array
    mirrors: NDArray[np.float32]


def grid_directions() -> Array:
    """(rows, columns, 3), unit: the middles of GRID's cells."""
    rows, columns = GRID
    polar = (np.arange(rows) + 0.5) / rows * np.pi
    azimuth = ((np.arange(columns) + 0.5) / columns - 0.5) * 2.0 * np.pi
    across = np.sin(polar)[:, None]
    x, y = across * np.sin(azimuth), across * np.cos(azimuth)
    return np.stack([x, y, np.broadcast_to(np.cos(polar)[:, None], x.shape)], axis=-1)


def grid_solid_angles() -> Array:
    """(rows, 1) steradians of a cell; all of them are 4 pi."""
    rows, columns = GRID
    edges = np.cos(np.arange(rows + 1) / rows * np.pi)
    return ((edges[:-1] - edges[1:]) * 2.0 * np.pi / columns)[:, None]


def environment(radiance: Array) -> Environment:
    """radiance: (*GRID, 3), of ``grid_directions``."""
    return Environment(irradiance(radiance), _mirrors_of(np.ascontiguousarray(radiance, np.float32).tobytes()))


def irradiance(radiance: Array) -> Array:
    """(9, 3), as Environment has it. radiance: (*GRID, 3). Of pi times the cosine, each band has 1, 2/3 and 1/4."""
    directions, weights = _cells()
    bands = np.array([1.0, *[2.0 / 3.0] * 3, *[0.25] * 5])
    return bands[:, None] * np.einsum("nk,n,nc->kc", harmonics(directions), weights, radiance.reshape(-1, 3))


def _cells() -> tuple[Array, Array]:
    """The grid's directions (N, 3) and solid angles (N,)."""
    return grid_directions().reshape(-1, 3), np.broadcast_to(grid_solid_angles(), GRID).reshape(-1)


def harmonics(direction: Array) -> Array:
    """(..., 9): the real spherical harmonics of bands 0 to 2 (Ramamoorthi & Hanrahan, 2001, equation 3)."""
    x, y, z = np.moveaxis(direction, -1, 0)
    one = np.ones_like(x)
    return np.stack(
        [
            0.282095 * one,
            0.488603 * y,
            0.488603 * z,
            0.488603 * x,
            1.092548 * x * y,
            1.092548 * y * z,
            0.315392 * (3.0 * z * z - 1.0),
            1.092548 * x * z,
            0.546274 * (x * x - y * y),
        ],
        axis=-1,
    )


def octahedral(direction: Array) -> Array:
    """(..., 2) in -1..1: the lower half is folded outwards (Cigolle et al. 2014); twin of include/gltf_light.glsl."""
    at = direction / np.abs(direction).sum(axis=-1, keepdims=True)
    folded = (1.0 - np.abs(at[..., 1::-1])) * np.where(at[..., :2] >= 0.0, 1.0, -1.0)
    return np.where(at[..., 2:] >= 0.0, at[..., :2], folded)


def _mirror_directions() -> Array:
    """(side, side, 3): of texels' middles, but that the outermost lie on the map's edge: nothing is beyond it."""
    line = np.linspace(-1.0, 1.0, MIRROR_SIDE)
    x, y = np.meshgrid(line, line)
    z = 1.0 - np.abs(x) - np.abs(y)
    fold = np.maximum(-z, 0.0)
    out = np.stack([x - np.copysign(fold, x), y - np.copysign(fold, y), z], axis=-1)
    return out / np.linalg.norm(out, axis=-1, keepdims=True)


@lru_cache(maxsize=4)  # a show's plates often stand under one sky
def _mirrors_of(radiance: bytes) -> NDArray[np.float32]:
    """radiance: the grid's, in float32. Some texels at a time: every texel by every cell, in five lobes, would be half
    a gigabyte.
    """
    texels, light = _mirror_directions().reshape(-1, 3).astype(np.float32), np.frombuffer(radiance, np.float32)
    light, (source, share) = light.reshape(-1, 3), (array.astype(np.float32) for array in _cells())
    out = np.empty((len(ROUGHNESSES), len(texels), 3), np.float32)
    for first in range(0, len(texels), AT_ONCE):
        part = slice(first, first + AT_ONCE)
        cosine = texels[part] @ source.T
        out[0, part] = _nearest(cosine, light)
        np.maximum(cosine, 0.0, out=cosine)
        for number, roughness in enumerate(ROUGHNESSES[1:], 1):
            lobe = _ggx_lobe(cosine, roughness) * share
            out[number, part] = lobe @ light / lobe.sum(axis=1, keepdims=True)
    made = out.reshape(len(ROUGHNESSES), MIRROR_SIDE, MIRROR_SIDE, 3)
    made.flags.writeable = False  # several plates have it
    return made


def _nearest(cosine: NDArray[np.float32], light: NDArray[np.float32]) -> NDArray[np.float32]:
    """What a perfect mirror shows, but for the grid: the mean of the nearest cells, as near as they are."""
    nearest = np.argpartition(cosine, -4, axis=1)[:, -4:]
    close = np.maximum(
        np.take_along_axis(cosine, nearest, axis=1) - np.float32(np.cos(np.radians(6.0))), np.float32(1e-6)
    )
    picked: NDArray[np.float32] = (light[nearest] * close[..., None]).sum(axis=1) / close.sum(axis=1, keepdims=True)
    return picked


def _ggx_lobe(cosine: NDArray[np.float32], roughness: float) -> NDArray[np.float32]:
    """GGX seen along the normal (Karis's N = V = R): D(h) (n . l), n . h of the half angle; alpha is roughness^2."""
    alpha_square = np.float32(max(roughness**4, 1e-4))
    half_square = (1.0 + cosine) * 0.5
    spread = half_square * (alpha_square - 1.0) + 1.0
    return (cosine / (spread * spread)).astype(np.float32)
