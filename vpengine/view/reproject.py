"""Depth-tested re-projection on numpy: the slow, obviously right twin of shaders/reproject.frag."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vpengine.view.view import View, pixel_centres, rays

Array = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Source:
    """One keyframe. gain, bias: (height, width, 3); depth_m: (height, width), +inf for sky.

    newness: how much it counts beside others. trust: whether what it alone shows is believed.
    """

    view: View
    gain: NDArray[Any]
    bias: NDArray[Any]
    depth_m: NDArray[Any]
    newness: float
    trust: float = 1.0


@dataclass(frozen=True, eq=False)
class Gathered:
    """gain, bias: (height, width, 3), weighted means; weight: (height, width), 0 where no source sees the point.

    known: (height, width), the best trust of any source in what it shows there, whatever its newness.
    """

    gain: Array
    bias: Array
    weight: Array
    known: Array


def gather(view: View, depth_m: NDArray[Any], sources: Sequence[Source], border: float, ignored: float) -> Gathered:
    """What the sources, newest first, say of every pixel of ``view`` whose plate has ``depth_m`` (height, width).

    border: the share of a source's picture over which its weight falls to 0 at its edges. ignored: a source with less
    weight than this share of what newer ones have is not asked.
    """
    height, width = depth_m.shape
    ray = rays(view, pixel_centres((width, height)))
    gain, bias = np.zeros((height, width, 3)), np.zeros((height, width, 3))
    total, known = np.zeros((height, width)), np.zeros((height, width))
    for source in sources:
        ndc, expected_m, shown = _lookup(view, source, ray, depth_m, border)
        weight = np.maximum(source.newness * shown - ignored * total, 0.0)
        column, row, share = _matching_texels(source, ndc, expected_m, np.isinf(depth_m))
        # A quarter of a texel of the right surface is enough to go by.
        share = share * np.minimum(4.0, 1.0 / np.maximum(share.sum(axis=-1), 1e-3))[..., None]
        known = np.maximum(known, source.trust * shown * share.sum(axis=-1))
        share = share * weight[..., None]
        gain += np.sum(source.gain[row, column].astype(float) * share[..., None], axis=-2)
        bias += np.sum(source.bias[row, column].astype(float) * share[..., None], axis=-2)
        total += share.sum(axis=-1)
    seen = np.maximum(total, 1e-12)[..., None]
    return Gathered(gain / seen, bias / seen, total, known)


def _lookup(view: View, source: Source, ray: Array, depth_m: NDArray[Any], border: float) -> tuple[Array, Array, Array]:
    """Where each pixel is in the source (ndc), the depth expected there, and how well the source shows it (0 to 1)."""
    sky = np.isinf(depth_m)
    inverse_depth = np.where(sky, 0.0, 1.0 / np.where(sky, 1.0, depth_m))
    # Points divided by their depth, so that the sky is a point at infinity like any other.
    points = np.concatenate([ray + view.origin_m * inverse_depth[..., None], inverse_depth[..., None]], axis=-1)
    clip = points @ source.view.clip_from_stage.T
    w = clip[..., 3]
    ndc = clip[..., :2] / np.where(np.abs(w) < 1e-9, 1e-9, w)[..., None]
    weight = np.clip(((1.0 - np.abs(ndc)) / border).min(axis=-1), 0.0, 1.0)
    footprint = np.where(sky, 1.0, np.minimum(1.0, 1.0 / np.maximum(w, 1e-9)))
    key_ray = ray - (source.view.origin_m - view.origin_m) * inverse_depth[..., None]
    lengths = np.linalg.norm(ray, axis=-1) * np.linalg.norm(key_ray, axis=-1)
    cosine = np.maximum(np.sum(ray * key_ray, axis=-1), 0.0) / lengths
    expected_m = np.where(sky, np.inf, w * np.where(sky, 1.0, depth_m))
    return ndc, expected_m, np.where(w > 0.0, weight * footprint**2 * cosine**3, 0.0)


def _matching_texels(
    source: Source, ndc: Array, expected_m: Array, sky: NDArray[np.bool_]
) -> tuple[NDArray[np.intp], NDArray[np.intp], Array]:
    """The four texels around each point (column, row: (..., 4)) and the bilinear share of those of the same surface."""
    height, width = source.depth_m.shape
    x = np.clip((ndc[..., 0] * 0.5 + 0.5) * width - 0.5, -1.0, width)
    y = np.clip((0.5 - ndc[..., 1] * 0.5) * height - 0.5, -1.0, height)
    left, top = np.floor(x), np.floor(y)
    step_x, step_y = np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1])
    column = np.clip(left[..., None] + step_x, 0, width - 1).astype(np.intp)
    row = np.clip(top[..., None] + step_y, 0, height - 1).astype(np.intp)
    tx, ty = (x - left)[..., None], (y - top)[..., None]
    bilinear = np.where(step_x == 1, tx, 1.0 - tx) * np.where(step_y == 1, ty, 1.0 - ty)
    return column, row, bilinear * _same_surface(source.depth_m[row, column], bilinear, expected_m, sky)


def _same_surface(
    found_m: NDArray[Any], bilinear: Array, expected_m: Array, sky: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Which of four texels (..., 4) show the surface expected there.

    Along a plane inverse depth is linear in the picture, so a floor seen aslant agrees as a whole, however much the
    depth of its texels differs; across an edge each texel is judged by itself.
    """
    expected = np.where(sky, 1.0, expected_m)[..., None]
    inverse, inverse_expected = 1.0 / found_m, 1.0 / expected
    off = np.abs(np.sum(inverse * bilinear, axis=-1, keepdims=True) - inverse_expected)
    spread = inverse.max(axis=-1, keepdims=True) - inverse.min(axis=-1, keepdims=True)
    plane = (off < 0.02 * inverse_expected) & (spread < 0.4 * inverse_expected)
    with np.errstate(invalid="ignore"):
        each = np.abs(found_m - expected) < 0.03 * expected + 0.02
    return np.where(sky[..., None], np.isinf(found_m), plane | each)
