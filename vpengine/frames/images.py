"""ImageSet: a picture on the CPU, with its depth, its View and its provenance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vpengine.frames.pixels import Pixels
from vpengine.frames.provenance import Provenance
from vpengine.view.view import View


@dataclass(frozen=True, eq=False)
class Room:
    """Memory that an ImageSet is to be put into: its ``color_noise``, its ``depth``, and its ``current`` where that is
    wanted.
    """

    color_noise: Pixels
    depth: Pixels
    current: Pixels | None = None

    def sized(self, resolution: tuple[int, int]) -> Room:
        """For an ImageSet of ``resolution``, which must fit. Raises ValueError."""
        current = self.current.sized(resolution) if self.current is not None else None
        return Room(self.color_noise.sized(resolution), self.depth.sized(resolution), current)


@dataclass(frozen=True, eq=False)
class ImageSet:
    """color_noise: (height, width, 4) float16, as the texture that it was; depth: (height, width, 1) float32.

    What is in them is seen as views with row 0 at the top: ``color``, ``depth_m`` and ``noise``. current: (height,
    width, 4) float16, what is on the walls already at this View, scene-linear ACEScg; alpha is how far it is generated.
    flat: its depth is that of a card; how far what the picture shows was, nobody knows.
    """

    color_noise: Pixels
    depth: Pixels
    view: View
    provenance: Provenance
    current: Pixels | None = None
    flat: bool = False

    @staticmethod
    def of(
        color: NDArray[np.float16],
        depth_m: NDArray[np.float32],
        noise: NDArray[np.float16],
        view: View,
        provenance: Provenance,
    ) -> ImageSet:
        """From arrays with row 0 at the top, each of the shape and type of the property of its name."""
        together = np.concatenate([color, noise[..., None]], axis=-1)
        return ImageSet(Pixels(together), Pixels(depth_m[..., None]), view, provenance)

    @property
    def color(self) -> NDArray[np.float16]:
        """(height, width, 3), scene-linear ACEScg."""
        return self.color_noise.rgb

    @property
    def depth_m(self) -> NDArray[np.float32]:
        """(height, width) along the view axis, +inf for sky."""
        return self.depth.top_down[..., 0]

    @property
    def noise(self) -> NDArray[np.float16]:
        """(height, width) in 0..1, world-anchored detail noise (see shaders/include/noise.glsl)."""
        return self.color_noise.top_down[..., 3]
