"""Every program of the keyer and its composite drawn once, before a show: a first draw may cost a tenth of a second."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from vpengine.compose.clean_plate import CleanPlate
from vpengine.compose.composite import Composite
from vpengine.compose.key import Keyer, draw_edge
from vpengine.compose.key_refiner import Facts, MatteRefiner
from vpengine.compose.key_settings import KeySettings
from vpengine.compose.key_steady import Steady
from vpengine.compose.mixer import Lend
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.pool import TargetSpec
from vpengine.gpu.target import Texture

SIZE = (32, 32)  # what a driver compiles depends on formats, not on sizes
OTHER_SIZE = (16, 16)  # of a world that is not the picture's
ON_OR_OFF = (False, True)
MOVED = KeySettings(shrink_px=1.0, feather_px=1.0)


def warm_key(gpu: Gpu, lend: Lend, corrected: bool = False) -> None:
    """Passes are compiled once a ``gpu``: whoever makes them anew has them warm. corrected: by a network, too."""
    picture = lend(TargetSpec(SIZE))
    picture.wipe()
    for refiner in (None, _no_correction) if corrected else (None,):
        _warm_matte(gpu, picture.color, lend, refiner)
    _warm_composite(gpu, picture.color, lend)


def _no_correction(chroma: Facts, luma: Facts) -> Facts:
    del luma
    return np.zeros(chroma.shape[:2], np.float16)


def _warm_matte(gpu: Gpu, picture: Texture, lend: Lend, refiner: MatteRefiner | None) -> None:
    keyer, plate, steady = Keyer(gpu, refiner), CleanPlate(gpu), Steady(gpu)
    for learnt, garbage, refine in product((None, picture), (None, picture), (0.0, 0.5)):
        for settings in (KeySettings(refine=refine), replace(MOVED, refine=refine)):
            for tick in range(2):  # the second has one before it
                given: dict[str, Any] = {"clean_plate": learnt, "garbage": garbage, "steady": steady, "tick": tick}
                keyed = keyer.draw(picture, settings, lend, **given)
            steady.release()
        draw_edge(gpu, keyed, lend(TargetSpec(SIZE, dtype="f1")))
    plate.learn(picture, keyed.matte.color, MOVED)
    plate.texture(MOVED, lend)
    plate.release()
    keyer.release()


def _warm_composite(gpu: Gpu, picture: Texture, lend: Lend) -> None:
    keyed = Keyer(gpu).draw(picture, KeySettings(), lend)
    composite, target = Composite(gpu), lend(TargetSpec(SIZE))
    small = lend(TargetSpec(OTHER_SIZE))
    small.wipe()
    depth = lend(TargetSpec(SIZE, depth=True))
    depth.clear()
    for world, settings, front in product((picture, small.color), _ways(), ON_OR_OFF):
        composite.draw(target, keyed, world, depth.depth if front else None, settings, 1.0, lend)


def _ways() -> Iterator[KeySettings]:
    for wrap, grain, shadow in product((0.0, 0.5), repeat=3):
        yield KeySettings(wrap=wrap, grain=grain, shadow=shadow)
