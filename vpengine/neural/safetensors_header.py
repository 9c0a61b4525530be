"""What a safetensors file says of itself, read without loading it: 8 bytes of length, that much JSON, then the numbers.

https://github.com/huggingface/safetensors#format. A download that stopped half-way leaves a file whose header promises
more than there is: found here in a millisecond, with a sentence, and not by a library in the middle of a show.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from vpengine.errors import UserError

_LONGEST = 100_000_000  # bytes of header, as the format's own reader has it
_POINTER = b"version https://git-lfs"
_BITS = {"BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16}
_BITS |= {"I32": 32, "U32": 32, "F32": 32, "I64": 64, "U64": 64, "F64": 64}


@dataclass(frozen=True)
class Header:
    """shapes: of every tensor, by name. dtypes: which there are, as the format spells them, such as "F16"."""

    path: Path
    bytes: int
    shapes: dict[str, tuple[int, ...]]
    dtypes: frozenset[str]

    @property
    def parameters(self) -> int:
        return sum(prod(shape) for shape in self.shapes.values())


def read_header(path: Path) -> Header:
    """Raises UserError for a file that is none, is cut short, or holds other than it says."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        length = int.from_bytes(start, "little")
        text = file.read(min(length, _LONGEST, size))
    if (start + text).startswith(_POINTER):
        raise UserError(f"{path}: a Git LFS pointer and not the weights; git lfs pull brings them")
    if len(start) < 8 or (8 + length > size and text[:1] in (b"{", b"")):
        raise cut_short(path, size)
    tensors = _tensors(path, text if len(text) == length else b"")
    promised = 8 + length + max((end for _, end in (_extent(path, name, tensors[name]) for name in tensors)), default=0)
    if size < promised:
        raise cut_short(path, size, promised)
    if size > promised:
        raise UserError(f"{path}: {size - promised} bytes more than its header says; it is damaged: fetch it again")
    return Header(
        path,
        size,
        {name: tuple(tensor["shape"]) for name, tensor in tensors.items()},
        frozenset(tensor["dtype"] for tensor in tensors.values()),
    )


def cut_short(path: Path, size: int, promised: int | None = None) -> UserError:
    of = f" of {promised}" if promised else ""
    return UserError(f"{path}: cut short, {size}{of} bytes, as after half a download; fetch or copy it again")


def _tensors(path: Path, text: bytes) -> dict[str, Any]:
    try:
        tensors = json.loads(text)
    except ValueError:
        tensors = None
    if not isinstance(tensors, dict):
        raise UserError(f"{path}: no safetensors file: it does not begin with a header; fetch it again")
    tensors.pop("__metadata__", None)
    return tensors


def _extent(path: Path, name: str, tensor: Any) -> tuple[int, int]:
    """Where a tensor's bytes begin and end; as many as its shape and type take."""
    try:
        begin, end = (int(offset) for offset in tensor["data_offsets"])
        count = prod(int(side) for side in tensor["shape"])
        bits = _BITS.get(tensor["dtype"])  # a type that is newer than this table is taken on trust
        good = 0 <= begin <= end and (bits is None or 8 * (end - begin) == bits * count)
    except (TypeError, KeyError, ValueError):
        good = False
    if not good:
        raise UserError(f"{path}: its header says of {name!r} what cannot be; it is damaged: fetch it again")
    return begin, end
