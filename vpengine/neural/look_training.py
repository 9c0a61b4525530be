"""A look from references and plates: learnt on some views, measured on others, and refused where there is nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vpengine.errors import UserError
from vpengine.neural.generator import Plate
from vpengine.neural.look_edges import edges_kept
from vpengine.neural.look_fit import fit_transform
from vpengine.neural.look_samples import (
    Distances,
    Samples,
    Statistics,
    ZonedPicture,
    distances,
    moved,
    samples_of,
    statistics,
)
from vpengine.neural.look_transform import LookTransform
from vpengine.neural.look_zones import plate_zones

_FLAT = 0.004  # ACEScct: pictures with less contrast than this, a fourteenth of a stop, show nothing


@dataclass(frozen=True, eq=False)
class Measured:
    """Of views that the look was not learnt on, where there were any. edges: the least F1 of a view's."""

    before: Statistics
    after: Statistics
    reference: Statistics
    distance_before: Distances
    distance_after: Distances
    edges: float

    @property
    def color_moved(self) -> float:
        return moved(self.distance_before.color, self.distance_after.color)

    @property
    def contrast_moved(self) -> float:
        return moved(self.distance_before.contrast, self.distance_after.contrast)

    @property
    def moved(self) -> float:
        """Of colour and contrast together."""
        return moved(self.distance_before.both, self.distance_after.both)


@dataclass(frozen=True, eq=False)
class Trained:
    transform: LookTransform
    measured: Measured


def zoned(plate: Plate) -> ZonedPicture:
    return ZonedPicture(plate.color_cct, plate_zones(plate.depth_m, plate.view))


def train_look(plates: Sequence[Plate], references: Sequence[ZonedPicture], seed: int) -> Trained:
    """Learnt on every other plate, measured on those between; the same for the same ``seed``.

    Raises UserError where plates or references show nothing.
    """
    pictures = [zoned(plate) for plate in plates]
    learnt_on, measured_on = pictures[::2], pictures[1::2] or pictures
    goal, ours = samples_of(references, seed), samples_of(learnt_on, seed)
    for what, samples in (("references", goal), ("plates", ours)):
        if _flat(samples):
            raise UserError(
                f"the {what} are one even colour, and nothing can be learnt from that; give pictures of places"
            )
    transform = fit_transform(ours, goal)
    return Trained(transform, _measured(transform, measured_on, goal, seed))


def _flat(samples: Samples) -> bool:
    return bool(samples.color_cct.std(axis=0).max() < _FLAT)


def _measured(transform: LookTransform, pictures: Sequence[ZonedPicture], goal: Samples, seed: int) -> Measured:
    changed = [picture.changed(transform) for picture in pictures]
    samples = samples_of(pictures, seed)
    before, after, reference = (statistics(each) for each in (samples, samples_of(changed, seed), goal))
    kept = [
        edges_kept(one.color_cct.mean(axis=-1), other.color_cct.mean(axis=-1))
        for one, other in zip(pictures, changed, strict=True)
    ]
    return Measured(
        before,
        after,
        reference,
        distances(before, reference, samples.shares),
        distances(after, reference, samples.shares),
        float(np.min(kept)),
    )
