"""ProcessHost: a generator in a process of its own, seen from the engine."""

from __future__ import annotations

import multiprocessing
import os
import sys
from contextlib import closing, suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

import psutil

from vpengine.errors import UserError
from vpengine.neural.carrier import Carrier
from vpengine.neural.messages import Ask
from vpengine.neural.slot_host import SLOTS, SlotHost
from vpengine.neural.slots import Slot, SlotLayout, Slots, clear_stale
from vpengine.neural.worker import run_worker
from vpengine.stops import kept_from_children


class ProcessHost(SlotHost):
    """Runs a generator in a process of its own: a GeneratorHost. One that hangs is killed."""

    place = "process"
    _process: BaseProcess | None = None
    _ending: BaseProcess | None = None  # killed, and perhaps not gone yet
    _pipe: Connection | None = None  # nobody closes it: it ends with the last who has it
    _carrier: Carrier | None = None

    def _make_slots(self, layout: SlotLayout) -> Slots:
        with kept_from_children():  # the first shared memory starts its tracker, a process too
            return _shared_slots(layout, self.health.name)

    def _begin(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        with closing(theirs):  # the process has a copy of its own
            process = context.Process(target=run_worker, args=(self._setup, theirs), name="vpengine-neural")
            process.daemon = True
            with kept_from_children():
                process.start()
        self._process, self.health.pid = process, process.pid  # not before: one that never started cannot be killed
        self._carrier = Carrier(self._pipe, self._slots)
        _lower_priority(process.pid or 0)

    def _may_begin(self) -> bool:
        return self._ending is None or not self._ending.is_alive()

    def _give(self, ask: Ask) -> None:
        assert self._pipe is not None
        with suppress(OSError):  # it died
            self._pipe.send(ask)

    def _heard(self) -> list[object]:
        assert self._carrier is not None
        return self._carrier.received()

    def _ended(self) -> str:
        assert self._process is not None
        return "" if self._process.is_alive() else f"its process ended with code {self._process.exitcode}"

    def _abandon(self) -> None:
        """That takes longer the more memory it has."""
        if self._process is not None:
            self._process.kill()
            self._ending = self._process
        self._process, self._pipe = None, None

    def _wait_for_end(self) -> None:
        if self._ending is not None:
            self._ending.join(timeout=2.0)
        if self._carrier is not None:
            self._carrier.join(0.5)


def _shared_slots(layout: SlotLayout, name: str) -> list[Slot]:
    clear_stale()
    slots: list[Slot] = []
    try:
        for _ in range(SLOTS):
            slots.append(Slot(layout))
    except OSError as error:
        for slot in slots:
            slot.close()
        megabytes = SLOTS * layout.size / 1e6
        raise UserError(
            f"generator {name}: {megabytes:.0f} MB of shared memory are not to be had ({error.strerror}); give the "
            "system more (a container's --shm-size), or make [neural] resolution smaller"
        ) from None
    return slots


def _lower_priority(pid: int) -> None:
    """From outside, so that it holds while the process still imports: that takes a second of a core."""
    with suppress(OSError, psutil.Error):  # it may be gone again already
        if sys.platform == "win32":
            psutil.Process(pid).nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
        else:
            os.setpriority(os.PRIO_PROCESS, pid, 10)
        if hasattr(os, "sched_setscheduler"):  # Linux: only what the frame leaves
            os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))
