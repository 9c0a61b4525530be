"""Lights stay lights: what the plate has brighter than what is around it, its generated picture has too.

A network sees a light's surroundings and dims it by them: a sun darker than its halo is a hole in the sky.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Planes = NDArray[np.float32]

# In ACEScct, two stops apart: from white on, what is brighter than each is compared with what is not.
LEVELS = tuple(0.56 + 0.114 * n for n in range(8))
RING = 7  # half-size pixels across, of what lies around a light
RISE, FULL = 0.06, 0.12  # in ACEScct: a light's middle is a stop brighter than its ring, if it is two in the plate
LARGEST = 0.02  # of the picture: what is larger is a sky, whose parts may be of any order
LUMINANCE = np.array([0.272, 0.674, 0.054], np.float32)  # of ACEScg; among ACEScct's values it is near enough


def lights_kept(color_cct: Planes, gain: Planes, bias: Planes) -> Planes:
    """The bias, raised where a light of the plate would come out darker than what is around it, by as much: all three
    channels alike, which in ACEScct is one factor and turns no hue.

    All (height, width, 3): the plate, and gain and bias of its picture.
    """
    red, green, blue = np.moveaxis(color_cct, -1, 0)
    brightest = np.maximum(np.maximum(red, green), blue)
    if brightest.max() <= LEVELS[0]:
        return bias
    made = _halved(np.asarray((gain * color_cct + bias) @ LUMINANCE, np.float32))
    height, width = brightest.shape
    lit = _halved(brightest)
    raised = made
    for level in LEVELS:
        light = lit > level
        if not light.any():
            break
        raised = _raised(light, lit, raised)
    lift = raised - made
    if not lift.any():
        return bias
    full = ndimage.zoom(lift, 2, order=1, grid_mode=True, mode="nearest")[:height, :width]
    return np.asarray(bias + full[..., None], np.float32)


def _raised(light: NDArray[np.bool_], lit: Planes, made: Planes) -> Planes:
    """The lights that are small enough at least as bright as the ring around each, and rising towards its middle."""
    marks, count = ndimage.label(light, np.ones((3, 3)))
    small = np.bincount(marks.ravel(), minlength=count + 1) <= LARGEST * marks.size
    small[0] = False
    marks = np.where(small[marks], marks, 0)
    around = np.where(light, 0, ndimage.maximum_filter(marks, RING))
    ring, plate = _means(made, around, count), _means(lit, around, count)
    rises = RISE * np.clip((lit - plate[marks]) / FULL, 0.0, 1.0)
    return np.where(marks > 0, np.maximum(made, ring[marks] + rises), made).astype(np.float32)


def _means(values: Planes, marks: NDArray[np.int32], count: int) -> Planes:
    """(count + 1,): of the values at each mark; -1 where there is none."""
    pixels = np.bincount(marks.ravel(), minlength=count + 1)
    sums = np.bincount(marks.ravel(), values.ravel(), minlength=count + 1)
    return np.where(pixels > 0, sums / np.maximum(pixels, 1), -1.0).astype(np.float32)


def _halved(image: Planes) -> Planes:
    """(height, width): the largest of each 2 x 2 pixels; an odd last row or column counts twice."""
    height, width = image.shape
    padded = np.pad(image, ((0, height % 2), (0, width % 2)), mode="edge")
    across = np.maximum(padded[:, ::2], padded[:, 1::2])
    return np.asarray(np.maximum(across[::2], across[1::2]), np.float32)
