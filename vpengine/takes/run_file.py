"""run.json of a take: which stage and show it was made with, and what was in them, for those who draw it again.

stage, show     relative to the take's folder, so that a project can be moved; absolute in takes of older versions
copies          the same two inside the take, under files/, for when they are gone
sha256          of the two
named           what they name, such as pictures of plates: path, as above, and sha256
captured        films and image sequences that stood in for a camera: path, as above, and sha256; of several images,
                that of the list which sha256sum prints of them. They may be large: noted later, and never copied
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from vpengine import __version__
from vpengine.errors import UserError
from vpengine.stage.shipped import stage_folder
from vpengine.stage.whole_file import write_whole

log = logging.getLogger(__name__)

COPIED_BYTES = 32_000_000  # a picture up to so large is copied into the take, a larger one only named
_ABOVE = 3  # how many folders above a take an older one's files are looked for


@dataclass(frozen=True)
class Run:
    """stage, show: to be read now. sha256: of the two when the take was made; takes of older versions have none.

    named: files that they named then. note: what is to be told of where the files were found; empty when as recorded.
    captured: what stood in for a camera, and its sha256.
    """

    stage: Path
    show: Path
    sha256: Mapping[str, str]
    named: Mapping[Path, str] = field(default_factory=dict)
    note: str = ""
    captured: Mapping[Path, str] = field(default_factory=dict)

    def changed(self) -> list[Path]:
        """Those of the files that are there, but not as they were."""
        files = {"stage": self.stage, "show": self.show}
        found = [path for name, path in files.items() if name in self.sha256 and _differs(path, self.sha256[name])]
        return found + [path for path, sha256 in self.named.items() if _differs(path, sha256)]

    def changed_captures(self, played: Mapping[Path, Sequence[Path]]) -> list[Path]:
        """Those of what stood in for a camera that are not as they were. played: as of ``note_captured``, now."""
        then = {path.resolve(): sha256 for path, sha256 in self.captured.items()}
        pairs = [(path, then.get(path.resolve()), files) for path, files in played.items()]
        return [path for path, sha256, files in pairs if sha256 is not None and _digest(files) != sha256]


def write_run(folder: Path, stage: Path, show: Path, named: Iterable[Path] = ()) -> None:
    """named: the files that the two name, the stage's own show among them where another one runs.

    What a take cannot do without is written first: files that are named may be gigabytes. One that cannot be read is
    told and left out. Raises OSError where stage, show or the folder are the fault.
    """
    files = {"stage": stage.resolve(), "show": show.resolve()}
    others = [path for path in dict.fromkeys(item.resolve() for item in named) if path not in files.values()]
    others = [path for path in others if _is_readable(path, folder)]
    copies = _copy(folder, [*files.values(), *(path for path in others if path.stat().st_size <= COPIED_BYTES)])
    run = {
        **{name: _relative(path, folder) for name, path in files.items()},
        "copies": {name: copies[path] for name, path in files.items()},
        "sha256": {name: _sha256(path) for name, path in files.items()},
        "named": {},
        "version": __version__,
    }
    _write(folder, run)
    if others:
        _write(folder, run | {"named": {_relative(path, folder): _remembered(path) for path in others}})


def _write(folder: Path, run: Mapping[str, object]) -> None:
    write_whole(folder / "run.json", (json.dumps(run, indent=2) + "\n").encode())


def _is_readable(path: Path, folder: Path) -> bool:
    try:
        with path.open("rb"):
            return True
    except OSError as error:
        log.warning("take %s: %s is not noted (%s).", folder, path, error.strerror or error)
        return False


def note_captured(folder: Path, captured: Mapping[Path, Sequence[Path]]) -> threading.Thread:
    """Into a run.json that is there, by a thread that is started, for they may be gigabytes.

    captured: by what the stage names, all files that are played for a camera. What goes wrong is told; the take is good
    without it.
    """
    thread = threading.Thread(target=_note_captured, args=(folder, captured), name="take-captured", daemon=True)
    thread.start()
    return thread


def _note_captured(folder: Path, captured: Mapping[Path, Sequence[Path]]) -> None:
    if not captured:
        return
    path = folder / "run.json"
    try:
        digests = {_relative(first.resolve(), folder): _digest(files) for first, files in captured.items()}
        _write(folder, json.loads(path.read_text(encoding="utf-8")) | {"captured": digests})
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        log.warning("take %s: what was played for a camera is not noted (%s).", folder, why)


def read_run(folder: Path, allow_outside: bool = False) -> Run:
    """Where the files of a take are now: as recorded, beside the take when both were moved, or its own copies.

    A take may come from anybody: recorded paths are followed into the take's surroundings, the working folder and the
    shipped stages only, unless ``allow_outside``. Raises UserError when ``folder`` is not a take, or has no files.
    """
    try:
        run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        recorded = {name: Path(run[name]) for name in ("stage", "show")}
        sha256 = dict(run.get("sha256", {}))
        named = {Path(path): str(value) for path, value in run.get("named", {}).items()}
        captured = {Path(path): str(value) for path, value in run.get("captured", {}).items()}
        copies = {name: Path(path) for name, path in run.get("copies", {}).items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise UserError(f"{folder}: not a take: run.json {error}") from error
    finder = _Finder(folder, allow_outside)
    found = {name: finder.find(path, sha256.get(name)) for name, path in recorded.items()}
    if (stage := found["stage"]) and (show := found["show"]):
        here = {path: value for item, value in named.items() if (path := finder.find(item, value))}
        played = {path: value for item, value in captured.items() if (path := finder.find(item, value))}
        return Run(stage, show, sha256, here, captured=played)
    why = finder.why(next(path for name, path in recorded.items() if found[name] is None))
    own = {name: folder / path for name, path in copies.items() if _is_inside(folder / path, [folder])}
    if all(name in own and _is_file(own[name]) for name in found):
        return Run(own["stage"], own["show"], sha256, note=f"{why}; the take's own copies are used")
    raise UserError(f"{folder}: {why}, and the take has no copies")


def own_show(folder: Path) -> Path | None:
    """A take's copy of its show file, inside the take; None where it has none."""
    try:
        copy = folder / json.loads((folder / "run.json").read_text(encoding="utf-8"))["copies"]["show"]
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return copy if _is_inside(copy, [folder]) and _is_file(copy) else None


class _Finder:
    """Finds what a take's run.json names, in the places where that may be opened."""

    def __init__(self, take: Path, allow_outside: bool) -> None:
        self._take = take.resolve()
        self._allow_outside = allow_outside
        near = [self._take.parent, Path.cwd().resolve(), stage_folder().resolve()]
        self._roots = [folder for folder in near if folder != folder.parent]  # not the whole disk

    def find(self, recorded: Path, sha256: str | None) -> Path | None:
        path = Path(os.path.normpath(self._take / recorded))
        if self._allowed(path) and _is_file(path):
            return path
        if recorded.is_absolute() and not _is_file(recorded):
            return self._moved(recorded, sha256)
        return None

    def why(self, recorded: Path) -> str:
        """What is to be told when ``find`` found nothing."""
        path = Path(os.path.normpath(self._take / recorded))
        if self._allowed(path):
            return f"{path} is not there"
        return f"{path} lies outside the take's surroundings (--allow-outside allows it)"

    def _allowed(self, path: Path) -> bool:
        return self._allow_outside or _is_inside(path, self._roots)

    def _moved(self, recorded: Path, sha256: str | None) -> Path | None:
        """The end of an absolute path, below a folder near the take; only with the content that was recorded."""
        above = [folder for folder in (self._take, *self._take.parents)[: _ABOVE + 1] if folder != folder.parent]
        for folder in above:
            for first in range(1, len(recorded.parts)):
                path = folder.joinpath(*recorded.parts[first:])
                if ".." not in recorded.parts and _is_inside(path, [folder]) and _is_file(path):
                    return path if sha256 is not None and _sha256(path) == sha256 else None
        return None


def _copy(folder: Path, files: list[Path]) -> dict[Path, str]:
    """Copies in the same order of folders, so that what names another still finds it; by file, relative to the take."""
    try:
        root = Path(os.path.commonpath([path.parent for path in files]))
    except ValueError:  # on two drives
        root = Path()
    copies = {}
    for path in files:
        copy = Path("files", *(path.relative_to(root).parts if root.parts else path.parts[1:]))
        (folder / copy).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, folder / copy)
        copies[path] = copy.as_posix()
    return copies


def _relative(path: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(path, folder.resolve())).as_posix()
    except ValueError:  # on another drive
        return str(path)


def _is_inside(path: Path, folders: Iterable[Path]) -> bool:
    """Where links lead counts."""
    try:
        resolved = path.resolve()
    except (OSError, ValueError, RuntimeError):  # no path at all, or links in a circle
        return False
    return any(resolved.is_relative_to(folder.resolve()) for folder in folders)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name too long
        return False


def _differs(path: Path, sha256: str) -> bool:
    return _is_file(path) and _sha256(path) != sha256


def _digest(files: Sequence[Path]) -> str:
    """Of one file its own; of several that of their list with names, so that one more or less is a change too."""
    if len(files) == 1:
        return _remembered(files[0])
    lines = "".join(f"{_remembered(path)}  {path.name}\n" for path in files)
    return hashlib.sha256(lines.encode()).hexdigest()


def _remembered(path: Path) -> str:
    """As ``_sha256``; a file that no take since has seen change is read once in a run, and not with every take."""
    status = path.stat()
    return _sha256_as_of(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=1 << 16)
def _sha256_as_of(path: Path, size: int, mtime_ns: int) -> str:
    del size, mtime_ns
    return _sha256(path)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
