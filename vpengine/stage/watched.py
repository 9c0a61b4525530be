"""Files that are watched while a show runs: which of them have changed, and are not being written any more."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

RESTS_S = 0.5  # for so long a file stays as it is before its change is told: editors and renders write in parts

# When it was written (ns), its bytes, and which file it is: a copy may keep times. None where there is no such file.
Stamp = tuple[int, int, int] | None


class WatchedFiles:
    """Asks the disk when each was written, and reads nothing."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._told: dict[Path, Stamp] = {}
        self._newest: dict[Path, Stamp] = {}
        self._since_s: dict[Path, float] = {}  # when the newest change of each was seen
        self.follow(paths)

    def follow(self, paths: Iterable[Path]) -> None:
        """These from now on; of one that was followed before, what changed meanwhile is told."""
        self._told = {path: self._told[path] if path in self._told else _stamp(path) for path in paths}
        self._newest = {path: self._newest.get(path, stamp) for path, stamp in self._told.items()}
        self._since_s = {path: since_s for path, since_s in self._since_s.items() if path in self._told}

    def changed(self, now_s: float) -> frozenset[Path]:
        """Those that have changed since they were told of, once, each when it has rested for RESTS_S.

        now_s: of a monotonic clock; to be called twice a second or so.
        """
        for path in self._told:
            newest = _stamp(path)
            if newest != self._newest[path]:
                self._newest[path], self._since_s[path] = newest, now_s
        found = frozenset(path for path in self.written if now_s - self._since_s[path] >= RESTS_S)
        self._told |= {path: self._newest[path] for path in found}
        return found

    @property
    def written(self) -> frozenset[Path]:
        """Those that are still being written: their change is not told yet."""
        return frozenset(path for path, stamp in self._newest.items() if stamp != self._told[path])


def _stamp(path: Path) -> Stamp:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
