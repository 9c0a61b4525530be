"""run.json of a take: which stage and show it was made with, and what was in them, for those who draw it again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vpengine import __version__
from vpengine.errors import UserError


@dataclass(frozen=True)
class Run:
    """sha256: of ``stage`` and ``show`` when the take was made; takes of older versions have none."""

    stage: Path
    show: Path
    sha256: Mapping[str, str]

    def changed(self) -> list[Path]:
        """Those of the two files that are there, but not as they were."""
        files = {"stage": self.stage, "show": self.show}
        return [path for name, path in files.items() if name in self.sha256 and _differs(path, self.sha256[name])]


def write_run(folder: Path, stage: Path, show: Path) -> None:
    files = {"stage": stage.resolve(), "show": show.resolve()}
    run = {
        **{name: str(path) for name, path in files.items()},
        "sha256": {name: _sha256(path) for name, path in files.items()},
        "version": __version__,
    }
    (folder / "run.json").write_text(json.dumps(run, indent=2) + "\n", encoding="utf-8")


def read_run(folder: Path) -> Run:
    """Raises UserError when ``folder`` is not a take."""
    try:
        run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        return Run(Path(run["stage"]), Path(run["show"]), dict(run.get("sha256", {})))
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise UserError(f"{folder}: not a take: run.json {error}") from error


def _differs(path: Path, sha256: str) -> bool:
    return path.is_file() and _sha256(path) != sha256


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
