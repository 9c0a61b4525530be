"""Ctrl-C, a service manager's stop and a closed terminal: one quiet end for all three.

Imports little: it is used before the command line is loaded.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from vpengine.stops import SAME_S

INTERRUPTED = 130  # the exit code where nothing had begun

_ENDS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)]


def end_at_once() -> None:
    """Before and after a command: there is nothing to clean up, and a traceback of imports tells nobody."""
    for number in _ENDS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup, or a shell's background
            signal.signal(number, _leave)


@contextmanager
def ending_in_order() -> Iterator[None]:
    """In here they raise KeyboardInterrupt in the main thread: a run ends, and its films are made.

    Changes nothing where ``end_at_once`` was not called: in another program, such as a test.
    """
    stop, hook = _Stop(), sys.unraisablehook
    ours = [number for number in _ENDS if signal.getsignal(number) is _leave]
    for number in ours:
        signal.signal(number, stop)
        sys.unraisablehook = stop.again
    try:
        yield
    finally:
        sys.unraisablehook = hook
        for number in ours:
            if signal.getsignal(number) is stop:
                signal.signal(number, _leave)


@contextmanager
def deaf_to_hangup() -> Iterator[None]:
    """A terminal that closes does not end what is done after a run: its films and report are what was waited for."""
    if not hasattr(signal, "SIGHUP"):
        yield
        return
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


class _Stop:
    """The handler. One stop that is sent twice is one."""

    def __init__(self) -> None:
        self._last_s = -SAME_S

    def __call__(self, number: int, _: FrameType | None) -> None:
        if number == getattr(signal, "SIGHUP", None):
            signal.signal(number, signal.SIG_IGN)  # a terminal closes once, and its shell says so again
        now_s, before_s = time.monotonic(), self._last_s
        self._last_s = now_s
        if now_s - before_s >= SAME_S:
            raise KeyboardInterrupt

    def again(self, fault: Any) -> None:
        """A stop that came in the middle of a finalizer is not lost, nor is a traceback of it printed."""
        if fault.exc_type is KeyboardInterrupt:
            self._last_s = -SAME_S
            signal.raise_signal(signal.SIGINT)
        else:
            sys.__unraisablehook__(fault)


def _leave(number: int, _: FrameType | None) -> None:
    os._exit(INTERRUPTED)
