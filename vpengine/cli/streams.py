"""Standard output and error that never decide over a show: closed, full, broken, or of a console with few letters.

Imports little: it is used before the command line is loaded.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
from contextlib import suppress
from typing import Any, TextIO, cast

from vpengine.stops import is_left_behind


class Lenient:
    """A text stream whose words are lost, and nothing else, when they cannot be written."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a name in letters that the console does not have

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except (OSError, ValueError):
            self._let_go()
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except (OSError, ValueError):
            self._let_go()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _let_go(self) -> None:
        """Nobody reads it any more: what is still buffered, or comes, goes nowhere, also when Python ends."""
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
            self._stream.flush()


WAIT_S = 1.0  # for a terminal that is held, as by Ctrl-S
_QUEUE_WRITES = 256  # a terminal that is held for longer loses what comes then
_HELD = "words for a terminal"


class Unheld:
    """A text stream that is written by a thread, so that nobody waits for a terminal that is held.

    What it does not take is lost, and all of it where it is closed, full, or a pipe that nobody reads. ``close`` waits
    WAIT_S for the rest.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._words: queue.Queue[str | None] = queue.Queue(_QUEUE_WRITES)
        self._thread = threading.Thread(target=self._write_all, name=_HELD, daemon=True)
        self._thread.start()

    def write(self, text: str) -> int:
        with suppress(queue.Full):
            self._words.put_nowait(text)
        return len(text)

    def flush(self) -> None:
        """The thread does, after every word."""

    def close(self) -> None:
        try:
            self._words.put(None, timeout=WAIT_S)
        except queue.Full:
            self._end_when_let_go()
        else:
            self._thread.join(WAIT_S)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _end_when_let_go(self) -> None:
        """The words that a held terminal has not taken are lost; else the thread would wait for more for ever."""
        with suppress(queue.Empty):
            while True:
                self._words.get_nowait()
        self._words.put_nowait(None)

    def _write_all(self) -> None:
        while (text := self._words.get()) is not None:
            with suppress(OSError, ValueError):
                self._stream.write(text)
                self._stream.flush()


def echo(text: str) -> None:
    """Print a line, but never wait long for it: the show must not, neither at its beginning nor at its end."""
    out = Unheld(sys.stdout)
    out.write(f"{text}\n")
    out.close()


def leave_if_held(code: object) -> None:
    """At the end: Python would wait for the words that a held terminal has not taken yet, or abort for a thread."""
    held = any(thread.name == _HELD for thread in threading.enumerate())
    if not held:
        sys.stdout.flush()
        sys.stderr.flush()
    if held or is_left_behind():
        os._exit(code if isinstance(code, int) else 0 if code is None else 1)


def secure() -> None:
    """To be called first: the next file or socket that is opened would take the place of a stream that is closed."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDONLY if number == 0 else os.O_WRONLY)  # the lowest number that is free
            os.set_inheritable(opened, True)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name) or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  until the end
        setattr(sys, name, cast(TextIO, Lenient(stream)))
