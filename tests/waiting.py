"""Time in tests: to wait for what another thread does, to stand still, and to find whoever holds up a thread."""

from __future__ import annotations

import functools
import inspect
import math
import multiprocessing.connection
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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


def until(done: Callable[[], bool], seconds: float = 120.0) -> None:
    """Wait for what another thread or process does. seconds: of patience, and no measure of how fast it is."""
    end_s = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end_s, "it did not happen in time"
        time.sleep(0.002)


# How one waits for a process, what it says, a thread, room in a queue, or a while.
WAITS = (
    (BaseProcess, "join"),
    (Connection, "recv"),
    (Connection, "poll"),
    (multiprocessing.connection, "wait"),
    (threading.Thread, "join"),
    (queue.Queue, "put"),
    (time, "sleep"),
)
_SLEEP = time.sleep


@dataclass(frozen=True)
class Wait:
    """seconds: how long a call waited, and no longer than it had asked to: a machine that stalls is not the code's."""

    call: str
    seconds: float


def _limit_s(waits: Callable[..., Any], *arguments: Any, **options: Any) -> float | None:
    """How long the call would wait at most; None where it would not wait at all."""
    if inspect.unwrap(waits) is _SLEEP:
        return float(arguments[0])
    bound = inspect.signature(waits).bind(*arguments, **options)
    bound.apply_defaults()
    if not bound.arguments.get("block", True):
        return None
    limit_s = bound.arguments.get("timeout")
    return math.inf if limit_s is None else limit_s


@contextmanager
def waits_here() -> Iterator[list[Wait]]:
    """The waits of this thread in here, as they end. What ends by a deadline can so be held against it on a machine of
    any speed: what the code does meanwhile, or the machine for others, is no wait.
    """
    here, waits, inside = threading.current_thread(), list[Wait](), False

    def noting(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(real)
        def noted(*arguments: Any, **options: Any) -> Any:
            nonlocal inside
            limit_s = _limit_s(real, *arguments, **options)
            if inside or limit_s is None or threading.current_thread() is not here:
                return real(*arguments, **options)
            inside, begun_s = True, time.monotonic()  # a wait that waits by another one is one
            try:
                return real(*arguments, **options)
            finally:
                inside = False
                waits.append(Wait(name, min(time.monotonic() - begun_s, limit_s)))

        return noted

    with pytest.MonkeyPatch.context() as patch:
        for owner, name in WAITS:
            patch.setattr(owner, name, noting(f"{owner.__name__}.{name}", getattr(owner, name)))
        yield waits


def waited_s(waits: list[Wait]) -> float:
    return sum(each.seconds for each in waits)


@contextmanager
def never_waiting() -> Iterator[None]:
    """Fails where this thread waits in here, however shortly: found by what it calls, and not by a watch, which a busy
    machine moves.
    """
    with waits_here() as waits:
        yield
    assert not waits, f"the thread of the frames waited: {[each.call for each in waits]}"
