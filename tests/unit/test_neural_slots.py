"""Shared memory slots: what one side writes the other reads, and the owner gives the memory back."""

from __future__ import annotations

import os
import subprocess
import sys
from multiprocessing.shared_memory import SharedMemory

import numpy as np
import pytest

from vpengine.errors import UserError
from vpengine.neural import slots as slots_module
from vpengine.neural.process_host import ProcessHost
from vpengine.neural.slots import FOLDER, PREFIX, Slot, SlotLayout, clear_stale

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
    assert shapes["color_noise"] == shapes["gain"] == shapes["bias"] == (7, 33, 4)
    assert shapes["depth"] == (7, 33, 1)
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


LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux promises shared memory that is not there")


@LINUX
def test_its_memory_is_there_before_it_is_written() -> None:
    """What is only promised kills who writes it: SIGBUS, which nothing can catch."""
    owner = Slot(SlotLayout((640, 360)))
    try:
        status = (FOLDER / owner.name).stat()
        assert status.st_blocks * 512 >= SlotLayout((640, 360)).size
    finally:
        owner.close()


@LINUX
def test_memory_that_is_not_there_is_one_sentence() -> None:
    """And nothing is left of what was there."""
    before = set(FOLDER.glob(f"{PREFIX}*"))
    with pytest.raises(UserError, match=r"MB of shared memory are not to be had.*resolution smaller"):
        ProcessHost("drill", "vpengine.neural.drill:Drill", "vpengine.neural.none:NoRuntime", [(1 << 19, 1 << 18)])
    assert set(FOLDER.glob(f"{PREFIX}*")) == before


KILLED = """
import os, signal, sys
from multiprocessing import resource_tracker
from vpengine.neural.slots import Slot, SlotLayout
slot = Slot(SlotLayout((33, 7)))
print(slot.name, flush=True)
os.kill(resource_tracker._resource_tracker._pid, signal.SIGKILL)
sys.stdin.read()
os.kill(os.getpid(), signal.SIGKILL)
"""


@LINUX
def test_what_a_killed_engine_left_is_cleared_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots_module, "YOUNG_S", 0.0)
    ours = Slot(LAYOUT)
    engine = subprocess.Popen([sys.executable, "-c", KILLED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert engine.stdout is not None
    theirs = FOLDER / engine.stdout.readline().strip()
    clear_stale()
    assert theirs.exists()  # that engine runs
    engine.communicate("")
    assert theirs.exists()
    assert clear_stale() >= 1
    assert not theirs.exists()
    assert (FOLDER / ours.name).exists()
    ours.close()
    assert not os.path.exists(FOLDER / ours.name)
