"""ThreadHost: a generator in a thread of the engine, for one whose card draws the walls too.

Nothing can end a thread. One that hangs is left alone, and neither it nor another may run in the engine before that is
started again; a process on the same machine still may. A generator that takes the process down takes the show with it:
that is the price of sharing a card's memory, and why all that needs no card has a process of its own.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from vpengine.errors import UserError
from vpengine.gpu.cuda import Cuda, CudaError, open_card
from vpengine.neural.carrier import carried
from vpengine.neural.messages import Answer, Ask, WorkerSetup
from vpengine.neural.placement import cards
from vpengine.neural.slot_host import SLOTS, SlotHost
from vpengine.neural.slots import LentSlot, SlotLayout, Slots
from vpengine.neural.worker import work
from vpengine.stops import left_behind

log = logging.getLogger(__name__)

END_S = 1.8  # for a picture that is being made; a model that is being loaded may take longer


class Worker:
    """Owns the thread, and what is said to it and by it. It copies answers out of their slots itself.

    It has the priority of all others: one that were put off while it holds Python's lock would hold up the frame.
    """

    def __init__(self, setup: WorkerSetup, slots: Slots, arrived: Callable[[], None]) -> None:
        """arrived: waits until what a card carries into the slots is there."""
        self._asks: queue.SimpleQueue[Ask | None] = queue.SimpleQueue()  # as many as there are slots, and the end
        self._news: queue.SimpleQueue[object] = queue.SimpleQueue()  # as many answers as there are slots
        self._setup, self._slots, self._arrived = setup, slots, arrived
        self._thread = threading.Thread(target=self._run, name="neural-thread", daemon=True)
        self._thread.start()
        self.ended = False  # before ``heard`` was called last, so that its last words have been heard

    def give(self, ask: Ask) -> None:
        self._asks.put(ask)

    def heard(self) -> list[object]:
        """What it has said since the last call. Never waits."""
        self.ended, news = not self._thread.is_alive(), list[object]()
        while True:
            try:
                news.append(self._news.get_nowait())
            except queue.Empty:
                return news

    def stop(self) -> None:
        """It ends after the picture that it is making."""
        self._asks.put(None)

    def alive(self) -> bool:
        return self._thread.is_alive()

    def join(self) -> None:
        """Wait END_S at most for it; what still runs then is told to the end of the engine."""
        self._thread.join(END_S)
        if self._thread.is_alive():
            left_behind(self._thread)

    def _run(self) -> None:
        work(self._setup, self._slots, self._next, self._say)

    def _next(self) -> Ask:
        ask = self._asks.get()
        if ask is None:
            raise EOFError
        self._arrived()
        return ask

    def _say(self, message: object) -> None:
        self._news.put(carried(message, self._slots[message.slot]) if isinstance(message, Answer) else message)


class ThreadHost(SlotHost):
    """Runs a generator in a thread of the engine: a GeneratorHost. One that raises is started again, a hung one not."""

    place = "thread"
    ends = False
    _worker: Worker | None = None
    _card: Cuda | None = None

    def _make_slots(self, layout: SlotLayout) -> Slots:
        """In page-locked memory where there is a card: it reads and writes there by itself."""
        self._card = _open_card()
        if self._card is not None:
            with suppress(MemoryError):
                return [LentSlot(layout, self._card.pinned, "pinned memory") for _ in range(SLOTS)]
        try:
            return [LentSlot(layout, _memory) for _ in range(SLOTS)]
        except MemoryError:
            megabytes = SLOTS * layout.size / 1e6
            raise UserError(
                f"generator {self.health.name}: {megabytes:.0f} MB of memory are not to be had; make [neural] "
                "resolution smaller"
            ) from None

    def _begin(self) -> None:
        try:
            self._worker = Worker(self._setup, self._slots, self._card.wait if self._card is not None else lambda: None)
        except RuntimeError as error:  # Python's for a thread that is not to be had
            raise OSError(str(error)) from error

    def _may_begin(self) -> bool:
        return self._worker is None or not self._worker.alive()

    def _give(self, ask: Ask) -> None:
        assert self._worker is not None
        self._worker.give(ask)

    def _heard(self) -> list[object]:
        assert self._worker is not None
        return self._worker.heard()

    def _ended(self) -> str:
        assert self._worker is not None
        return "its thread ended" if self._worker.ended else ""

    def _abandon(self) -> None:
        """It ends when it can: nothing is heard of it any more."""
        if self._worker is not None:
            self._worker.stop()

    def _wait_for_end(self) -> None:
        if self._worker is not None:
            self._worker.join()


def _open_card() -> Cuda | None:
    """Asks the driver first, for where it has no card there is no sense in importing what speaks to it."""
    if not cards():
        return None
    try:
        return open_card()
    except CudaError as error:
        log.info("%s: pictures for the generator go through ordinary memory", error)
        return None


def _memory(nbytes: int) -> NDArray[np.uint8]:
    return np.zeros(nbytes, np.uint8)  # written: what is only promised is missed when a frame wants it
