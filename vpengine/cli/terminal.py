"""The terminal of a running show: log lines, and a status line that redraws in place.

A terminal may be held (Ctrl-S), slow or gone: the show does not wait for it, since a thread writes (streams.Unheld).
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
import threading
import time
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from typing import Self, TextIO

from vpengine.cli.streams import Unheld

STATUS_EVERY_S = 10.0  # where a line cannot be redrawn: a file, a service's journal
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
        self._writer: Unheld | None = None  # while it is open, and where there is a console
        self._clock = clock
        self._columns = columns or (lambda: _columns_of(self._out))
        self._redraws = _is_terminal(self._out)
        self._printed_s = -STATUS_EVERY_S
        self._shown = ""
        self._one_at_a_time = threading.Lock()  # any thread may log
        self._before: list[logging.Handler] = []

    def __enter__(self) -> Self:
        root = logging.getLogger()
        self._before, root.handlers = root.handlers, [self]
        self._writer = Unheld(self._out) if self._out is not None else None
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger().handlers = self._before
        if self._writer is not None:
            self._write("\n" if self._shown else "")
            self._writer.close()
            self._writer = None

    def emit(self, record: logging.LogRecord) -> None:
        self.say(self.format(record))

    def say(self, text: str) -> None:
        """A line that stays; above the status line, which is drawn again below."""
        with self._one_at_a_time:
            self._write(f"{_CLEAR}{text}\n{self._shown}" if self._shown else f"{text}\n")

    def status(self, text: str) -> None:
        """The status line now."""
        if self._redraws:
            with self._one_at_a_time:
                self._shown = fitting(text, self._columns() - 1)
                self._write(_CLEAR + self._shown)
        elif self._clock() - self._printed_s >= STATUS_EVERY_S:
            self._printed_s = self._clock()
            self.say(text)

    def _write(self, text: str) -> None:
        if self._writer is not None and text:
            self._writer.write(text)


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
