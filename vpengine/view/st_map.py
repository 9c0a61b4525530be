"""ST maps: a lens's distortion as a picture, for what no polynomial fits (anamorphic lenses, old glass)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Array = NDArray[np.floating]

_STEPS = 40
_EXACT_PX = 1e-7


@dataclass(frozen=True, eq=False)
class StMap:
    """uv: (height, width, 2) float32, row 0 at the top; for each pixel of the real picture where it lies in the
    undistorted one, as shares of a picture without overscan from its upper left corner; below 0 and above 1 beside it.

    name: the file it is from, for takes and sentences.
    """

    uv: NDArray[np.float32]
    name: str = ""

    def undistorted(self, sensor_mm: tuple[float, float], points_mm: Array) -> Array:
        """(..., 2) mm from the picture's middle, as ``view.distortion.undistorted``. Beside the picture the map goes
        on as its edge does.
        """
        return self._moved(np.asarray(points_mm, float) / sensor_mm + 0.5) * sensor_mm - 0.5 * np.array(sensor_mm)

    def distorted(self, sensor_mm: tuple[float, float], points_mm: Array) -> Array:
        """The other way, by Newton's method; a pixel wide is what the slopes are taken over."""
        targets = np.asarray(points_mm, float) / sensor_mm + 0.5
        size = np.array(self.uv.shape[1::-1], float)
        found = targets.copy()
        for _ in range(_STEPS):
            error = self._moved(found) - targets
            slope_x, slope_y = (
                (self._moved(found + step) - self._moved(found - step)) / (2.0 * step.sum())
                for step in (np.array([1.0 / size[0], 0.0]), np.array([0.0, 1.0 / size[1]]))
            )
            step = np.linalg.solve(np.stack([slope_x, slope_y], axis=-1), error[..., None])[..., 0]
            found -= np.clip(step, -0.25, 0.25)
            if not step.size or np.abs(step * size).max() < _EXACT_PX:
                break
        return np.asarray((found - 0.5) * sensor_mm)

    def _moved(self, places: Array) -> Array:
        """uv at ``places`` (..., 2), shares of the picture; bilinear between the pixels' centres."""
        height, width = self.uv.shape[:2]
        at = places * (width, height) - 0.5
        inside = np.clip(at, 0.0, (width - 1, height - 1))
        rows = np.stack([inside[..., 1].ravel(), inside[..., 0].ravel()])
        moved = [
            ndimage.map_coordinates(self.uv[..., i], rows, np.float64, order=1).reshape(at.shape[:-1]) for i in (0, 1)
        ]
        return np.asarray(np.stack(moved, axis=-1) + (at - inside) / (width, height))
