"""Models from the Hugging Face hub: which files are wanted, brought, checked, and moved into place when all are there.

Only safetensors and text: no pickle, no code. What was interrupted lies in ``.fetching`` below the models folder, and
goes on there at the next attempt.
"""

from __future__ import annotations

import errno
import hashlib
import importlib
import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import typer

from vpengine.errors import UserError
from vpengine.neural.digests import digests_of
from vpengine.neural.model_folder import INDEX, SOURCE, read_index

_TEXTS = (".json", ".txt", ".md")
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)  # this machine's, not the network's
_LICENCE = re.compile(r"licen[cs]e", re.IGNORECASE)
_FOLDERS = ("unet", "vae", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "scheduler")


@dataclass(frozen=True)
class OfferedFile:
    """sha256: of what is kept outside of git, "" for the rest, of which git_sha1 is known: that of the git blob."""

    name: str
    bytes: int
    sha256: str
    git_sha1: str


@dataclass(frozen=True)
class Offer:
    """What would be fetched. revision: the commit, whatever was asked for."""

    source: str
    revision: str
    licence: str
    files: tuple[OfferedFile, ...]

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files)


class Hub:
    """The hub through huggingface_hub, with its errors as sentences. $HF_ENDPOINT names a mirror."""

    def __init__(self, library: Any, endpoint: str | None) -> None:
        self._errors = library.errors
        self._api = library.HfApi(endpoint=endpoint, library_name="vpengine")
        self.endpoint = str(self._api.endpoint)

    @classmethod
    def opened(cls) -> Hub:
        """Raises UserError where huggingface_hub is missing."""
        try:
            library = importlib.import_module("huggingface_hub")
            importlib.import_module("huggingface_hub.errors")
        except ModuleNotFoundError:
            raise UserError("fetching needs huggingface_hub: pip install 'vpengine[diffusion]'") from None
        return cls(library, os.environ.get("HF_ENDPOINT") or None)

    def offer(self, source: str, revision: str | None) -> Offer:
        """What of a repository would be fetched. Raises UserError: no network, no such model, nothing that is safe."""
        info = self._asked(source, lambda: self._api.model_info(source, revision=revision, files_metadata=True))
        files = chosen([_offered(sibling) for sibling in info.siblings or ()])
        _check_kind(source, {file.name for file in files})
        card = info.card_data or {}
        licence = card.get("license_name") or card.get("license") or "unknown"
        return Offer(source, str(info.sha), str(licence), tuple(files))

    def bring(self, offer: Offer, file: OfferedFile, folder: Path) -> Path:
        """One file below ``folder``, which goes on with what an earlier attempt left there."""

        def download() -> Any:
            return self._api.hf_hub_download(offer.source, file.name, revision=offer.revision, local_dir=folder)

        return Path(self._asked(offer.source, download))

    def _asked(self, source: str, question: Callable[[], Any]) -> Any:
        try:
            return question()
        except self._errors.GatedRepoError:
            cure = f"accept its licence at {self.endpoint}/{source}, then hf auth login"
            raise UserError(f"{source}: its owners ask for an account: {cure}") from None
        except self._errors.RevisionNotFoundError:
            raise UserError(f"{source}: no such revision at {self.endpoint}") from None
        except (self._errors.RepositoryNotFoundError, self._errors.HFValidationError):
            raise UserError(f"{source!r}: no such model at {self.endpoint}; OWNER/NAME is needed") from None
        except self._errors.HfHubHTTPError as error:
            raise UserError(f"{source}: {self.endpoint} answers: {_first_line(error)}") from None
        except (self._errors.HTTPError, OSError) as error:
            if isinstance(error, OSError) and (error.filename is not None or error.errno in _DISK):
                raise
            raise UserError(
                f"{self.endpoint} cannot be reached ({_first_line(error)}); on a machine without a network, copy the "
                "model's folder into the models folder"
            ) from None


def fetch(hub: Hub, offer: Offer, folder: Path, read: Callable[[Path], Any]) -> Path:
    """Bring all of ``offer`` into ``folder``, under its name. ``read`` raises UserError for what could not be loaded.

    Nothing is seen in ``folder`` before everything is there and checked.
    """
    name = PurePosixPath(offer.source).name
    target, passing = folder / name, folder / ".fetching" / name
    if target.exists():
        raise UserError(f"{target}: there already; nothing was fetched. Move it away to fetch it again")
    passing.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(passing).free
    if free < offer.bytes:
        raise UserError(f"{folder}: {free / 1e9:.1f} GB free, {offer.bytes / 1e9:.1f} GB are needed")
    for number, file in enumerate(offer.files, 1):
        typer.echo(f"{number}/{len(offer.files)} {file.name}")
        _check(hub.bring(offer, file, passing), file)
        if file.name == INDEX:
            read_index(passing)
    shutil.rmtree(passing / ".cache", ignore_errors=True)  # huggingface_hub's own
    _leave_only(passing, offer)
    _write_source(passing, offer)
    read(passing)
    os.replace(passing, target)
    return target


def chosen(files: list[OfferedFile]) -> list[OfferedFile]:
    """Safetensors and text; of weights in two precisions the half one; of a whole model no checkpoint beside it."""
    names = {file.name for file in files}
    whole = INDEX in names

    def wanted(name: str) -> bool:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name:
            return False
        if len(path.parts) > 1 and not (whole and path.parent.as_posix() in _FOLDERS):
            return False  # examples, safety checkers, other runtimes' files
        if path.suffix != ".safetensors":
            return path.suffix in _TEXTS or bool(_LICENCE.match(path.name))
        if whole and (len(path.parts) == 1 or ".non_ema" in path.name):
            return False
        return not any(half in names for half in _half_names(name))

    # The index first: a pipeline that is not supported is found before gigabytes have come.
    return sorted((file for file in files if wanted(file.name)), key=lambda file: (file.name != INDEX, file.name))


def _check_kind(source: str, names: set[str]) -> None:
    """Raises UserError for what is neither a model, nor one part of a model, as far as names tell."""
    weights = sum(name.endswith(".safetensors") for name in names)
    if not weights:
        raise UserError(f"{source}: no weights as safetensors; vpengine loads nothing else")
    if weights > 1 and not names & {INDEX, "config.json"}:
        raise UserError(f"{source}: {weights} files of weights and no {INDEX}; fetch the one wanted by hand")


def _half_names(name: str) -> tuple[str, ...]:
    """What the half-precision file beside a file of full precision is called, if there is one."""
    if ".fp16" in name:
        return ()
    # A model in several files may be one file in half precision.
    stem = re.sub(r"(-\d{5}-of-\d{5})?\.safetensors$", "", name)
    return (f"{stem}.fp16.safetensors", name.replace(stem, f"{stem}.fp16", 1))


def _offered(sibling: Any) -> OfferedFile:
    lfs = sibling.lfs or {}
    return OfferedFile(sibling.rfilename, int(sibling.size or 0), lfs.get("sha256") or "", sibling.blob_id or "")


def _check(path: Path, file: OfferedFile) -> None:
    """Raises UserError, and forgets the file, where it is not what the hub says that it is."""
    if file.sha256:
        good = digests_of([path])[path] == file.sha256
    else:
        content = path.read_bytes()
        good = file.git_sha1 in ("", hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest())
    if not good:
        path.unlink()
        raise UserError(f"{file.name}: what came is not what the hub announced (sha256); fetch it again")


def _leave_only(folder: Path, offer: Offer) -> None:
    """An earlier attempt, at another revision, may have left other files."""
    names = {file.name for file in offer.files}
    for path in folder.rglob("*"):
        if path.is_file() and path.relative_to(folder).as_posix() not in names:
            path.unlink()


def _write_source(folder: Path, offer: Offer) -> None:
    digests = digests_of(folder / file.name for file in offer.files)
    files = {
        path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "sha256": digest}
        for path, digest in digests.items()
    }
    values = {"source": offer.source, "revision": offer.revision, "licence": offer.licence, "files": files}
    (folder / SOURCE).write_text(json.dumps(values, indent=1), encoding="utf-8")


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", maxsplit=1)[0] or type(error).__name__
