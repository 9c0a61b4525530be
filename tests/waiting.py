"""Time in tests: to wait for what another thread does, to stand still, and to find whoever holds up a thread."""

from __future__ import annotations

import multiprocessing.connection
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

import pytest


class Clock:
    """Stands still until it is told."""

    def __init__(self) -> None:
        self.now_s = time.monotonic()

    def __call__(self) -> float:
        return self.now_s


def until(done: Callable[[], bool], seconds: float = 5.0) -> None:
    """Wait for what another thread or process does."""
    end_s = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end_s, "it did not happen in time"
        time.sleep(0.002)


# How one waits for a process, what it says, a thread, or a while.
WAITS = (
    (BaseProcess, "join"),
    (Connection, "recv"),
    (Connection, "poll"),
    (multiprocessing.connection, "wait"),
    (threading.Thread, "join"),
    (time, "sleep"),
)


@contextmanager
def never_waiting() -> Iterator[None]:
    """Fails where this thread waits in here, however shortly: found by what it calls, and not by a watch, which a busy
    machine moves.
    """
    here, waited = threading.current_thread(), list[str]()

    def noting(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*arguments: Any, **options: Any) -> Any:
            if threading.current_thread() is here:
                waited.append(name)
            return real(*arguments, **options)

        return noted

    with pytest.MonkeyPatch.context() as patch:
        for owner, name in WAITS:
            patch.setattr(owner, name, noting(f"{owner.__name__}.{name}", getattr(owner, name)))
        yield
    assert not waited, f"the thread of the frames waited: {waited}"
