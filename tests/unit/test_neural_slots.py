"""Shared memory slots: what one side writes the other reads, and the owner gives the memory back."""

from __future__ import annotations

from multiprocessing.shared_memory import SharedMemory

import numpy as np
import pytest

from vpengine.neural.slots import Slot, SlotLayout

LAYOUT = SlotLayout((33, 7))  # odd, so that arrays do not happen to fit together


def test_two_mappings_of_one_slot() -> None:
    owner = Slot(LAYOUT)
    other = Slot(LAYOUT, owner.name)
    rng = np.random.default_rng(1)
    values = {name: rng.uniform(0, 1, shape).astype(kind) for name, shape, kind in LAYOUT.arrays}
    for name, value in values.items():
        owner[name][:] = value
    for name, value in values.items():  # after all were written: none overlaps another
        assert other[name].shape == value.shape
        assert other[name].dtype == value.dtype
        np.testing.assert_array_equal(other[name], value)
    other["gain"][:] = 0.25
    assert (owner["gain"] == 0.25).all()
    other.close()
    owner.close()


def test_shapes_are_those_of_pictures() -> None:
    shapes = {name: shape for name, shape, _ in LAYOUT.arrays}
    assert shapes["color"] == (7, 33, 3)
    assert shapes["depth_m"] == shapes["noise"] == (7, 33)
    assert shapes["gain"] == shapes["bias"] == (7, 33, 3)
    sizes = sum(int(np.prod(shape)) * np.dtype(kind).itemsize for _, shape, kind in LAYOUT.arrays)
    assert sizes <= LAYOUT.size < sizes + 64 * len(LAYOUT.arrays)


def test_only_the_owner_removes_it_and_once() -> None:
    owner = Slot(LAYOUT)
    Slot(LAYOUT, owner.name).close()
    SharedMemory(owner.name).close()  # still there
    owner.close()
    owner.close()
    with pytest.raises(FileNotFoundError):
        SharedMemory(owner.name)
