"""What blends, of all materials together: the farthest triangle first, in few draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vpengine.gpu.target import Target, Texture
from vpengine.plates.gltf.drawn import DrawnBatch

Numbers = NDArray[np.int64]

MOST_RUNS = 64  # that a picture may cost; where materials interlock more finely they are drawn in slabs


def draw_blended(
    batches: Sequence[DrawnBatch], target: Target, frame: Mapping[str, Any], light: Mapping[str, Texture], sunlit: bool
) -> None:
    """Colours first, which hide nothing of each other; then the depth of what is solid enough."""
    orders, runs = farthest_first([batch.distances_m(frame["eye_m"]) for batch in batches])
    for batch, order in zip(batches, orders, strict=True):
        batch.write_order(order)
    for number, triangles in runs:
        batches[number].blend(target, triangles, frame, light, sunlit)
    for batch in batches:
        batch.deepen(target, frame, light, sunlit)


def farthest_first(distances_m: Sequence[NDArray[np.floating]]) -> tuple[list[Numbers], list[tuple[int, range]]]:
    """distances_m: of each batch's triangles. Each batch's order, and runs of these orders to be drawn one by one."""
    if not distances_m:
        return [], []
    owner = np.repeat(np.arange(len(distances_m)), [len(each) for each in distances_m])
    order = np.argsort(-np.concatenate(distances_m), kind="stable")
    if np.count_nonzero(np.diff(owner[order])) >= MOST_RUNS:
        order = order[_in_slabs(owner[order], distances_m)]
    owner = owner[order]
    first = np.cumsum([0, *(len(each) for each in distances_m)])
    orders = [order[owner == number] - first[number] for number in range(len(distances_m))]
    drawn, runs = [0] * len(distances_m), []
    for part in np.split(owner, np.flatnonzero(np.diff(owner)) + 1):
        number = int(part[0])
        runs.append((number, range(drawn[number], drawn[number] + len(part))))
        drawn[number] += len(part)
    return orders, runs


def _in_slabs(owner: Numbers, distances_m: Sequence[NDArray[np.floating]]) -> Numbers:
    """(M,): the order in which each slab, of as many triangles, has each batch once, the farthest batch first."""
    slabs = max(1, MOST_RUNS // len(distances_m))
    slab = np.arange(len(owner)) * slabs // len(owner)
    turn = np.argsort(np.argsort([-each.mean() for each in distances_m]))
    return np.lexsort((turn[owner], slab))
