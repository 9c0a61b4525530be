"""An actor painted out of a picture of a green or blue screen: what is left stands still, and tells how a camera moves.

Nothing is picked for it. The screen's is the hue that has most colour in the picture; markers in it belong to it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from vpengine.frames.captured import CapturedFrame

LEAST_COLOR = 0.05  # of full scale, from grey: less has no hue that is to be trusted
BINS, HUE_RAD = 36, 0.3  # of all hues; how far a screen's may be from the one that most of it has
LEAST_SCREEN = 0.25  # of the picture: less is no screen, and all of the picture counts
MARKER_PX, EDGE_PX = 7, 3  # half of what is a marker and no actor; and what an actor's soft edge may take
AROUND_PX = 25  # over which the screen beside an actor is evened out to take his place

Array = NDArray[np.float64]


def without_actor(luma: Array, frame: CapturedFrame) -> Array:
    """luma: of ``frame``, (rows, columns), perhaps smaller."""
    screen = _screen(_chroma(frame, luma.shape))
    if screen is None:
        return luma
    share = ndimage.uniform_filter(screen.astype(float), AROUND_PX)
    even = ndimage.uniform_filter(luma * screen, AROUND_PX) / np.maximum(share, 1e-3)
    nearest = ndimage.distance_transform_edt(~screen, return_distances=False, return_indices=True)
    return np.where(screen, luma, even[tuple(nearest)])


def _chroma(frame: CapturedFrame, shape: tuple[int, ...]) -> Array:
    """(rows, columns, 2) from grey, of full scale."""
    kind, full = frame.format, float(1 << (frame.format.bits + frame.format.shift))
    if kind.model == "rgb":
        red, green, blue = (_shrunk(frame.planes[0][..., index], shape) / full for index in range(3))
        return 0.5 * np.stack([blue - green, red - green], axis=-1)
    planes = [frame.planes[1][..., index] for index in (0, 1)] if kind.semi_planar else frame.planes[1:]
    return np.stack([_shrunk(plane, shape) / full - 0.5 for plane in planes], axis=-1)


def _shrunk(plane: NDArray[np.integer], shape: tuple[int, ...]) -> Array:
    """The samples nearest to those of ``shape``, and without most of their noise."""
    rows, columns = (
        ((np.arange(count) + 0.5) * side / count).astype(int) for count, side in zip(shape, plane.shape, strict=True)
    )
    smooth: Array = ndimage.uniform_filter(plane[np.ix_(rows, columns)].astype(float), 3)
    return smooth


def _screen(chroma: Array) -> NDArray[np.bool_] | None:
    """Where the screen is, markers and all; None where there is none."""
    hue = np.arctan2(chroma[..., 1], chroma[..., 0])
    strength = np.hypot(chroma[..., 0], chroma[..., 1])
    colored = strength > LEAST_COLOR
    which = np.floor((hue[colored] / (2.0 * np.pi) + 0.5) * BINS).astype(int) % BINS
    most = int(np.argmax(np.bincount(which, strength[colored] ** 2, BINS)))
    off = hue - 2.0 * np.pi * ((most + 0.5) / BINS - 0.5)
    found = colored & (np.cos(off) > np.cos(HUE_RAD))
    if found.mean() < LEAST_SCREEN:
        return None
    around = np.pad(found, MARKER_PX, mode="edge")
    closed = ndimage.binary_closing(around, iterations=MARKER_PX)[MARKER_PX:-MARKER_PX, MARKER_PX:-MARKER_PX]
    shrunk: NDArray[np.bool_] = ndimage.binary_erosion(closed, iterations=EDGE_PX, border_value=1)
    return shrunk
