"""A trained look on disk: ``NAME.safetensors``, 6 kB of numbers, and its card beside it, ``NAME.md``.

In the looks folder, or beside a stage file. No pixels of what it was learnt from are in either.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import numpy as np

from vpengine.errors import UserError, did_you_mean
from vpengine.neural.look_transform import SHAPES, LookTransform, bounds_fault
from vpengine.neural.model_weights import pickled
from vpengine.neural.safetensors_header import read_header
from vpengine.stage.settings import ID_PATTERN, PATTERN_SENTENCES
from vpengine.stage.state_folder import state_folder

OVERRIDE = "VPENGINE_LOOKS"
SUFFIX, CARD_SUFFIX = ".safetensors", ".md"
_FORMAT = {"format": "vpengine look 1"}


def looks_folder() -> Path:
    """$VPENGINE_LOOKS, or ``looks`` in the state folder. It need not exist."""
    named = os.environ.get(OVERRIDE)
    return Path(named) if named else state_folder() / "looks"


def looks_there() -> list[Path]:
    """Every look in the looks folder, by name."""
    return sorted(looks_folder().glob(f"*{SUFFIX}"))


def is_path(name: str) -> bool:
    """Whether a look is named by its file: with a folder, or an ending."""
    return os.sep in name or "/" in name or name.endswith(SUFFIX) or pickled(Path(name))


def find_look(name: str) -> Path:
    """The file of a look: a path, or the name of one in the looks folder. Raises UserError where there is none."""
    if is_path(name):
        path = Path(name).expanduser()
        if path.is_file():
            return path
        raise UserError(f"{path}: no such look; vpengine look train makes one, vpengine look list has those there are")
    there = {path.stem: path for path in looks_there()}
    if name in there:
        return there[name]
    hint = did_you_mean(name, there) if there else f" ({looks_folder()} has none)"
    raise UserError(f"no look {name!r}{hint}; vpengine look train --name {name} --reference FOLDER makes it")


def new_look(name: str) -> Path:
    """Where a look of that name is written. Raises UserError for what is no name."""
    if not re.fullmatch(ID_PATTERN, name):
        raise UserError(f"--name {name}: allowed are {PATTERN_SENTENCES[ID_PATTERN]}")
    return looks_folder() / f"{name}{SUFFIX}"


def card_of(look: Path) -> Path:
    return look.with_suffix(CARD_SUFFIX)


def write_look(path: Path, transform: LookTransform, card: str) -> None:
    """Each moved into place whole; the same numbers are the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for target, data in ((path, look_bytes(transform)), (card_of(path), card.encode())):
        passing = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        passing.write_bytes(data)
        os.replace(passing, target)


def look_bytes(transform: LookTransform) -> bytes:
    """As https://github.com/huggingface/safetensors#format has it."""
    header: dict[str, object] = {"__metadata__": _FORMAT}
    data = b""
    for name, array in transform.arrays().items():
        raw = np.ascontiguousarray(array, "<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data


def read_look(path: Path) -> LookTransform:
    """Raises UserError, one sentence, for a file that is missing, broken, no look, or does what no look may."""
    if pickled(path):
        raise UserError(f"{path}: a pickle, which can run programs; a look is a {SUFFIX} file of vpengine look train")
    try:
        shapes, data = read_header(path).shapes, path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; vpengine look list has the looks that there are") from None
    if shapes != SHAPES:
        raise UserError(
            f"{path}: no look of vpengine's: found tensors {sorted(shapes)}; train it with vpengine look train"
        )
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    if any(header[name]["dtype"] != "F32" for name in SHAPES):
        raise UserError(f"{path}: its numbers are not 32 bit floats; train it again with vpengine look train")
    arrays = {}
    for name, shape in SHAPES.items():
        begin, end = header[name]["data_offsets"]
        arrays[name] = np.frombuffer(data[start + begin : start + end], "<f4").reshape(shape).astype(np.float32)
    transform = LookTransform(**arrays)
    if fault := bounds_fault(transform):
        raise UserError(f"{path}: {fault}; it is damaged or not of vpengine look train: train it again")
    return transform
