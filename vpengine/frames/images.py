"""ImageSet: a picture on the CPU, with its depth, its View and its provenance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vpengine.frames.provenance import Provenance
from vpengine.view.view import View


@dataclass(frozen=True, eq=False)
class ImageSet:
    """color: (height, width, 3) float16, scene-linear ACEScg. depth_m: (height, width) float32, +inf for sky.

    noise: (height, width) float16 in 0..1, world-anchored detail noise (see shaders/include/noise.glsl).
    Row 0 is the top.
    """

    color: NDArray[np.float16]
    depth_m: NDArray[np.float32]
    noise: NDArray[np.float16]
    view: View
    provenance: Provenance
