"""The shape of a grade's table, shared by those who fit it (neural) and those who look it up (compose, shaders)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vpengine.frames.keyframe import Grade

DISTANCES, ELEVATIONS, LUMINANCES = 12, 16, 8
SHAPE = (DISTANCES, ELEVATIONS, LUMINANCES)
LIGHT = 0.66  # ACEScct: what has a brighter channel, 3.6 times white, is a light; no grade is fitted to one
LEAST_SLOPE = 0.02  # of two lights the brighter one stays so
LUMINANCE_RANGE = (0.1, 0.75)  # ACEScct: 1/6 of a percent to 7 times diffuse white


def graded(transform: NDArray[Any], color_cct: NDArray[Any]) -> NDArray[Any]:
    """Transforms (..., 3, 4) applied to colours (..., 3) in ACEScct; the twin of shaders/include/grade.glsl.

    A light goes where its like of the level LIGHT goes, and what it has beyond that on top, by one factor for all of
    its channels: it may be dimmed, but is neither inverted nor turned in hue.
    """
    above = np.maximum(color_cct.max(axis=-1, keepdims=True) - LIGHT, 0.0)
    level = np.concatenate([color_cct - above, np.ones_like(above)], axis=-1)
    slope = transform[..., :3].sum(axis=-1).mean(axis=-1)[..., None]
    return np.einsum("...ij,...j->...i", transform, level) + np.clip(slope, LEAST_SLOPE, 1.0) * above


def neutral_grade() -> Grade:
    """The table that changes nothing."""
    return Grade(np.broadcast_to(np.eye(3, 4, dtype=np.float32), (*SHAPE, 3, 4)).copy())
