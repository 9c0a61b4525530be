"""The order of what blends: the farthest triangle of all materials first, in no more draws than a picture may cost."""

from __future__ import annotations

import numpy as np
import pytest

from vpengine.plates.gltf.blended import MOST_RUNS, farthest_first


def drawn(distances_m: list[np.ndarray]) -> tuple[list[float], int]:
    """The distances in the order in which they are drawn, and the number of draws; each triangle is drawn once."""
    orders, runs = farthest_first(distances_m)
    for order, each in zip(orders, distances_m, strict=True):
        np.testing.assert_array_equal(np.sort(order), np.arange(len(each)))
    parts = [distances_m[number][orders[number][triangles]] for number, triangles in runs]
    assert sum(len(part) for part in parts) == sum(len(each) for each in distances_m)
    return [float(value) for part in parts for value in part], len(runs)


@pytest.mark.parametrize("sizes", [[], [5], [1, 1], [7, 3, 5]])
def test_a_few_interlocked_are_drawn_exactly_by_distance(sizes: list[int]) -> None:
    rng = np.random.default_rng(1)
    found, _ = drawn([rng.uniform(1.0, 50.0, size) for size in sizes])
    assert found == sorted(found, reverse=True)


def test_what_lies_apart_is_one_draw_each() -> None:
    found, draws = drawn([np.linspace(1.0, 2.0, 500), np.linspace(9.0, 10.0, 500)])
    assert (draws, found[0], found[-1]) == (2, 10.0, 1.0)


def test_finely_interlocked_they_are_drawn_in_slabs() -> None:
    rng = np.random.default_rng(2)
    found, draws = drawn([rng.uniform(0.0, 100.0, 3000) for _ in range(4)])
    assert draws <= MOST_RUNS
    nearest_so_far = np.minimum.accumulate(found)
    assert np.max(np.array(found) - nearest_so_far) < 1.2 * 100.0 / (MOST_RUNS // 4)
