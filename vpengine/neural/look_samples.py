"""What a look is learnt from, and measured by: colours and contrasts of pictures, zone by zone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from vpengine.neural.look_transform import LookTransform, applied
from vpengine.neural.look_zones import LAND, ZONES

SCALES = (1 / 80, 1 / 30, 1 / 10)  # of a picture's width: at which contrast is told apart
# What statistics are of. The far is told apart by distance, which references do not have: it counts with the near.
PARTS = {"low sky": (0,), "high sky": (1,), "what stands": (2, 3), "ground": (4,)}
SCARCE = 0.03  # of all pixels: below this a zone borrows of the others
_MOST = 100_000  # pixels that are kept

Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class ZonedPicture:
    """color_cct (height, width, 3) ACEScct, zones (height, width, zones)."""

    color_cct: Array
    zones: Array

    def changed(self, transform: LookTransform) -> ZonedPicture:
        made = applied(transform, self.color_cct, self.zones)
        return ZonedPicture(made.gain * self.color_cct + made.bias, self.zones)


@dataclass(frozen=True, eq=False)
class Samples:
    """Pixels of pictures: color_cct (n, 3); zones (n, zones); contrasts (n, scales), squared deviations of luminance
    from its surroundings at SCALES.
    """

    color_cct: Array
    zones: Array
    contrasts: Array

    @property
    def luminance(self) -> Array:
        return self.color_cct.mean(axis=-1)

    @property
    def shares(self) -> Array:
        """Of each zone, in all 1."""
        mean: Array = self.zones.mean(axis=0)
        return mean

    def weights(self, *zones: int) -> Array:
        """Every pixel's for the statistics of some zones, (n,), in all 1. Where they are scarce, the rest of the land
        or of the sky makes up for it, or else the rest of the picture.
        """
        own = self.zones[:, zones].sum(axis=1).astype(float)
        kind = LAND if zones[0] >= LAND.start else slice(0, LAND.start)
        others = self.zones[:, kind].sum(axis=1).astype(float)
        if others.mean() < SCARCE:
            others = np.ones(len(own))
        own_part = min(1.0, float(own.mean()) / SCARCE)
        weights: Array = own_part * own / max(own.sum(), 1e-9) + (1.0 - own_part) * others / others.sum()
        return weights / weights.sum()


def samples_of(pictures: Sequence[ZonedPicture], seed: int) -> Samples:
    """Of all pictures alike, however large; at most 100,000 pixels, drawn with ``seed``."""
    rng = np.random.default_rng(seed)
    each = _MOST // len(pictures)
    found = []
    for picture in pictures:
        color, zones = picture.color_cct.reshape(-1, 3), picture.zones.reshape(-1, len(ZONES))
        contrasts = _contrasts(picture).reshape(-1, len(SCALES))
        pick = rng.choice(len(color), each, replace=len(color) < each)
        found.append((color[pick], zones[pick], contrasts[pick]))
    return Samples(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


def _contrasts(picture: ZonedPicture) -> Array:
    """(height, width, scales). Sky is seen against sky and land against land: the skyline is neither's contrast."""
    luminance, land = picture.color_cct.mean(axis=-1), picture.zones[..., LAND].sum(axis=-1)
    squares = [_squared(luminance, land, max(scale * luminance.shape[1], 0.8)) for scale in SCALES]
    return np.stack(squares, axis=-1).astype(np.float32)


def _squared(luminance: Array, land: Array, sigma_px: float) -> Array:
    """Deviations from the surroundings that are of one's own kind."""
    found = np.zeros_like(luminance)
    for part in (land, 1.0 - land):
        around = ndimage.gaussian_filter(part, sigma_px)
        mean = ndimage.gaussian_filter(luminance * part, sigma_px) / np.maximum(around, 1e-4)
        found += part * (luminance - mean) ** 2
    return found


@dataclass(frozen=True, eq=False)
class Statistics:
    """color (parts, 6): means and standard deviations of the channels; contrast (parts, 1 + scales): the standard
    deviation of luminance, and its root mean square deviations at SCALES. All in ACEScct, where 0.057 is a stop.
    """

    color: NDArray[Any]
    contrast: NDArray[Any]


def statistics(samples: Samples) -> Statistics:
    color, contrast = [], []
    for zones in PARTS.values():
        weights = samples.weights(*zones)
        mean = weights @ samples.color_cct
        spread = np.sqrt(weights @ (samples.color_cct - mean) ** 2)
        luminance = samples.luminance
        deviation = np.sqrt(weights @ (luminance - weights @ luminance) ** 2)
        color.append([*mean, *spread])
        contrast.append([deviation, *np.sqrt(weights @ samples.contrasts)])
    return Statistics(np.array(color), np.array(contrast))


@dataclass(frozen=True)
class Distances:
    """Between pictures' statistics, in ACEScct: root mean squares over parts, by their shares of the plates."""

    color: float
    contrast: float

    @property
    def both(self) -> float:
        return float(np.hypot(self.color, self.contrast))


def distances(ours: Statistics, reference: Statistics, shares: NDArray[Any]) -> Distances:
    """shares (zones,): of the plates."""
    shares = np.array([shares[list(zones)].sum() for zones in PARTS.values()])
    color, contrast = (
        float(np.sqrt(shares @ ((mine - theirs) ** 2).sum(axis=1) / shares.sum()))
        for mine, theirs in ((ours.color, reference.color), (ours.contrast, reference.contrast))
    )
    return Distances(color, contrast)


def moved(before: float, after: float) -> float:
    """How much of the way was gone, 1 for all of it; 1 too where there was none to go."""
    return 1.0 if before < 0.003 else 1.0 - after / before
