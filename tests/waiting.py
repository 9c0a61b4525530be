"""Who holds up a thread: found by what it calls, and not by a watch, which a busy machine moves."""

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
    """Fails where this thread waits in here, however shortly, and whoever catches what is raised."""
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
