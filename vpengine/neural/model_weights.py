"""The weights of one part of a model: which files of its folder are loaded, whole and safe ones, and how much they are.

Names are those that diffusers and transformers write: ``diffusion_pytorch_model.fp16.safetensors`` and the like, in one
file or in numbered ones.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vpengine.errors import UserError
from vpengine.neural.safetensors_header import read_header

HALF = "fp16"
_PICKLES = (".bin", ".ckpt", ".pt", ".pth", ".pkl")
_NAME = re.compile(
    r"(?:diffusion_pytorch_model|model)(?P<half>\.fp16)?(?:-\d{5}-of-(?P<of>\d{5}))?(?P<half_last>\.fp16)?\.safetensors"
)


@dataclass(frozen=True)
class Part:
    """half: the files are the published half-precision variant's (``variant="fp16"`` loads them)."""

    name: str
    class_name: str
    files: tuple[Path, ...]
    parameters: int
    bytes: int
    half: bool = False


def read_weights(folder: Path, name: str, class_name: str) -> Part | None:
    """The weights in ``folder``; None where there are none at all.

    Raises UserError for weights that are cut short, incomplete, or there as pickles only, which are programs and could
    do anything when loaded.
    """
    halves, wholes = _found(folder)
    files = halves or wholes
    if not files:
        if pickles := _pickles(folder):
            raise only_pickles(folder, pickles)
        return None
    headers = [read_header(path) for path in files]
    return Part(
        name,
        class_name,
        tuple(files),
        sum(header.parameters for header in headers),
        sum(header.bytes for header in headers),
        bool(halves),
    )


def only_pickles(folder: Path, pickles: list[Path]) -> UserError:
    names = ", ".join(path.name for path in pickles)
    return UserError(f"{folder}: weights only as {names}, which can run programs; safetensors are needed")


def pickled(path: Path) -> bool:
    return path.suffix.lower() in _PICKLES


def read_json(path: Path) -> dict[str, Any]:
    """Raises UserError where it is missing, cannot be read, or is not a JSON object."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; the model's folder is incomplete: fetch or copy it again") from None
    except ValueError:
        raise UserError(f"{path}: not JSON, as after half a download; fetch or copy it again") from None
    if not isinstance(values, dict):
        raise UserError(f"{path}: found {type(values).__name__}, not a JSON object; fetch or copy it again")
    return values


def _found(folder: Path) -> tuple[list[Path], list[Path]]:
    """Weights in half precision, and the others. Raises UserError where one of several numbered files is missing."""
    halves: list[Path] = []
    wholes: list[Path] = []
    expected: dict[bool, int] = {}
    for path in sorted(folder.glob("*.safetensors")):
        if match := _NAME.fullmatch(path.name):
            half = bool(match["half"] or match["half_last"])
            (halves if half else wholes).append(path)
            expected[half] = int(match["of"] or 1)
    for half, files in ((True, halves), (False, wholes)):
        if len(files) < expected.get(half, 0):
            raise UserError(f"{folder}: {len(files)} of {expected[half]} numbered files of weights; fetch it again")
    return halves, wholes


def _pickles(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*") if pickled(path))
