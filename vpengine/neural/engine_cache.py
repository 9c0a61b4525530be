"""Built engines, kept by what they were made from: whatever changes an engine changes its name, so none is stale.

    folder/KEY.engine  KEY.json (its manifest)  KEY.CARD.jit (what a card compiled of it: engine_jit.py)
    locks/KEY  set-aside/ (what was found broken, for somebody to look at)

What is found broken is not handed out: the bytes are read once, checked, and those same bytes are given. The hashes
find damage and mix-ups, not a forger: somebody who may write this folder may also run programs as this user.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vpengine.errors import UserError
from vpengine.neural.cache_files import canonical, is_stray, sha256
from vpengine.neural.engine_jit import engine_of, jit_files
from vpengine.neural.file_lock import locked
from vpengine.stage.state_folder import state_folder
from vpengine.stage.whole_file import write_whole

SCHEMA = 1  # rises with what a key or a manifest is made of
SIZE_CAP_BYTES = 20 * 10**9  # about ten engines of large networks, and any number of small ones

Shapes = tuple[tuple[str, tuple[int, ...]], ...]


class NotBuiltError(UserError):
    """No engine is there for what is asked: it has to be built before a show."""


@dataclass(frozen=True)
class EngineSpec:
    """All that an engine depends on.

    flavour: ``rtx`` or ``enterprise``; library: its full version. system: OS and architecture. targets: the compute
    capabilities that it is built for; device: the card's own and its name, where it is for that card alone.
    onnx_sha256: of the network with its external data, so of weights and fused LoRAs too. precision: what the network
    is turned into before, and by what. shapes: of every input, by name. flags, limits: the builder's.
    """

    flavour: str
    library: str
    system: str
    targets: tuple[str, ...]
    device: str
    onnx_sha256: str
    precision: str
    shapes: Shapes
    flags: tuple[str, ...] = ()
    limits: tuple[tuple[str, int], ...] = ()

    @property
    def key(self) -> str:
        """64 hexadecimal digits."""
        return sha256(canonical({"schema": SCHEMA, **asdict(self)}))


@dataclass(frozen=True)
class Engine:
    """An engine whose bytes are what was put. manifest: what was put with it."""

    key: str
    data: bytes
    manifest: Mapping[str, Any]


@dataclass(frozen=True)
class Entry:
    """An engine in the cache, not looked into. size, compiled: in bytes, of the engine and of what cards compiled of
    it. used_s: when it was last put or found, in seconds of the epoch.
    """

    key: str
    size: int
    compiled: int
    used_s: float
    manifest: Mapping[str, Any]

    @property
    def targets(self) -> tuple[str, ...]:
        """That it was built for; none where the manifest is damaged, which ``find`` sees."""
        spec = self.manifest.get("spec")
        found = spec.get("targets") if isinstance(spec, dict) else None
        return tuple(found) if isinstance(found, list) and all(isinstance(each, str) for each in found) else ()


class EngineCache:
    """Engines in a folder, any number of processes at once. The least recently used go when there are too many."""

    def __init__(self, folder: Path | None = None, size_cap_bytes: int = SIZE_CAP_BYTES) -> None:
        """``folder`` is made when something is put; by default it lies where the engine remembers."""
        self.folder = folder or state_folder() / "engines"
        self._size_cap_bytes = size_cap_bytes

    def find(self, spec: EngineSpec) -> Engine | None:
        """The engine that was built for exactly this; None where there is none, or it was broken and is set aside."""
        path = self._manifest_path(spec.key)
        if not path.exists():
            return None
        with self._locked(spec.key):
            found, problem = self._read(spec.key)
            if found:
                self._touch(spec.key)
            elif path.exists():  # or another process took it away meanwhile
                self._move_aside(spec.key, problem)
            return found

    def put(self, spec: EngineSpec, data: bytes, manifest: Mapping[str, Any]) -> Engine:
        """Keep an engine. ``manifest`` is anything of JSON that its user wants to have with it.

        Raises UserError where the folder cannot be written, or the disk is full.
        """
        kept = {
            **manifest,
            "schema": SCHEMA,
            "spec": asdict(spec),
            "engine": {"sha256": sha256(data), "size": len(data)},
            "created_s": time.time(),
        }
        kept["manifest_sha256"] = sha256(canonical(kept))
        key = spec.key
        try:
            with self._locked(key):  # the manifest last: an engine without one does not count
                self._manifest_path(key).unlink(missing_ok=True)
                write_whole(self._engine_path(key), data)
                write_whole(self._manifest_path(key), json.dumps(kept, indent=1).encode())
            self._shrink(keep=key)
        except OSError as error:
            raise UserError(
                f"{self.folder}: the engine cannot be kept here ({error.strerror}); make room or the folder writable"
            ) from error
        return Engine(key, data, json.loads(json.dumps(kept)))

    @contextmanager
    def being_built(self, spec: EngineSpec) -> Iterator[None]:
        """One at a time builds this engine: whoever waited here finds it afterwards."""
        with locked(self.folder / "locks" / f"{spec.key}.build"):
            yield

    def set_aside(self, key: str, reason: str) -> None:
        """Never hand this one out again; it is kept, with the reason beside it, until the next prune."""
        with self._locked(key):
            self._move_aside(key, reason)

    def entries(self) -> list[Entry]:
        """What there is, most recently used first. A manifest that cannot be read is an empty one."""
        entries = []
        for path in self.folder.glob("*.json"):
            with suppress(OSError):  # another process may take it away meanwhile
                status = self._engine_path(path.stem).stat()
                compiled = sum(file.stat().st_size for file in jit_files(self.folder, path.stem))
                entries.append(Entry(path.stem, status.st_size, compiled, status.st_mtime, _manifest(path) or {}))
        return sorted(entries, key=lambda entry: (-entry.used_s, entry.key))

    def verify(self) -> dict[str, str]:
        """Look into every engine; what is broken is set aside. What was wrong, by key."""
        problems = {}
        for key in sorted({path.stem for path in (*self.folder.glob("*.json"), *self.folder.glob("*.engine"))}):
            with self._locked(key):
                problem = self._read(key)[1]
                if problem:
                    problems[key] = problem
                    self._move_aside(key, problem)
        return problems

    def prune(self, everything: bool = False) -> list[str]:
        """Take away what was set aside, what killed processes left, and the least recently used above the size cap.

        ``everything``: all engines. The names of the files and keys that went.
        """
        halves = [path for path in self.folder.glob("*.engine") if not self._manifest_path(path.stem).exists()]
        halves += [path for path in jit_files(self.folder) if not self._manifest_path(engine_of(path)).exists()]
        strays = [path for path in (*self.folder.glob("*.part"), *halves) if is_stray(path)]
        gone = []
        for path in (*self._aside.glob("*"), *strays):
            with suppress(OSError):
                path.unlink()
                gone.append(path.name)
        return gone + self._shrink(cap_bytes=-1 if everything else self._size_cap_bytes)

    @property
    def _aside(self) -> Path:
        return self.folder / "set-aside"

    def _engine_path(self, key: str) -> Path:
        return self.folder / f"{key}.engine"

    def _manifest_path(self, key: str) -> Path:
        return self.folder / f"{key}.json"

    @contextmanager
    def _locked(self, key: str) -> Iterator[None]:
        # Its own folder, and never taken away: a lock on a file that is gone would exclude nobody.
        with locked(self.folder / "locks" / key):
            yield

    def _read(self, key: str) -> tuple[Engine | None, str]:
        """The engine, or what is wrong with it."""
        manifest = _manifest(self._manifest_path(key))
        if manifest is None:
            return None, "its manifest is missing or cannot be read"
        problem = _manifest_problem(manifest, key)
        if problem:
            return None, problem
        try:
            data = self._engine_path(key).read_bytes()
        except OSError as error:
            return None, f"its file cannot be read ({error.strerror})"
        if {"sha256": sha256(data), "size": len(data)} != manifest["engine"]:
            return None, "its bytes are not those that were built"
        return Engine(key, data, manifest), ""

    def _touch(self, key: str) -> None:
        with suppress(OSError):  # another user's may be read, not touched
            os.utime(self._engine_path(key))

    def _move_aside(self, key: str, reason: str) -> None:
        self._aside.mkdir(parents=True, exist_ok=True)
        for path in (self._manifest_path(key), self._engine_path(key)):  # in this order: it is out after the first
            with suppress(FileNotFoundError):
                os.replace(path, self._aside / path.name)
        self._forget_compiled(key)
        (self._aside / f"{key}.reason").write_text(reason + "\n", encoding="utf-8")

    def _forget_compiled(self, key: str) -> None:
        for path in jit_files(self.folder, key):
            path.unlink(missing_ok=True)

    def _shrink(self, cap_bytes: int | None = None, keep: str = "") -> list[str]:
        cap = self._size_cap_bytes if cap_bytes is None else cap_bytes
        entries = self.entries()
        total, gone = sum(entry.size + entry.compiled for entry in entries), []
        for entry in reversed(entries):
            if total <= cap:
                break
            if entry.key != keep:  # what is larger than the cap is still used now
                with self._locked(entry.key):
                    self._manifest_path(entry.key).unlink(missing_ok=True)
                    self._engine_path(entry.key).unlink(missing_ok=True)
                    self._forget_compiled(entry.key)
                total -= entry.size + entry.compiled
                gone.append(entry.key)
        return gone


def _manifest_problem(manifest: Mapping[str, Any], key: str) -> str:
    """Whether it is as it was written, and is that of ``key``."""
    written = {name: value for name, value in manifest.items() if name != "manifest_sha256"}
    if manifest.get("manifest_sha256") != sha256(canonical(written)):
        return "its manifest was changed"
    spec = manifest.get("spec")
    if not isinstance(spec, dict) or sha256(canonical({"schema": SCHEMA, **spec})) != key:
        return "it was built for something else: another network, shape, card or version"
    return ""


def _manifest(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
