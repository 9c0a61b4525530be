"""The grade: what a generator did to the plate's colours, fitted as a small table.

A pixel finds itself in the table by its distance (logarithmic, sky last), the elevation of its ray (finest at the
horizon) and its ACEScct luminance: all three are known for any pixel of any view, so that what the generator never saw
(holes, the outer walls, the ceiling) changes as the like of it did where it was seen. The shader twin is
shaders/include/grade.glsl. After J. Chen et al., Bilateral Guided Upsampling, 2016.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vpengine.frames.grade_table import LIGHT, LUMINANCE_RANGE, SHAPE
from vpengine.frames.keyframe import Grade
from vpengine.view.view import View, pixel_centres, rays

_SAMPLES = 8192  # pixels looked at: enough for the table, 3 ms on one core
_PRIOR = 3.0  # how many pixels' worth the whole picture's transform weighs in each cell


def coordinates(depth_m: NDArray[Any], ray: NDArray[Any], color_cct: NDArray[Any]) -> NDArray[Any]:
    """Where pixels look themselves up: (..., 3) in 0..1 for distance, elevation, luminance.

    depth_m (...) along the view axis; ray (..., 3) stage directions one metre long along that axis; color_cct (..., 3).
    """
    length = np.linalg.norm(ray, axis=-1)
    distance = np.where(np.isfinite(depth_m), np.log2(np.clip(depth_m * length, 1.0, 512.0)) / 10.0, 1.0)
    sine = ray[..., 2] / length
    elevation = 0.5 + 0.5 * np.sign(sine) * np.sqrt(np.abs(sine))
    low, high = LUMINANCE_RANGE
    brightness = np.clip((color_cct.mean(axis=-1) - low) / (high - low), 0.0, 1.0)
    return np.stack([distance, elevation, brightness], axis=-1)


def fit_grade(
    color_cct: NDArray[np.float32], changed_cct: NDArray[np.float32], depth_m: NDArray[np.float32], view: View
) -> Grade:
    """The table that takes ``color_cct`` to ``changed_cct`` (both (height, width, 3)) in the least-squares sense.

    Cells borrow from their neighbours, and where nothing was seen from the whole picture's transform. Lights are left
    out: a few suns would pull the whole table.
    """
    height, width = depth_m.shape
    step = max(1, round(np.sqrt(height * width / _SAMPLES)))
    pick = np.s_[step // 2 :: step, step // 2 :: step]
    ray = rays(view, pixel_centres((width, height))[pick])
    where = coordinates(depth_m[pick], ray, color_cct[pick]).reshape(-1, 3)
    x = np.concatenate([color_cct[pick].reshape(-1, 3), np.ones((len(where), 1), np.float32)], axis=1)
    y = changed_cct[pick].reshape(-1, 3)
    dull = x[:, :3].max(axis=1) <= LIGHT
    if dull.any():
        x, y, where = x[dull], y[dull], where[dull]
    cell = np.ravel_multi_index(tuple(np.rint(where * (np.array(SHAPE) - 1)).astype(int).T), SHAPE)
    gram, moment = _accumulate(cell, x.astype(float), y.astype(float))
    whole = _solve(gram.sum(axis=0), moment.sum(axis=0), np.eye(4, 3), len(x) / 50.0)
    for axis in range(3):
        gram, moment = _spread(gram, axis), _spread(moment, axis)
    table = _solve(gram, moment, whole, _PRIOR)
    pixels = gram[:, 3, 3].reshape(SHAPE)
    return Grade(
        np.swapaxes(table, -1, -2).reshape(*SHAPE, 3, 4).astype(np.float32),
        (pixels / (pixels + _PRIOR)).astype(np.float32),
    )


def _accumulate(cell: NDArray[Any], x: NDArray[Any], y: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Each cell's sum of x xT (cells, 4, 4) and x yT (cells, 4, 3)."""
    cells = int(np.prod(SHAPE))
    columns = np.concatenate([x[:, :, None] * x[:, None, :], x[:, :, None] * y[:, None, :]], axis=2)
    flat = columns.reshape(len(x), 28)
    sums = np.stack([np.bincount(cell, weights=flat[:, i], minlength=cells) for i in range(28)], axis=1)
    both = sums.reshape(cells, 4, 7)
    return both[..., :4], both[..., 4:]


def _spread(sums: NDArray[Any], axis: int) -> NDArray[Any]:
    """Each cell plus a share of its two neighbours along one axis of the table."""
    grid = sums.reshape(*SHAPE, *sums.shape[1:])
    out = grid.copy()
    ahead, behind = [slice(None)] * 3, [slice(None)] * 3
    ahead[axis], behind[axis] = slice(1, None), slice(None, -1)
    out[tuple(ahead)] += 0.15 * grid[tuple(behind)]
    out[tuple(behind)] += 0.15 * grid[tuple(ahead)]
    return out.reshape(sums.shape)


def _solve(gram: NDArray[Any], moment: NDArray[Any], prior: NDArray[Any], weight: float) -> NDArray[Any]:
    """Ridge regression towards ``prior`` (4, 3): (..., 4, 3). The prior's spread is that of ordinary pictures."""
    spread = np.array([[0.2, 0.17, 0.17, 0.4], [0.17, 0.2, 0.17, 0.4], [0.17, 0.17, 0.2, 0.4], [0.4, 0.4, 0.4, 1.0]])
    return np.linalg.solve(gram + weight * spread, moment + weight * spread @ prior)
