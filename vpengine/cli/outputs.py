"""Where a command writes: tried before the work, never over what is there, and nothing left when it ends."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated

import psutil
import typer

from vpengine.errors import UserError

Force = Annotated[bool, typer.Option("--force", help="Overwrite what is there, instead of taking a new name.")]

_OURS = ".vpengine-"  # and the process id: what a killed run leaves is known by it, and cleared by the next
_TAKE = ("frames.jsonl", "run.json", "keyframes", "files", "bake.json")


def file_for(option: str, path: Path, force: bool, *, plain: bool = False) -> Path:
    """The file to write: ``path``, or a new numbered name, told, where one is there. Raises UserError, before the work.

    An empty file is nothing to lose. What is no file, such as /dev/null, is written to as it is, unless it must be a
    ``plain`` one.
    """
    with _writable(option, path):
        if path.is_dir():
            raise UserError(f"{option} {path}: is a folder; name a file")
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_file():
            if plain:
                raise UserError(f"{option} {path}: is not a file that a film can be written to")
            return path
        taken = not force and path.is_file() and path.stat().st_size > 0
        found = _instead(path, path.suffix) if taken else path
        _try(found.parent)
        if found.exists():
            with found.open("ab"):
                pass
        return found


def folder_for(option: str, path: Path, names: tuple[str, ...], force: bool) -> Path:
    """The folder to write ``names`` into: ``path``, or a new numbered one, told, where one of them is in it."""
    with _writable(option, path):
        if path.exists() and not path.is_dir():
            raise UserError(f"{option} {path}: is a file; name a folder")
        path = path if path.name not in ("", "..") else path.resolve()
        taken = not force and any((path / name).exists() for name in names)
        found = _instead(path, "") if taken else path
        found.mkdir(parents=True, exist_ok=True)
        _try(found)
        return found


def take_for(option: str, path: Path, force: bool) -> Path:
    """As ``folder_for``, for a take; of one that is overwritten nothing remains."""
    folder = folder_for(option, path, _TAKE, force)
    with _writable(option, folder):
        for name in _TAKE:
            old = folder / name
            if old.is_dir() and not old.is_symlink():
                shutil.rmtree(old)
            else:
                old.unlink(missing_ok=True)
    return folder


@contextmanager
def passing_take(film: Path) -> Iterator[Path]:
    """A take for one film, beside it, deleted when the film is made; kept, and told, where that fails."""
    folder = Path(tempfile.mkdtemp(prefix=f"{_OURS}{os.getpid()}-", dir=film.parent))
    try:
        yield folder
    except Exception:  # whatever kept the film from being made goes on up; after Ctrl-C nobody wants it
        lines = folder / "frames.jsonl"
        if lines.is_file() and lines.stat().st_size > 0:
            kept = _free(film.with_name(f"{film.stem}-take"), "")
            folder.rename(kept)
            typer.echo(f"the run itself is kept: vpengine film {kept}", err=True)
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def clear_stale(folder: Path) -> None:
    """Delete what runs that were killed have left in ``folder``; whose process lives is left alone."""
    for path in folder.glob(f"{_OURS}*"):
        pid = path.name.removeprefix(_OURS).partition("-")[0]
        if not pid.isdigit() or psutil.pid_exists(int(pid)):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):
                path.unlink()


def _instead(path: Path, suffix: str) -> Path:
    """The next numbered name that is free, told."""
    found = _free(path, suffix)
    typer.echo(f"{path} is there already: this goes to {found} (--force overwrites)", err=True)
    return found


def _free(path: Path, suffix: str) -> Path:
    """``film.mp4``, ``film-2.mp4``, ...: the first that is not there."""
    stem, number, found = path.name.removesuffix(suffix), 2, path
    while found.exists():
        found, number = path.with_name(f"{stem}-{number}{suffix}"), number + 1
    return found


def _try(folder: Path) -> None:
    """Raises OSError where no file can be made in ``folder``; clears what killed runs have left there."""
    clear_stale(folder)
    with tempfile.NamedTemporaryFile(prefix=f"{_OURS}{os.getpid()}-", dir=folder) as file:
        file.write(b"tried")


@contextmanager
def _writable(option: str, path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(f"{option} {path}: cannot be written ({error.strerror or error})") from error
