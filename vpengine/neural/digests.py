"""sha256 of weights: which ones made a picture, and whether they are those that were fetched.

Gigabytes take seconds: what was found is remembered by path, size and time of change.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from vpengine.stage.state_folder import state_folder

CACHE = "model-digests.json"  # in the state folder


def sha256_of(files: Iterable[Path], cache: Path | None = None) -> str:
    """Hexadecimal: of one file its own, of several that of their digests, a line each, in the order of their paths."""
    digests = list(digests_of(files, cache).values())
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("".join(f"{digest}\n" for digest in digests).encode()).hexdigest()


def digests_of(files: Iterable[Path], cache: Path | None = None) -> dict[Path, str]:
    """By file, in the order of their paths. cache: where to remember them; the state folder has one."""
    cache = cache or state_folder() / CACHE
    known = _read(cache)
    found, news = {}, {}
    for path in sorted(files):
        status = path.stat()
        stamp = [status.st_size, status.st_mtime_ns]
        key = str(path.resolve())
        entry = known.get(key)
        if not (isinstance(entry, dict) and entry.get("stamp") == stamp and isinstance(entry.get("sha256"), str)):
            with path.open("rb") as file:
                entry = {"stamp": stamp, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}
            news[key] = entry
        found[path] = entry["sha256"]
    if news:
        _write(cache, {key: entry for key, entry in known.items() if Path(key).exists()} | news)
    return found


def _read(cache: Path) -> dict[str, Any]:
    """Empty where it is missing or damaged: everything in it can be found again."""
    try:
        known = json.loads(cache.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _write(cache: Path, entries: dict[str, Any]) -> None:
    """Moved into place whole. A state folder that cannot be written costs seconds at the next start, and no more."""
    passing = cache.with_suffix(f".{os.getpid()}.tmp")
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        passing.write_text(json.dumps(entries, indent=1), encoding="utf-8")
        os.replace(passing, cache)
    except OSError:
        with suppress(OSError):
            passing.unlink()
