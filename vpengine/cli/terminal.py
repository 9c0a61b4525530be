"""The terminal of a running show: log lines, and a status line that redraws in place, on a thread of its own.

A terminal may be held (Ctrl-S), slow or gone: the show must not wait for it.
"""

from __future__ import annotations

import logging
import os
import queue
import shutil
import sys
import threading
import time
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from typing import Self, TextIO

QUEUE_LINES = 256  # a terminal that is held for longer loses lines, newest first
STATUS_EVERY_S = 10.0  # where a line cannot be redrawn: a file, a service's journal
STOP_S = 1.0
_CLEAR = "\r\x1b[K"


class Terminal(logging.Handler):
    """Use as a context manager: while it is open, what is logged goes through it."""

    def __init__(
        self,
        out: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
        columns: Callable[[], int] | None = None,
    ) -> None:
        """out: standard error by default; None of both, as where there is no console, is borne.

        columns: how wide it is, by default as it says itself.
        """
        super().__init__()
        self._out = out or sys.stderr
        self._clock = clock
        self._columns = columns or (lambda: _columns_of(self._out))
        self._redraws = _is_terminal(self._out)
        self._told_s = -STATUS_EVERY_S
        self._shown = ""
        self._lines: queue.Queue[tuple[bool, str] | None] = queue.Queue(QUEUE_LINES)
        self._thread = threading.Thread(target=self._write_all, name="terminal", daemon=True)
        self._before: list[logging.Handler] = []

    def __enter__(self) -> Self:
        root = logging.getLogger()
        self._before, root.handlers = root.handlers, [self]
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger().handlers = self._before
        self._put(None)
        self._thread.join(STOP_S)

    def emit(self, record: logging.LogRecord) -> None:
        self.say(self.format(record))

    def say(self, text: str) -> None:
        """A line that stays."""
        self._put((False, text))

    def status(self, text: str) -> None:
        """The status line now."""
        if not self._redraws:
            if self._clock() - self._told_s < STATUS_EVERY_S:
                return
            self._told_s = self._clock()
        self._put((self._redraws, text))

    def _put(self, item: tuple[bool, str] | None) -> None:
        with suppress(queue.Full):  # it is held; a frame does not wait for it
            self._lines.put_nowait(item)

    def _write_all(self) -> None:
        while (item := self._lines.get()) is not None:
            in_place, text = item
            self._write(self._in_place(text) if in_place else self._line(text))
        self._write("\n" if self._shown else "")

    def _in_place(self, text: str) -> str:
        self._shown = fitting(text, self._columns() - 1)
        return _CLEAR + self._shown

    def _line(self, text: str) -> str:
        """Above the status line, which is drawn again below."""
        return f"{_CLEAR}{text}\n{self._shown}" if self._shown else f"{text}\n"

    def _write(self, text: str) -> None:
        if self._out is None or not text:
            return
        try:
            self._out.write(text)
            self._out.flush()
        except (OSError, ValueError):  # closed, full, or a pipe that nobody reads: the show goes on without
            self._out = None


def fitting(text: str, cells: int) -> str:
    """As much of ``text`` as ``cells`` hold in one line: Chinese and Japanese letters take two of them."""
    kept, left = "", cells
    for letter in " ".join(text.split()):
        left -= 0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        if left < 0:
            break
        kept += letter
    return kept


def _columns_of(out: TextIO | None) -> int:
    """Standard output may be a pipe where standard error is a terminal; some terminals say 0."""
    columns = 0
    with suppress(OSError, ValueError):
        columns = os.get_terminal_size(out.fileno()).columns if out is not None else 0
    return columns or shutil.get_terminal_size().columns


def _is_terminal(out: TextIO | None) -> bool:
    """Whether a line of it can be redrawn."""
    try:
        return out is not None and out.isatty() and os.environ.get("TERM") != "dumb"
    except (OSError, ValueError):
        return False
