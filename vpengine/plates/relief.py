"""A picture's relief: a mesh of its pixels at their depths, cut at silhouettes, and what is guessed to lie behind them.

At a cut both sides go on across it, the near one as far as the picture shows it: from the picture's own eye all is the
picture itself, and from beside it the far side is seen behind the near one's edge.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

LEAST_STEP, LEAST_SHARE = 0.004, 0.06  # of inverse depth between neighbours, in 1/m and of the nearer: a silhouette
HIDDEN_SHARE = 0.1  # of the longer side: how far behind a silhouette there is something
BEYOND = 30.0  # pictures' widths to which the outermost pixels go on
ALWAYS = -1e-6  # an edge that every depth is nearer than

Array = NDArray[np.floating]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Relief:
    """places: (vertices, 3): across, down and inverse depth; edges: (vertices, 1), both as shaders/relief has them.

    triangles: (n, 3), the first ``whole`` of them of no silhouette. hidden: (rows, columns, 3), the picture with what
    lies behind its silhouettes.
    """

    places: Array
    edges: Array
    triangles: NDArray[np.uint32]
    whole: int
    hidden: Array


def relief_of(color: Array, depth_m: Array, most_cells: int) -> Relief:
    """color: (height, width, 3); depth_m: (height, width), +inf for sky; most_cells: along the longer side."""
    stride = -(-max(depth_m.shape) // most_cells)
    inverse = (1.0 / depth_m).astype(np.float32)
    rows, columns = (np.arange(stride // 2, side, stride) for side in depth_m.shape)
    grid = inverse[np.ix_(rows, columns)]
    small = ndimage.uniform_filter(color.astype(np.float32), (stride, stride, 1))[np.ix_(rows, columns)]
    behind, hidden, there = _behind(grid, small)
    x, y = ((at + 0.5) / side for at, side in zip((columns, rows), depth_m.shape[::-1], strict=True))
    x, y = (np.concatenate([[-BEYOND, 0.0], at, [1.0, 1.0 + BEYOND]]) for at in (x, y))
    grid, behind, there = (np.pad(each, 2, mode="edge") for each in (grid, behind, there))
    corners = corners_of(np.arange(grid.size).reshape(grid.shape))
    values, far_values = corners_of(grid), corners_of(behind)
    cut = is_silhouette(values.min(1), values.max(1))
    under = corners_of(there).any(1)
    pieces = [
        *_sides(corners[cut], values[cut]),
        (corners[under], far_values[under], np.full(int(under.sum()), ALWAYS)),
    ]
    places = np.stack([*np.meshgrid(x, y), grid], -1).reshape(-1, 3)
    return _joined(places, corners[~cut], pieces, hidden)


def is_silhouette(far: Array, near: Array) -> Mask:
    return near - far > np.maximum(LEAST_STEP, LEAST_SHARE * near)


def corners_of(grid: NDArray[Any]) -> NDArray[Any]:
    """(cells, 4) from (rows, columns): upper left, upper right, lower left, lower right."""
    return np.stack([grid[:-1, :-1], grid[:-1, 1:], grid[1:, :-1], grid[1:, 1:]], -1).reshape(-1, 4)


def triangles_of(cells: NDArray[np.int64]) -> NDArray[np.uint32]:
    """(2 n, 3) from the corners of n cells."""
    return cells[:, [0, 2, 1, 1, 2, 3]].reshape(-1, 3).astype(np.uint32)


def _sides(corners: NDArray[np.int64], values: Array) -> list[tuple[NDArray[np.int64], Array, Array]]:
    """The near and the far side of cells that are cut: (corners, inverse depths, edge a cell)."""
    middle = 0.5 * (values.min(1) + values.max(1))
    is_near = values > middle[:, None]
    near = np.where(is_near, values, _mean(values, is_near))
    far = np.where(is_near, _mean(values, ~is_near), values)
    return [(corners, near, middle), (corners, far, -middle)]


def _mean(values: Array, of: Mask) -> Array:
    total: Array = (values * of).sum(1, keepdims=True) / of.sum(1, keepdims=True)
    return total


def _joined(
    places: Array,
    whole: NDArray[np.int64],
    pieces: list[tuple[NDArray[np.int64], Array, Array]],
    hidden: Array,
) -> Relief:
    """Cells that are whole share their corners; those of pieces are their own."""
    all_places, edges, cells, count = [places], [np.zeros(len(places))], [whole], len(places)
    for corners, values, edge in pieces:
        own = places[corners.ravel()].copy()
        own[:, 2] = values.ravel()
        all_places.append(own)
        edges.append(np.repeat(edge, 4))
        cells.append(np.arange(len(own)).reshape(-1, 4) + count)
        count += len(own)
    cell = np.concatenate(cells)
    return Relief(
        np.concatenate(all_places).astype(np.float32),
        np.concatenate(edges)[:, None].astype(np.float32),
        triangles_of(cell),
        2 * len(whole),
        hidden,
    )


def _behind(inverse: Array, color: Array) -> tuple[Array, Array, Mask]:
    """What lies behind silhouettes: inverse depths, colours, and where that is.

    The far side's own, carried on below the near side step by step, each the mean of its neighbours.
    """
    near, far_inverse, far_color = _silhouettes(inverse, color)
    values = np.concatenate([far_inverse[..., None], far_color], -1)
    there = near.copy()
    for _ in range(round(HIDDEN_SHARE * max(inverse.shape))):
        share = ndimage.uniform_filter(there.astype(np.float32), 3)
        mean = ndimage.uniform_filter(values * there[..., None], (3, 3, 1)) / np.maximum(share, 1e-6)[..., None]
        fresh = ~there & (share > 0.05) & is_silhouette(mean[..., 0], inverse)
        if not fresh.any():
            break
        values[fresh] = mean[fresh]
        there |= fresh
    return np.where(there, values[..., 0], inverse), np.where(there[..., None], values[..., 1:], color), there


def _silhouettes(inverse: Array, color: Array) -> tuple[Mask, Array, Array]:
    """Pixels at the near side of a silhouette, with the far side's inverse depth and colour beside them."""
    lowest = ndimage.minimum_filter(inverse, 3)
    near = is_silhouette(lowest, inverse)
    around = ndimage.binary_dilation(near, np.ones((5, 5), bool))
    # Right beside an edge a photograph's pixels are of both sides: the colour comes from those behind.
    clear = (~around).astype(np.float32)
    share = ndimage.uniform_filter(clear, 7)
    mean = ndimage.uniform_filter(color * clear[..., None], (7, 7, 1)) / np.maximum(share, 1e-6)[..., None]
    far_color = np.where((share > 0.02)[..., None], mean, color)
    values, weight = np.zeros_like(color), np.zeros_like(inverse)
    for dy in (-2, -1, 0, 1, 2):
        for dx in (-2, -1, 0, 1, 2):
            moved = np.roll(inverse, (dy, dx), (0, 1))
            is_far = is_silhouette(moved, inverse)
            values += np.roll(far_color, (dy, dx), (0, 1)) * is_far[..., None]
            weight += is_far
    beside = np.where((weight > 0.0)[..., None], values / np.maximum(weight, 1.0)[..., None], color)
    return near, lowest, beside
