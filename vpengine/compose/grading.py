"""The keyframes' grade on the GPU, moving smoothly from each keyframe's table to the next."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from vpengine.frames.grade_table import (
    DISTANCES,
    ELEVATIONS,
    LEAST_SLOPE,
    LIGHT,
    LUMINANCE_RANGE,
    LUMINANCES,
    neutral_grade,
)
from vpengine.frames.keyframe import Grade
from vpengine.frames.look import Look
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.transfer import write_volume

FOLLOW_S = 0.12  # time constant: several keyframes long, so that no single one shows
NEUTRAL = neutral_grade().table
LEARN_S = 0.6  # after a look has come to rest, the cells that no keyframe shows still follow the whole for this long


class GradeTable:
    """texture: RGBA16F, the rows of the transforms one above the other along the luminance axis."""

    DEFINES: ClassVar[dict[str, str]] = {
        "GRADE_DISTANCES": f"{DISTANCES}.0",
        "GRADE_ELEVATIONS": f"{ELEVATIONS}.0",
        "GRADE_LUMINANCES": f"{LUMINANCES}.0",
        "GRADE_LOW": str(LUMINANCE_RANGE[0]),
        "GRADE_HIGH": str(LUMINANCE_RANGE[1]),
        "GRADE_LIGHT": str(LIGHT),
        "GRADE_LEAST_SLOPE": str(LEAST_SLOPE),
    }

    def __init__(self, gpu: Gpu) -> None:
        self.texture = gpu.texture_3d((DISTANCES, ELEVATIONS, 3 * LUMINANCES), 4, "f2")
        self._table = NEUTRAL
        self._time_s: float | None = None
        self._look: Look | None = None
        self._learnt_s = -np.inf  # since when the look is what it is
        self._write()

    @property
    def table(self) -> NDArray[np.float32]:
        """As it is now, in a Grade's shape; a new array whenever it changes."""
        return self._table

    @property
    def is_neutral(self) -> bool:
        """It changes nothing."""
        return self._table is NEUTRAL

    def start_from(self, other: GradeTable | None) -> None:
        """Be as ``other`` is now, or neutral: what a location shows until its own keyframes come."""
        self._table, self._time_s = other.table if other else NEUTRAL, None
        self._write()

    def approach(self, grade: Grade, time_s: float, look: Look | None = None) -> None:
        """Move towards ``grade`` by the time that went by since the last call; never at once.

        As long as the look stays what it was, a cell moves only as far as the keyframe has evidence for it: a camera
        that whips round to a wall still knows what became of the sky, and the light behind it does not change.
        """
        elapsed_s = 0.0 if self._time_s is None else time_s - self._time_s
        self._time_s = time_s
        step = (1.0 - np.exp(-max(elapsed_s, 0.0) / FOLLOW_S)) * (grade.table - self._table)
        if look != self._look:
            self._look, self._learnt_s = look, time_s
        if grade.evidence is not None and time_s - self._learnt_s > LEARN_S:
            step = step * grade.evidence[..., None, None]
        # A hundredth of a code value of an 8-bit wall cannot be seen: let a fixed look come to rest.
        if np.abs(step).max() > 1e-5:
            self._table = self._table + step.astype(np.float32)
            self._write()

    def _write(self) -> None:
        # (distance, elevation, luminance, row, column) to (row, luminance, elevation, distance, column)
        volume = self._table.transpose(3, 2, 1, 0, 4).reshape(3 * LUMINANCES, ELEVATIONS, DISTANCES, 4)
        write_volume(self.texture, volume.astype(np.float16))

    def release(self) -> None:
        self.texture.release()
