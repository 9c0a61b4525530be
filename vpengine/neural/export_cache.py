"""Networks exported to ONNX, kept by what they were made from: whatever changes one changes its name.

    folder/KEY/network.onnx, its weights beside it, manifest.json    locks/KEY

What is damaged is made again. The sha256 of files that have not changed since are remembered (digests.py).
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vpengine.errors import UserError
from vpengine.neural.digests import digests_of
from vpengine.neural.file_lock import locked
from vpengine.stage.state_folder import state_folder

log = logging.getLogger(__name__)

SCHEMA = 1  # rises with what a key is made of, and with what the exported networks take and give
NETWORK, MANIFEST = "network.onnx", "manifest.json"
_PART = ".part-"
_STRAY_S = 6 * 3600.0  # what is older and no whole export was left by one that was killed


@dataclass(frozen=True)
class ExportSpec:
    """All that an export depends on.

    network: what it is of the model. weights: the sha256 of its weights, and of each LoRA that is fused into it.
    config: of its shape. takes: what it is given beyond the usual. libraries: those that made it, with versions.
    """

    network: str
    weights: tuple[str, ...]
    config: str
    takes: str
    libraries: tuple[str, ...]
    opset: int

    @property
    def key(self) -> str:
        """64 hexadecimal digits."""
        text = json.dumps({"schema": SCHEMA, **asdict(self)}, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Export:
    """An export in the cache, not looked into. label: what it is of, in words."""

    key: str
    bytes: int
    label: str


class ExportCache:
    """Exports in a folder, any number of processes at once. None goes before somebody says so: ``prune``."""

    def __init__(self, folder: Path | None = None) -> None:
        """``folder`` is made when something is put; by default it lies where the engine remembers."""
        self.folder = folder or state_folder() / "networks"

    def find(self, spec: ExportSpec) -> Path | None:
        """The ONNX file of an export that is whole; None where there is none, or it is damaged."""
        folder = self.folder / spec.key
        return folder / NETWORK if folder.is_dir() and not _problem(folder) else None

    def ready(self, spec: ExportSpec, label: str, write: Callable[[Path], None]) -> Path:
        """The ONNX file; where there is none, ``write`` makes it and its weights in the empty folder it is given.

        Raises UserError where the folder cannot be written, or the disk is full.
        """
        try:
            with locked(self.folder / "locks" / spec.key):  # two that need the same one make it once
                return self.find(spec) or self._made(spec, label, write)
        except OSError as error:
            raise UserError(
                f"{self.folder}: an exported network cannot be kept there ({error.strerror}); make room, or name "
                "another place with VPENGINE_STATE"
            ) from error

    def _made(self, spec: ExportSpec, label: str, write: Callable[[Path], None]) -> Path:
        folder = self.folder / spec.key
        if folder.exists():
            log.warning("%s: damaged, it is exported again: %s", folder, _problem(folder))
            shutil.rmtree(folder)
        part = Path(tempfile.mkdtemp(dir=self.folder, prefix=_PART))
        try:
            write(part)
            files = {path.name: [path.stat().st_size, digest] for path, digest in digests_of(_files(part)).items()}
            manifest = {"schema": SCHEMA, "spec": asdict(spec), "label": label, "files": files}
            (part / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
            os.replace(part, folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)
        return folder / NETWORK

    def entries(self) -> list[Export]:
        return [Export(folder.name, _size(folder), _label(folder)) for folder in self._folders()]

    def prune(self, everything: bool = False) -> list[str]:
        """Take away what killed processes left, and what cannot be read. ``everything``: all. What went, by name."""
        gone = [folder for folder in self._folders() if everything or not _manifest(folder)]
        gone += [part for part in self.folder.glob(f"{_PART}*") if everything or _stray(part)]
        for folder in gone:
            shutil.rmtree(folder, ignore_errors=True)
        return [folder.name for folder in gone]

    def _folders(self) -> Iterator[Path]:
        yield from (path for path in sorted(self.folder.glob("*")) if len(path.name) == 64 and path.is_dir())


def _problem(folder: Path) -> str:
    """What is wrong with an export; empty where it is whole."""
    files = _manifest(folder).get("files")
    if not isinstance(files, dict) or NETWORK not in files:
        return "its manifest is missing or cannot be read"
    there = {path.name: path for path in _files(folder)}
    for name, (size, _) in files.items():  # before gigabytes are hashed
        if name not in there or there[name].stat().st_size != size:
            return f"{name} is not whole"
    found = {path.name: digest for path, digest in digests_of(there[name] for name in files).items()}
    wrong = next((name for name, (_, digest) in files.items() if found[name] != digest), None)
    return f"{wrong} is not what was exported" if wrong else ""


def _manifest(folder: Path) -> Mapping[str, Any]:
    """Empty where it is missing or cannot be read."""
    with suppress(OSError, ValueError):
        found = json.loads((folder / MANIFEST).read_bytes())
        if isinstance(found, dict):
            return found
    return {}


def _files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if path.name != MANIFEST]


def _label(folder: Path) -> str:
    return str(_manifest(folder).get("label", "its manifest cannot be read: vpengine engines prune"))


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def _stray(folder: Path) -> bool:
    with suppress(OSError):
        return time.time() - folder.stat().st_mtime > _STRAY_S
    return False
