"""Carrier: hears the neural process in a thread of its own, and takes its pictures out of shared memory there."""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass
from multiprocessing.connection import Connection

from vpengine.frames.images import Room
from vpengine.frames.keyframe import Grade
from vpengine.frames.pixels import Pixels
from vpengine.neural.messages import Answer
from vpengine.neural.slots import AnySlot, Slots, pixels_of, room_of


@dataclass(frozen=True, eq=False)
class Carried:
    """An answer, out of its slot: a keyframe is shown and recorded long after the slot is another's.

    plate: what was asked, for it has to be kept as long.
    """

    answer: Answer
    plate: Room
    gain: Pixels
    bias: Pixels
    grade: Grade


def carried(answer: Answer, slot: AnySlot) -> Carried:
    """An answer and its request's plate, copied out of their slot."""
    grade = Grade(slot["grade"].copy(), slot["evidence"].copy())
    plate = room_of(slot, answer.resolution)
    kept = Room(plate.color_noise.kept(), plate.depth.kept())
    gain, bias = (pixels_of(slot, name, answer.resolution).kept() for name in ("gain", "bias"))
    return Carried(answer, kept, gain, bias, grade)


class Carrier:
    """One for each process that is started. The copies let go of Python's lock: the frame is not held up by them."""

    def __init__(self, pipe: Connection, slots: Slots) -> None:
        self._slots = slots
        self._news: queue.SimpleQueue[object] = queue.SimpleQueue()  # as many answers as there are slots
        self._thread = threading.Thread(target=self._run, args=(pipe,), name="neural-carrier", daemon=True)
        self._thread.start()

    def received(self) -> list[object]:
        """What has come since the last call, a ``Carried`` in place of each answer. Never waits."""
        news = []
        while True:
            try:
                news.append(self._news.get_nowait())
            except queue.Empty:
                return news

    def join(self, timeout_s: float) -> None:
        """Ends by itself when the process has."""
        self._thread.join(timeout_s)

    def _run(self, pipe: Connection) -> None:
        try:
            while True:
                message = pipe.recv()
                self._news.put(carried(message, self._slots[message.slot]) if isinstance(message, Answer) else message)
        except (EOFError, OSError):
            pass  # the process has gone; the host sees that
