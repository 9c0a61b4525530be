"""Request and Keyframe: what a generator is asked, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vpengine.frames.images import ImageSet
from vpengine.frames.look import Look
from vpengine.frames.pixels import Pixels
from vpengine.frames.provenance import Provenance


@dataclass(frozen=True)
class SurroundFace:
    """A part of a location's surround: face 0 to 6 (view.surround) round a station, which stands where the View does.

    station: the number of its room, 0 for the first.
    """

    station: int
    face: int


@dataclass(frozen=True, eq=False)
class Request:
    """Make ``plate`` look like ``look``. Answers to an older epoch are discarded.

    location: the name of the plate that was drawn. bus, camera: whom the picture is for; or face: it is a part of the
    location's surround, and for all. continues: how far the plate's ``current`` is of this look, 0 to 1.
    """

    number: int
    epoch: int
    location: str
    plate: ImageSet
    look: Look
    submitted_s: float
    bus: str = "program"
    camera: str = "1"
    face: SurroundFace | None = None
    continues: float = 0.0


@dataclass(frozen=True, eq=False)
class Grade:
    """What a generator did to the plate's colours, as a small table, in ACEScct.

    table: (distance, elevation, luminance, 3, 4) float32: 3x4 colour transforms, rows r, g, b, the last column the
    offset. evidence: (distance, elevation, luminance) 0 to 1, how much of the picture each cell rests on; None is 1
    everywhere. Where a pixel looks itself up is shared by neural/grade.py and
    shaders/include/grade.glsl.
    """

    table: NDArray[np.float32]
    evidence: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Timings:
    """Seconds of the engine's monotonic clock, and of the work alone."""

    submitted_s: float
    finished_s: float
    work_s: float


MadeOf = tuple[Look, str]  # which look it was asked for, and the sha256 of the model that made it


@dataclass(frozen=True, eq=False)
class Keyframe:
    """A generated picture of the world, good for any pose that sees the same things.

    generated = gain * plate + bias in ACEScct, each (height, width, 3) float16 or, as textures have it, with a fourth
    channel that says nothing; a generator that paints the whole picture itself answers gain 0. Its depth and View are
    the request's plate's.
    """

    request: Request
    gain: Pixels
    bias: Pixels
    grade: Grade
    provenance: Provenance
    timings: Timings

    @property
    def made_of(self) -> MadeOf:
        return self.request.look, self.provenance.model_sha256
