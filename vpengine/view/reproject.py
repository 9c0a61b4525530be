"""Depth-tested re-projection on numpy: the slow, obviously right twin of shaders/reproject.frag and its surround."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vpengine.view.surround import surround_weights
from vpengine.view.view import View, pixel_centres, rays

Array = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Source:
    """One keyframe, or a face of a surround. gain, bias: (height, width, 3); depth_m: (height, width), +inf for sky.

    newness: how much it counts beside others; a face's is its station's share times its trust. trust: whether what it
    alone shows is believed.
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
    sums = _Sums(view, depth_m)
    for source in sources:
        at = _lookup(sums, source)
        shown = _shown(sums, at, border)
        sums.add(source, at, np.maximum(source.newness * shown - ignored * sums.total, 0.0), source.trust * shown)
    return sums.gathered()


def gather_surround(view: View, depth_m: NDArray[Any], faces: Sequence[tuple[int, Source]]) -> Gathered:
    """The same of a surround's faces (view.surround), each with its number: the twin of shaders/include/surround.glsl.

    A face counts by how near to its axis a pixel's direction from its station is, and not by footprint or angle.
    """
    sums = _Sums(view, depth_m)
    for number, face in faces:
        at = _lookup(sums, face)
        near = surround_weights(at.key_ray)[..., number]
        sums.add(face, at, face.newness * near, face.trust * near)
    return sums.gathered()


@dataclass(frozen=True, eq=False)
class _At:
    """Where each pixel is in a source: ndc (..., 2), clip w over the pixel's depth (of the sky: over nothing), the
    depth expected there, and the direction from the source's origin, in stage space.
    """

    ndc: Array
    w: Array
    expected_m: Array
    key_ray: Array


class _Sums:
    """Of what sources say of a View's pixels, as they are asked one after the other."""

    def __init__(self, view: View, depth_m: NDArray[Any]) -> None:
        height, width = depth_m.shape
        self.view, self.depth_m, self.sky = view, depth_m, np.isinf(depth_m)
        self.ray = rays(view, pixel_centres((width, height)))
        self.gain, self.bias = np.zeros((height, width, 3)), np.zeros((height, width, 3))
        self.total, self.known = np.zeros((height, width)), np.zeros((height, width))

    def add(self, source: Source, at: _At, weight: Array, trust: Array) -> None:
        column, row, share = _matching_texels(source, at.ndc, at.expected_m, self.sky)
        # A quarter of a texel of the right surface is enough to go by.
        share = share * np.minimum(4.0, 1.0 / np.maximum(share.sum(axis=-1), 1e-3))[..., None]
        self.known = np.maximum(self.known, trust * share.sum(axis=-1))
        share = share * weight[..., None]
        self.gain += np.sum(source.gain[row, column].astype(float) * share[..., None], axis=-2)
        self.bias += np.sum(source.bias[row, column].astype(float) * share[..., None], axis=-2)
        self.total += share.sum(axis=-1)

    def gathered(self) -> Gathered:
        seen = np.maximum(self.total, 1e-12)[..., None]
        return Gathered(self.gain / seen, self.bias / seen, self.total, self.known)


def _lookup(sums: _Sums, source: Source) -> _At:
    ray, origin_m, sky = sums.ray, sums.view.origin_m, sums.sky
    inverse_depth = np.where(sky, 0.0, 1.0 / np.where(sky, 1.0, sums.depth_m))
    # Points divided by their depth, so that the sky is a point at infinity like any other.
    points = np.concatenate([ray + origin_m * inverse_depth[..., None], inverse_depth[..., None]], axis=-1)
    clip = points @ source.view.clip_from_stage.T
    w = clip[..., 3]
    ndc = clip[..., :2] / np.where(np.abs(w) < 1e-9, 1e-9, w)[..., None]
    key_ray = ray - (source.view.origin_m - origin_m) * inverse_depth[..., None]
    return _At(ndc, w, np.where(sky, np.inf, w * np.where(sky, 1.0, sums.depth_m)), key_ray)


def _shown(sums: _Sums, at: _At, border: float) -> Array:
    """How well a keyframe shows each pixel, 0 to 1."""
    weight = np.clip(((1.0 - np.abs(at.ndc)) / border).min(axis=-1), 0.0, 1.0)
    footprint = np.where(sums.sky, 1.0, np.minimum(1.0, 1.0 / np.maximum(at.w, 1e-9)))
    lengths = np.linalg.norm(sums.ray, axis=-1) * np.linalg.norm(at.key_ray, axis=-1)
    cosine = np.maximum(np.sum(sums.ray * at.key_ray, axis=-1), 0.0) / lengths
    return np.where(at.w > 0.0, weight * footprint**2 * cosine**3, 0.0)


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
