"""The initial noise of a latent diffusion model, attached to the world, so that a moving camera's pictures do not boil.

White noise lives in the cells of a lattice that is fixed in stage space, one number a cell and channel; a latent pixel
has the mean of what it covers, brought to unit variance. This is the integral noise of Chang et al. (How I Warped Your
Noise, ICLR 2024), which they warp from picture to picture; a noise that is fixed in the world needs no warping, and a
picture no earlier one.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vpengine.view.view import View, in_plate, stage_ray_from_ndc

Device = str | torch.device

SKY_M = 1000.0  # the sky's points are this far from the camera, wherever it is
# A cell's width: smaller ones slip between the samples when the camera moves, larger ones tie neighbours together.
CELL_PX = 2.5
NEAREST_M = 1e-4  # footprints below this are of no picture
SAMPLES = 4  # of a pixel, along the way in which its depth changes
# Surfaces are built at round numbers, and so are the borders of a lattice without this: rounding would choose the cell.
OFFSET_CELLS = (0.3819660, 0.2763932, 0.4472136)
MASK = 0xFFFFFFFF
QUANTILES = 65536


def world_noise(
    depth_m: NDArray[np.floating], view: View, seed: int, channels: int = 4, factor: int = 8, device: Device = "cpu"
) -> Tensor:
    """(1, channels, height / factor, width / factor) float32 on ``device``: standard normal, nearly white.

    depth_m: (height, width), clip w in metres, +inf for the sky, row 0 at the top. A point has the same noise from
    every View, but for what finer or coarser pixels cover; the sky's is of directions. factor: a latent pixel's side.

    Raises ValueError where height or width is not a multiple of factor.
    """
    height, width = depth_m.shape
    if height % factor or width % factor:
        raise ValueError(f"{width} x {height} pixels are no whole number of latent pixels of {factor}")
    depth = torch.as_tensor(np.ascontiguousarray(depth_m, np.float32), device=device)
    # Neighbouring seeds as they are would only change the places of the same cells.
    seed = int(_mixed(torch.tensor(seed & MASK)))
    position, footprint = (_blocks(values, factor) for values in _samples(depth, view))
    level = torch.log2(footprint[..., 0].clamp_min(NEAREST_M) * CELL_PX)
    lower = torch.floor(level)
    t = level - lower
    fine_sum, fine_variance = _octave(position, lower, torch.sqrt(1.0 - t), seed, channels)
    coarse_sum, coarse_variance = _octave(position, lower + 1.0, torch.sqrt(t), seed, channels)
    noise = (fine_sum + coarse_sum) / torch.sqrt(fine_variance + coarse_variance)[:, None]
    return noise.reshape(1, height // factor, width // factor, channels).permute(0, 3, 1, 2).contiguous()


def _samples(depth: Tensor, view: View) -> tuple[Tensor, Tensor]:
    """Points of the surfaces in the plate's metres, (height, width, SAMPLES, 3), and a pixel's width there, (..., 1).

    A floor seen aslant runs through many cells within one pixel. Its samples lie spread along the depth's gradient, by
    the sine of the angle at which the surface is met: none of a wall that is faced, all of the pixel near the horizon.
    """
    view = in_plate(view)  # the noise stays on what it is on, where that is moved
    height, width = depth.shape
    scale = (width * view.clip_from_view[0, 0] / 2.0, height * view.clip_from_view[1, 1] / 2.0)
    pixel_m = 1.0 / math.sqrt(math.prod(scale))
    sky, inverse = torch.isinf(depth)[..., None], 1.0 / depth[..., None]
    slope = torch.cat([_slope(inverse, 1), _slope(inverse, 0)], dim=-1)
    steep = slope * torch.where(sky, 0.0, depth[..., None] / pixel_m)
    spread = steep / torch.sqrt(1.0 + steep.square().sum(dim=-1, keepdim=True))
    at = (torch.arange(SAMPLES, device=depth.device) + 0.5) / SAMPLES - 0.5
    change = (slope * spread).sum(dim=-1, keepdim=True) * at
    sampled_m = 1.0 / torch.maximum(inverse + change, 0.25 * inverse)
    ray = _rays(view, spread[..., None] * at)
    reach = torch.where(sky, SKY_M / torch.linalg.vector_norm(ray, dim=-1), sampled_m)[..., None]
    origin_m = torch.as_tensor(view.origin_m, dtype=torch.float32, device=depth.device)
    return ray * reach + torch.where(sky[..., None], 0.0, origin_m), reach * (pixel_m / view.scale)


def _slope(inverse: Tensor, axis: int) -> Tensor:
    """The change from pixel to pixel, on the side where it is less: along a plane inverse depth is linear."""
    step = torch.diff(inverse, dim=axis)
    before = torch.cat([step.narrow(axis, 0, 1), step], dim=axis)
    after = torch.cat([step, step.narrow(axis, -1, 1)], dim=axis)
    return torch.where(before.abs() < after.abs(), before, after)


def _rays(view: View, offset_px: Tensor) -> Tensor:
    """view.view.rays of pixels' centres moved by (height, width, 2, n) pixels right and down: (height, width, n, 3)."""
    height, width = offset_px.shape[:2]
    matrix = torch.as_tensor(stage_ray_from_ndc(view), dtype=torch.float32, device=offset_px.device)
    column = torch.arange(width, device=offset_px.device)[:, None] + 0.5
    row = torch.arange(height, device=offset_px.device)[:, None, None] + 0.5
    x = (column + offset_px[:, :, 0]) * (2.0 / width) - 1.0
    y = 1.0 - (row + offset_px[:, :, 1]) * (2.0 / height)
    return x[..., None] * matrix[:, 0] + y[..., None] * matrix[:, 1] + matrix[:, 2]


def _blocks(values: Tensor, factor: int) -> Tensor:
    """(height, width, samples, n) to (latent pixels, all samples of each, n)."""
    height, width, _, n = values.shape
    split = values.reshape(height // factor, factor, width // factor, -1, n)
    return split.transpose(1, 2).reshape(height // factor * (width // factor), -1, n)


def _octave(position: Tensor, level: Tensor, weight: Tensor, seed: int, channels: int) -> tuple[Tensor, Tensor]:
    """The sum of the weighted noise of every sample of a latent pixel, (pixels, channels), and its variance, (pixels,).

    position: (pixels, samples, 3) stage metres; level: log2 of a cell's width in metres; weight: (pixels, samples).
    Samples of one cell have one number, so that the variance is that of the cells' sums of weights.
    """
    offset = torch.tensor(OFFSET_CELLS, device=position.device)
    cell = torch.floor(position * torch.exp2(-level)[..., None] + offset).long()
    key, order = _sorted(lattice_hash(cell, level.long(), seed))
    starts = torch.ones_like(key, dtype=torch.bool)
    starts[:, 1:] = key[:, 1:] != key[:, :-1]
    first = torch.nonzero(starts.reshape(-1)).squeeze(-1)
    sizes = torch.diff(first, append=first.new_tensor([key.numel()]))
    shares = torch.segment_reduce(torch.gather(weight, 1, order).reshape(-1), "sum", lengths=sizes)
    terms = cell_noise(key.reshape(-1)[first], channels) * shares[:, None]
    terms = torch.cat([terms, shares.square()[:, None]], dim=1)
    sums = torch.segment_reduce(terms, "sum", lengths=starts.sum(dim=1))
    return sums[:, :channels], sums[:, channels]


def _sorted(key: Tensor) -> tuple[Tensor, Tensor]:
    """(pixels, samples) 32 bit keys in rising order, and where they were."""
    samples = key.shape[1]
    bits = samples.bit_length()
    packed = (key << bits) | torch.arange(samples, device=key.device)
    if packed.device.type == "cpu":
        packed = torch.from_numpy(np.sort(packed.numpy(), axis=1))  # ten times as fast as torch's
    else:
        packed = torch.sort(packed, dim=1).values
    return packed >> bits, packed & ((1 << bits) - 1)


def lattice_hash(cell: Tensor, level: Tensor, seed: int) -> Tensor:
    """(..., 3) int64 cells of an octave (...) to 32 bits in int64 (...): the hash of view.noise."""
    x, y, z = cell.unbind(dim=-1)
    h = level * 0x9E3779B1 + (seed & MASK)
    # What is above 32 bits, a negative cell's sign too, changes nothing below, and the mask takes it before the shift.
    for part, factor, shift in ((x, 0x85EBCA6B, 13), (y, 0xC2B2AE35, 16), (z, 0x27D4EB2F, 15), (0, 0x85EBCA6B, 13)):
        h ^= part
        h *= factor
        h &= MASK
        h ^= h >> shift
    return h


def cell_noise(key: Tensor, channels: int) -> Tensor:
    """(n,) 32 bit keys to (n, channels) of the standard normal distribution, two from each hash of the key."""
    hashes = [_mixed(key ^ ((pair * 0x9E3779B1) & MASK)) for pair in range(1, (channels + 3) // 2)]
    halves = [half for h in hashes for half in (h & (QUANTILES - 1), h >> 16)]
    return _quantiles(str(key.device))[torch.stack(halves[:channels], dim=1)]


def _mixed(h: Tensor) -> Tensor:
    """MurmurHash3's finalizer (Appleby, public domain)."""
    h = ((h ^ (h >> 16)) * 0x85EBCA6B) & MASK
    h = ((h ^ (h >> 13)) * 0xC2B2AE35) & MASK
    return h ^ (h >> 16)


@cache
def _quantiles(device: str) -> Tensor:
    """The standard normal distribution as numbers that are equally likely, (QUANTILES,) float32."""
    part = (torch.arange(QUANTILES, device=device, dtype=torch.float64) + 0.5) / QUANTILES
    numbers = math.sqrt(2.0) * torch.erfinv(2.0 * part - 1.0)
    return (numbers / numbers.square().mean().sqrt()).float()
