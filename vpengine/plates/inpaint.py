"""What a picture may have where nobody saw it: smooth from all sides, then of patches of what is seen.

The patches are found coarse to fine by PatchMatch (Barnes et al. 2009) and averaged where they overlap (Wexler et al.
2007). OpenCV's inpainting, which is no dependency of this engine, only diffuses: wide holes come out smeared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_COARSEST = 96  # pixels of the longer side where patches are first looked for
_ROUNDS = 3  # of looking at the coarsest; one less at each finer
_PATCH = [(y, x) for y in (-2, 0, 2) for x in (-2, 0, 2)]
_WHOLE_PATCH = [(y, x) for y in range(-2, 3) for x in range(-2, 3)]
_VOTES = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1)]
_REACH = 2
_FINEST_SEARCH = 1400  # pixels of the longer side: what is finer takes what was found there
_MOST_SOURCES = 4000  # that each pixel of the coarsest level is compared with
_ELSEWHERE = 0.3  # price of a patch from another height in the picture: what is near has other detail than what is far

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]
Places = NDArray[np.int64]  # (n, 2): rows and columns


def smoothly_filled(values: Array, known: Mask) -> Array:
    """(height, width, channels), unknown pixels from coarser and coarser means of the known (pull-push)."""
    if known.all() or not known.any():
        return values
    weight = known.astype(np.float32)[..., None]
    return np.where(known[..., None], values, _pulled(values * weight, weight)).astype(np.float32)


def _pulled(total: Array, weight: Array) -> Array:
    """Means where there is weight, elsewhere a coarser level's."""
    mean: Array = (total / np.maximum(weight, 1e-6)).astype(np.float32)
    if min(weight.min(), 1.0) > 0.0 or max(weight.shape[:2]) == 1:
        return mean
    coarse = _pulled(_halved(total), _halved(weight))
    share = np.minimum(weight, 1.0)
    return np.asarray(share * mean + (1.0 - share) * _doubled(coarse, weight.shape[:2]), np.float32)


def _halved(values: Array) -> Array:
    """Sums of two by two."""
    height, width = values.shape[:2]
    even = np.pad(values, ((0, height % 2), (0, width % 2), (0, 0)))
    return np.asarray(even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2])


def _doubled(values: Array, size: tuple[int, ...]) -> Array:
    """Linear between the middles of pixels."""
    rows, columns = (np.clip((np.arange(side) - 0.5) / 2.0, 0.0, None) for side in size)
    out = values
    for axis, at in enumerate((rows, columns)):
        first = np.minimum(at.astype(int), out.shape[axis] - 1)
        second = np.minimum(first + 1, out.shape[axis] - 1)
        share = (at - first).astype(np.float32).reshape([-1 if axis == n else 1 for n in range(3)])
        out = np.take(out, first, axis) * (1.0 - share) + np.take(out, second, axis) * share
    return out


@dataclass(frozen=True, eq=False)
class _Level:
    """color: (height, width, 3), as patches are compared; hole: what is looked for; sources: (n, 2) middles."""

    color: Array
    hole: Mask
    is_source: Mask
    sources: Places


def patched(color: Array, hole: Mask, source: Mask, seed: int = 1) -> Array:
    """color: (height, width, 3), linear, its hole filled smoothly; the hole of patches of what ``source`` has.

    Where there are not enough sources it stays as it is. The same for the same seed.
    """
    levels = _levels(np.sqrt(np.maximum(color, 0.0)), hole, source)
    if not levels or not hole.any():
        return color
    rng = np.random.default_rng(seed)
    found = voted = None
    for number, level in enumerate(levels):
        image = level.color.copy()
        found = _peeled(image, level, rng) if found is None else _begun(level, found, rng)
        if voted is not None:
            finer = _doubled(voted, level.hole.shape)
            image[level.hole] = finer[level.hole]
        for _ in range(max(1, _ROUNDS - number)):
            if max(level.hole.shape) <= _FINEST_SEARCH:
                _search(image, level, found, rng)
            image[level.hole] = _votes(level, found)
        voted = image
    assert voted is not None
    return np.where(hole[..., None], voted**2, color).astype(np.float32)


def _levels(color: Array, hole: Mask, source: Mask) -> list[_Level]:
    """Coarse to fine, from the coarsest that has sources enough."""
    levels: list[_Level] = []
    while True:
        # A source's whole patch is of the source, and so is what votes beside it.
        inner = ndimage.binary_erosion(source, np.ones((3, 3), bool), _REACH, border_value=0)
        sources = np.argwhere(inner)
        if len(sources) < 64:
            break
        levels.append(_Level(color, hole, inner, sources))
        if max(color.shape) < 2 * _COARSEST:
            break
        color = _halved(color) * np.float32(0.25)
        hole = _halved(hole[..., None].astype(np.float32))[..., 0] > 0.0
        source = _halved(source[..., None].astype(np.float32))[..., 0] > 3.5
    return levels[::-1]


def _peeled(image: Array, level: _Level, rng: np.random.Generator) -> NDArray[np.int64]:
    """(height, width, 2): each pixel's patch, found from the hole's border inwards, by what is known around it.

    The image's hole is filled with them. Lines go on so, which a smooth beginning would end.
    """
    sources = level.sources[rng.permutation(len(level.sources))[:_MOST_SOURCES]]
    padded = np.pad(image, ((_REACH, _REACH), (_REACH, _REACH), (0, 0)), mode="edge")
    known = np.pad(~level.hole, _REACH, constant_values=False).astype(np.float32)
    patches = _patches(padded, sources)
    found = np.zeros((*level.hole.shape, 2), np.int64)
    left = level.hole.copy()
    while left.any():
        ring = np.argwhere(left & ndimage.binary_dilation(~left, np.ones((3, 3), bool)))
        if not len(ring):
            break
        weight = np.repeat(_patches(known[..., None], ring), 3, 1)
        own = _patches(padded, ring)
        # The sum of squares of what is known: without what is the same for every source.
        price = weight @ (patches**2).T - 2.0 * (weight * own) @ patches.T
        away = (ring[:, :1] - sources[:, 0]) / np.float32(len(image))
        best = sources[np.argmin(price + _ELSEWHERE * weight.sum(1, keepdims=True) / 3.0 * away**2, 1)]
        at = tuple(ring.T)
        found[at], left[at], image[at] = best, False, level.color[tuple(best.T)]
        padded[at[0] + _REACH, at[1] + _REACH] = image[at]
        known[at[0] + _REACH, at[1] + _REACH] = 1.0
    return found


def _patches(padded: Array, places: Places) -> Array:
    """(places, patch * channels)."""
    return np.concatenate([padded[places[:, 0] + y + _REACH, places[:, 1] + x + _REACH] for y, x in _WHOLE_PATCH], 1)


def _begun(level: _Level, coarser: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """(height, width, 2): each pixel's patch, twice as far as a coarser level has it, or anywhere."""
    height, width = level.hole.shape
    anywhere = level.sources[rng.integers(0, len(level.sources), (height, width))]
    rows, columns = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    there = 2 * coarser[np.minimum(rows // 2, len(coarser) - 1), np.minimum(columns // 2, coarser.shape[1] - 1)]
    there += np.stack([rows % 2, columns % 2], -1)
    there = np.minimum(there, [height - 1, width - 1])
    return np.where(level.is_source[there[..., 0], there[..., 1]][..., None], there, anywhere)


def _search(image: Array, level: _Level, found: NDArray[np.int64], rng: np.random.Generator) -> None:
    """Each pixel of the hole tries its neighbours' patches, moved along, and some near its own."""
    places = np.argwhere(level.hole)
    best = found[places[:, 0], places[:, 1]]
    padded = np.pad(image, ((_REACH, _REACH), (_REACH, _REACH), (0, 0)), mode="edge")
    price = _price(padded, places, best)
    size = np.array(level.hole.shape)
    for step in ((0, -1), (-1, 0), (0, 1), (1, 0)):
        beside = np.clip(places + step, 0, size - 1)
        candidate = found[beside[:, 0], beside[:, 1]] - step
        _take(padded, level, places, candidate, best, price)
        found[places[:, 0], places[:, 1]] = best
    radius = max(level.hole.shape) // 2
    while radius >= 1:
        candidate = best + rng.integers(-radius, radius + 1, best.shape)
        _take(padded, level, places, candidate, best, price)
        radius //= 4
    found[places[:, 0], places[:, 1]] = best


def _take(padded: Array, level: _Level, places: Places, candidate: Places, best: Places, price: NDArray[Any]) -> None:
    """Put a candidate in ``best`` where it is a source and of a lower price."""
    size = np.array(level.hole.shape)
    inside = ((candidate >= 0) & (candidate < size)).all(1)
    kept = np.clip(candidate, 0, size - 1)
    tried = np.flatnonzero(inside & level.is_source[kept[:, 0], kept[:, 1]])
    asked = _price(padded, places[tried], kept[tried])
    better = asked < price[tried]
    best[tried[better]], price[tried[better]] = kept[tried[better]], asked[better]


def _price(padded: Array, places: Places, sources: Places) -> NDArray[Any]:
    """How unlike the patches are: mean square, and how far up or down the source is."""
    total = np.zeros(len(places), np.float32)
    for offset in _PATCH:
        y, x = offset[0] + _REACH, offset[1] + _REACH
        difference = padded[places[:, 0] + y, places[:, 1] + x] - padded[sources[:, 0] + y, sources[:, 1] + x]
        total += np.einsum("nc,nc->n", difference, difference)
    away = (places[:, 0] - sources[:, 0]) / len(padded)
    return total / len(_PATCH) + np.float32(_ELSEWHERE) * away.astype(np.float32) ** 2


def _votes(level: _Level, found: NDArray[np.int64]) -> Array:
    """(pixels of the hole, 3): the mean of what its own patch and its neighbours' say of a pixel."""
    places = np.argwhere(level.hole)
    size = np.array(level.hole.shape)
    total, count = np.zeros((len(places), 3), np.float32), np.zeros((len(places), 1), np.float32)
    for offset in _VOTES:
        beside = np.clip(places + offset, 0, size - 1)
        says = level.hole[beside[:, 0], beside[:, 1]][:, None]
        there = found[beside[:, 0], beside[:, 1]] - (beside - places)
        total += level.color[there[:, 0], there[:, 1]] * says
        count += says
    return total / count
