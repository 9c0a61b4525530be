"""Files that are watched while a show runs: which of them have changed, and are not being written any more."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

RESTS_S = 0.5  # for so long nothing of them changes before a change is told: editors and renders write in parts

# When it was written (ns), its bytes, and which file it is: a copy may keep times. None where there is no such file.
Stamp = tuple[int, int, int] | None


class WatchedFiles:
    """Asks the disk when each was written, and reads nothing."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._told: dict[Path, Stamp] = {}
        self._newest: dict[Path, Stamp] = {}
        self._since_s = 0.0  # when the newest of all changes was seen
        self.follow(paths)

    def follow(self, paths: Iterable[Path]) -> None:
        """These from now on; of one that was followed before, what changed meanwhile is told."""
        self._told = {path: self._told[path] if path in self._told else _stamp(path) for path in paths}
        self._newest = {path: self._newest.get(path, stamp) for path, stamp in self._told.items()}

    def changed(self, now_s: float) -> frozenset[Path]:
        """Those that have changed since they were told of, once, when all have rested for RESTS_S.

        now_s: of a monotonic clock; to be called twice a second or so.
        """
        newest = {path: _stamp(path) for path in self._told}
        if newest != self._newest:
            self._newest, self._since_s = newest, now_s
        if newest == self._told or now_s - self._since_s < RESTS_S:
            return frozenset()
        found = frozenset(path for path, stamp in newest.items() if stamp != self._told[path])
        self._told = newest
        return found


def _stamp(path: Path) -> Stamp:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
