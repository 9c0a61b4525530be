"""Encoding: a thread of its own, at lower priority, for pictures; who offers never waits, who puts loses nothing."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, Protocol, TypeVar

NICE = 10
STUCK_S = 2.5  # without a picture taken or a byte written for so long, the disk or the encoder does not answer

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)


class Writer(Protocol[T_contra]):
    """What pictures go into, on the encoder's thread alone. Whatever it raises ends the encoding."""

    @property
    def progress(self) -> object:
        """Something that is another thing after each step forward."""

    def write(self, item: T_contra) -> None: ...

    def finish(self) -> None:
        """Write all that is still held back."""

    def close(self) -> None:
        """Give the file back, whole or not; after it, what is there plays."""


class Encoding(Generic[T]):
    """``offer`` or ``put`` one item at a time, then ``end`` or ``close``. error: what ended it, None while all is well.
    written: how many items are.

    make: makes the writer, on the thread, so that the threads that an encoder starts have its lower priority.
    most: that may wait. A full queue refuses what is offered, and makes who puts wait.
    """

    def __init__(self, name: str, make: Callable[[], Writer[T]], most: int) -> None:
        self.error: Exception | None = None
        self._make, self._most = make, most
        self._items: deque[T] = deque()
        self._ending = False
        self._change = threading.Condition()
        self._writer: Writer[T] | None = None
        self.written = 0
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def offer(self, item: T) -> bool:
        """Never waits. False when it is refused: too many wait already, or the encoding has ended."""
        with self._change:
            if self._ending or self.error is not None or len(self._items) >= self._most:
                return False
            self._items.append(item)
            self._change.notify_all()
        return True

    def put(self, item: T) -> None:
        """Waits for room, as long as the encoding goes forward; see ``error`` after it."""
        self._wait(lambda: self._offered(item))

    def end(self, last: T | None = None) -> None:
        """Nothing comes any more. Never waits. last: the end of it, for which there is always room."""
        with self._change:
            if last is not None and not self._ending and self.error is None:
                self._items.append(last)
            self._ending = True
            self._change.notify_all()

    def close(self) -> None:
        """End it, and wait until all is encoded, for as long as it goes forward; a second call does nothing."""
        self.end()
        self._wait(lambda: self.join(0.05))
        self.join(0.2)  # after an error it is at its last line, unless it is stuck

    def join(self, timeout_s: float) -> bool:
        """Whether its thread has ended, within so long."""
        self._thread.join(max(timeout_s, 0.0))
        return not self._thread.is_alive()

    def _offered(self, item: T) -> bool:
        if self.offer(item):
            return True
        with self._change:
            self._change.wait(0.05)
        return False

    def _wait(self, done: Callable[[], bool]) -> None:
        """Until ``done``, or the thread has ended, or nothing has gone forward for STUCK_S."""
        seen, since_s = self._progress(), time.monotonic()
        while self._thread.is_alive() and self.error is None and not done():
            now = self._progress()
            if now != seen:
                seen, since_s = now, time.monotonic()
            elif time.monotonic() - since_s > STUCK_S:
                self.error = TimeoutError("the disk or the encoder does not answer")

    def _progress(self) -> object:
        return self.written, self._writer.progress if self._writer is not None else None

    def _run(self) -> None:
        lower_priority()
        try:
            self._writer = writer = self._make()
            try:
                self._write_all(writer)
                writer.close()
            except Exception:
                with suppress(Exception):  # what is there may play
                    writer.close()
                raise
        except Exception as error:  # noqa: BLE001  this thread has nobody above it: who owns it looks at ``error``
            with self._change:
                self.error = error
                self._items.clear()  # they may be large
                self._change.notify_all()

    def _write_all(self, writer: Writer[T]) -> None:
        while (item := self._next()) is not None:
            writer.write(item)
            self.written += 1
        writer.finish()

    def _next(self) -> T | None:
        with self._change:
            while not self._items and not self._ending:
                self._change.wait()
            item = self._items.popleft() if self._items else None
            self._change.notify_all()
        return item


def why(error: BaseException) -> str:
    """What a person is told of it."""
    return str(getattr(error, "strerror", None) or error or type(error).__name__)


def lower_priority() -> None:
    """Of this thread, and those that it starts, where the system can (Linux)."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
