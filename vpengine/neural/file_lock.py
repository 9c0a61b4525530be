"""A lock that processes share, by a file: gone with whoever held it, however that ended."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Waits until nobody else has it. The file is made, with its folders, and stays. Raises OSError where it cannot."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        _take(file.fileno())
        try:
            yield
        finally:
            _give_back(file.fileno())


if sys.platform == "win32":

    def _take(number: int) -> None:
        while True:
            try:
                return msvcrt.locking(number, msvcrt.LK_LOCK, 1)
            except OSError:  # it tries for ten seconds
                continue

    def _give_back(number: int) -> None:
        msvcrt.locking(number, msvcrt.LK_UNLCK, 1)

else:

    def _take(number: int) -> None:
        fcntl.flock(number, fcntl.LOCK_EX)

    def _give_back(number: int) -> None:
        fcntl.flock(number, fcntl.LOCK_UN)
