"""Where Ctrl-C, a service manager's stop and a closed terminal may not come: children, and amid a driver's work."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SAME_S = 0.3  # `timeout`, shells and terminals send the same stop to a process twice
_ENDS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


@contextmanager
def held() -> Iterator[list[int]]:
    """A first stop in here has its effect at the end, a second one at once; the list says whether one came.

    An exception amid the calls of a graphics driver leaves halves, and their release has crashed.
    """
    came: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield came
        return
    before: dict[int, Any] = {}
    first_s = 0.0

    def hold(number: int, frame: FrameType | None) -> None:
        nonlocal first_s
        if came and time.monotonic() - first_s >= SAME_S:
            before[number](number, frame)
        first_s = first_s or time.monotonic()
        came.append(number)

    for number in _ENDS:
        handler = signal.getsignal(number)
        if callable(handler):
            before[number] = handler
            signal.signal(number, hold)
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if came:
        before[came[0]](came[0], None)


@contextmanager
def kept_from_children() -> Iterator[None]:
    """A process that is started in here never gets these stops, from its first moment on; here they come afterwards."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_left: list[threading.Thread] = []


def left_behind(thread: threading.Thread) -> None:
    """A daemon thread that does not end, in a library's call perhaps: the command then leaves without Python's own end.

    That end keeps Python's lock from such a thread for ever, and a library in C++ that wants it aborts the process:
    with a core dump, and an exit code that is not the command's. Who embeds the engine ends by ``os._exit`` likewise.
    """
    _left.append(thread)


def is_left_behind() -> bool:
    """Whether one of these still runs."""
    return any(thread.is_alive() for thread in _left)
