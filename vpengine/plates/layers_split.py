"""A photograph and its depth become layers: cut where depth jumps, each completed behind the nearer ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from vpengine.plates.depth_file import Map
from vpengine.plates.inpaint import patched, smoothly_filled
from vpengine.plates.layers_file import Layer
from vpengine.plates.relief import is_silhouette

LEAST_LAYERS, MOST_LAYERS = 3, 5  # fewer only where there is nothing to part
_BINS = 512
_LEAST_GAIN = 0.03  # of all jumps of depth: a cut that parts less is none
_SMOOTH_PRICE = 0.02  # of a jump: what it costs to cut through two pixels where there is none
_LEAST_SKY = 0.005  # of the picture
_SPECK = 2e-4  # of the picture: what is smaller is no piece of a layer of its own
_HIDDEN_SHARE = 0.16  # of the longer side: how far behind an edge there are patches; beyond it is smooth
_EDGE_SHARE = 0.0015  # of the longer side: as far beside an edge pixels are of both sides
_BEYOND_SHARE = 0.1  # of the longer side: how far the layers go on beyond the picture
_STIFF_SHARE = 0.06  # of the longer side: as far beyond its edges a layer goes on at its edge's depth
_SLOPE_SHARE = 0.006  # of the longer side: over as much a network's depth may rise at an edge
_MISFIT = 0.06  # in square roots of light: as far beside the line from near to far a pixel is hardly a mixture
_CONTRAST = 0.05  # between near and far, in square roots of light: with less an edge's alpha is not seen

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]


def beyond_px(size: tuple[int, ...]) -> int:
    """By how many pixels on each side ``split``'s layers are larger than the picture."""
    return round(_BEYOND_SHARE * max(size))


def split(color: NDArray[np.floating], depth_m: Map, most: int = MOST_LAYERS) -> tuple[Layer, ...]:
    """color: (height, width, 3), scene-linear; depth_m: (height, width), +inf for sky.

    Layers back to front, larger than the picture by ``beyond_px`` on each side: a step aside shows what was beside it.
    """
    inverse = (1.0 / depth_m).astype(np.float32)
    bands = np.searchsorted(cuts_of(inverse, most), inverse, side="right")
    labels = without_specks(bands)
    margin = beyond_px(labels.shape)
    light = np.pad(color.astype(np.float32), ((margin, margin), (margin, margin), (0, 0)), mode="edge")
    fits = np.pad(bands == labels, margin, mode="edge")
    inverse, labels = np.pad(inverse, margin, mode="edge"), np.pad(labels, margin, mode="edge")
    seen = np.pad(np.ones(depth_m.shape, bool), margin)
    made: list[Layer] = []
    below = light
    for label in np.unique(labels):
        piece = _Piece(light, inverse, labels, fits, seen, label)
        layer = piece.layer(below)
        made.append(layer)
        alpha = layer.pixels[..., 3:].astype(np.float32)
        below = layer.pixels[..., :3].astype(np.float32) + (1.0 - alpha) * below
    return tuple(made)


def cuts_of(inverse: Map, most: int) -> NDArray[np.float32]:
    """(cuts,) inverse depths, ascending, up to ``most - 1``. The sky, where there is one, is parted first.

    Each parts most of what jumps, and little of what does not.
    """
    cuts: list[float] = []
    is_sky = inverse <= 0.0
    if is_sky.mean() > _LEAST_SKY and not is_sky.all():
        cuts.append(0.5 * float(inverse[~is_sky].min()))
    low, high = _jumps(inverse)
    ends = np.quantile(inverse[~is_sky], [0.0, 0.999]) if not is_sky.all() else np.array([1.0, 1.0])
    edges = np.geomspace(max(ends[0], 1e-4), max(ends[1], 2e-4), _BINS)
    low_bin, high_bin = (np.searchsorted(edges, each, side="right") for each in (low, high))
    jumps = is_silhouette(low, high)
    weight = np.where(jumps, np.minimum(high - low, 1.0), 0.0)
    for cut in cuts:
        weight[(low < cut) & (high >= cut)] = 0.0
    whole = weight.sum()
    smooth = _crossed(low_bin[~jumps], high_bin[~jumps], np.ones(int((~jumps).sum())))
    price = _SMOOTH_PRICE * smooth * (whole / max(int((weight > 0.0).sum()), 1))
    while len(cuts) < most - 1:
        gain = _crossed(low_bin, high_bin, weight)
        best = int(np.argmax(gain**2 / (gain + price + 1e-9)))  # so much of it as is not paid for
        if gain[best] <= (_LEAST_GAIN * whole if len(cuts) >= LEAST_LAYERS - 1 else 0.0):
            break
        cuts.append(float(edges[best]))
        weight[(low_bin <= best) & (high_bin > best)] = 0.0
    return np.sort(np.array(cuts, np.float32))


def _jumps(inverse: Map) -> tuple[Array, Array]:
    """The farther and the nearer of pixels some steps apart, sideways and downwards."""
    step = max(2, round(_SLOPE_SHARE * max(inverse.shape)))
    pairs = ((inverse[:, step:], inverse[:, :-step]), (inverse[step:], inverse[:-step]))
    first, second = (np.concatenate([pair[index].ravel() for pair in pairs]) for index in (0, 1))
    return np.minimum(first, second), np.maximum(first, second)


def _crossed(low: NDArray[np.int64], high: NDArray[np.int64], weight: NDArray[np.floating]) -> NDArray[np.float64]:
    """(bins,): the weight of the pairs that an edge lies between."""
    begun = np.bincount(low, weight, _BINS + 1) - np.bincount(high, weight, _BINS + 1)
    return np.cumsum(begun)[:_BINS]


def without_specks(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Small pieces become a part of what is around them."""
    least = max(8, round(_SPECK * labels.size))
    known = np.ones(labels.shape, bool)
    for label in range(int(labels.max()) + 1):
        pieces, _ = ndimage.label(labels == label, np.ones((3, 3)))
        small = np.bincount(pieces.ravel()) < least
        small[0] = False
        known &= ~small[pieces]
    if known.all() or not known.any():
        return labels
    nearest = ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
    return np.asarray(labels[tuple(nearest)])


@dataclass(frozen=True, eq=False)
class _Piece:
    """What makes the layer ``label`` of a picture.

    fits: of no speck, whose depth is another layer's. seen: within the picture.
    """

    light: Array
    inverse: Map
    labels: NDArray[np.int64]
    fits: Mask
    seen: Mask
    label: int

    def layer(self, below: Array) -> Layer:
        """below: (height, width, 3), what is seen behind it."""
        own, nearer = self.labels == self.label, self.labels > self.label
        edge = max(2, round(_EDGE_SHARE * max(own.shape)))
        beside_near, at_far = self._edges(edge)
        outer = own & at_far & ~beside_near
        known = own & self.seen & ~beside_near & ~self._without_thin(own & at_far, own, edge)
        if not known.any():
            known = own
        color = self._completed(known, nearer | (own & (beside_near | ~self.seen)), own)
        front = self._in_front(nearer, edge)
        color = np.where((own & beside_near & self.seen)[..., None], _unmixed(self.light, color, front), color)
        seen = _Mix(self.light, color, below)
        kept = (outer & self.seen)[..., None] * seen.misfit[..., None]
        alpha = self._alpha(own, nearer, edge, at_far, seen)
        color = color + kept * (self.light - color)
        pixels = np.concatenate([color * alpha[..., None], alpha[..., None]], -1)
        return Layer(np.clip(pixels, 0.0, 65504.0).astype(np.float16), self._inverse(own))

    def _edges(self, edge: int) -> tuple[Mask, Mask]:
        """Pixels beside something nearer of another layer, and beside something farther of another."""
        others_near = np.where(self.labels > self.label, self.inverse, 0.0)
        others_far = np.where(self.labels < self.label, self.inverse, np.inf)
        size = 2 * edge + 1
        nearest, farthest = ndimage.maximum_filter(others_near, size), ndimage.minimum_filter(others_far, size)
        return is_silhouette(self.inverse, nearest), is_silhouette(farthest, self.inverse)

    @staticmethod
    def _without_thin(edges: Mask, own: Mask, edge: int) -> Mask:
        """A twig is all edge: it keeps its own colours."""
        thick = ndimage.binary_opening(own, np.ones((3, 3), bool), edge + 1)
        return np.asarray(edges & ndimage.binary_dilation(thick, np.ones((3, 3), bool), edge))

    def _completed(self, known: Mask, hidden: Mask, own: Mask) -> Array:
        smooth = smoothly_filled(self.light, known)
        return patched(smooth, hidden & self._within_reach(own) & ~known, known)

    @staticmethod
    def _within_reach(own: Mask) -> Mask:
        return np.asarray(ndimage.distance_transform_edt(~own) <= round(_HIDDEN_SHARE * max(own.shape)))

    def _in_front(self, nearer: Mask, edge: int) -> Array:
        """(height, width, 3): the colour of the nearest thing that is nearer, clear of its edge where it is thick."""
        thick = ndimage.binary_erosion(nearer, np.ones((3, 3), bool), edge)
        if not nearer.any():
            return self.light
        thin = nearer & ~ndimage.binary_dilation(thick, np.ones((3, 3), bool), 2 * edge)
        away = ndimage.distance_transform_edt(~(thick | thin), return_distances=False, return_indices=True)
        return np.asarray(self.light[tuple(away)])

    def _alpha(self, own: Mask, nearer: Mask, edge: int, at_far: Mask, seen: _Mix) -> Array:
        """Behind what is nearer it goes on as far as it, rather than what is farther, lies around; within reach."""
        if (own | nearer).all():
            return np.ones(own.shape, np.float32)
        solid = own.astype(np.float32)
        if nearer.any():
            solid = solid[tuple(ndimage.distance_transform_edt(nearer, return_distances=False, return_indices=True))]
            solid = solid * self._within_reach(own)  # what no step aside uncovers need not be drawn
        soft = ndimage.gaussian_filter(solid, 0.5 * edge)
        around = ndimage.binary_dilation(own & at_far, np.ones((3, 3), bool), edge) & ~nearer
        share = seen.share + seen.misfit * (own - seen.share)  # what is no mixture is whole
        at_edge = seen.confidence * share + (1.0 - seen.confidence) * soft
        mixed = np.where(around, at_edge, np.where(nearer, soft, solid))
        inside = ndimage.binary_erosion(own | nearer, np.ones((3, 3), bool), edge, border_value=1)
        return np.where(inside & own, 1.0, mixed).astype(np.float32)

    def _inverse(self, own: Mask) -> Map | float:
        """Its depths, going on smoothly beyond its edges; never before what hides it."""
        if (self.inverse[own & self.fits] <= 0.0).all():
            return 0.0
        beside_near, at_far = self._edges(max(2, round(_SLOPE_SHARE * max(own.shape))))
        known = own & self.fits & ~beside_near & ~at_far
        known = known if known.any() else own & self.fits
        smooth = smoothly_filled(self.inverse[..., None], known)[..., 0]
        away, nearest = ndimage.distance_transform_edt(~known, return_indices=True)
        stiff = np.clip(2.0 - away / (0.5 * _STIFF_SHARE * max(own.shape)), 0.0, 1.0)
        found = stiff * self.inverse[tuple(nearest)] + (1.0 - stiff) * smooth
        hides = np.where(self.labels > self.label, self.inverse, np.inf)
        return np.minimum(found, hides).astype(np.float32)


class _Mix:
    """Each pixel's place between a near and a far colour, all (height, width).

    share: how much of it is near; confidence: how far these colours can be told apart; misfit: how little it is a
    mixture of them at all.
    """

    def __init__(self, light: Array, near: Array, far: Array) -> None:
        difference = near - far
        along = _dot(light - far, difference) / np.maximum(_dot(difference, difference), 1e-8)
        self.share = np.clip(along, 0.0, 1.0)
        self.confidence = _beyond(_roots(near) - _roots(far), _CONTRAST)
        self.misfit = _beyond(_roots(light) - _roots(far + self.share[..., None] * difference), _MISFIT)


def _unmixed(light: Array, own: Array, other: Array) -> Array:
    """Pixels of a layer without what they have of another's colour."""
    mix = _Mix(light, other, own)
    replaced = mix.share * mix.confidence * (1.0 - mix.misfit)
    return np.asarray(light + replaced[..., None] * (own - light))


def _dot(first: Array, second: Array) -> Array:
    return np.asarray(np.einsum("...c,...c->...", first, second))


def _roots(light: Array) -> Array:
    return np.sqrt(np.maximum(light, 0.0))


def _beyond(difference: Array, much: float) -> Array:
    """0 for none, a half for ``much``, 1 for far more."""
    square = _dot(difference, difference)
    return np.asarray(square / (square + np.float32(much**2)))
