"""Uniform blocks declared once in Python: the GLSL text and the std140 bytes both come from the declaration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

# GLSL type: (components a column, columns, numpy type). std140: a vec3 takes a vec4's place in arrays and matrices.
_TYPES: dict[str, tuple[int, int, type[np.generic]]] = {
    "float": (1, 1, np.float32),
    "int": (1, 1, np.int32),
    "vec2": (2, 1, np.float32),
    "vec3": (3, 1, np.float32),
    "vec4": (4, 1, np.float32),
    "ivec2": (2, 1, np.int32),
    "mat3": (3, 3, np.float32),
    "mat4": (4, 4, np.float32),
}


class UniformBlock:
    """``UniformBlock("Neural", age_s="float", clip_from_stage="mat4[4]")``: a std140 block and its packing."""

    def __init__(self, name: str, **fields: str) -> None:
        self.name = name
        self.fields = fields
        self._layout: dict[str, tuple[int, str, int]] = {}
        offset = 0
        for field, declared in fields.items():
            kind, count = _parse(declared)
            alignment, size = _size(kind, count)
            offset = -(-offset // alignment) * alignment
            self._layout[field] = (offset, kind, count)
            offset += size
        self.size = -(-offset // 16) * 16

    def glsl(self) -> str:
        lines = [f"    {_declare(field, declared)};" for field, declared in self.fields.items()]
        return "\n".join([f"layout(std140) uniform {self.name} {{", *lines, "};"]) + "\n"

    def pack(self, values: Mapping[str, Any]) -> bytes:
        """The block's bytes. Matrices are given as in numpy (acting on column vectors) and transposed here, once.

        Raises KeyError when a field is missing or unknown.
        """
        if values.keys() != self.fields.keys():
            raise KeyError(f"block {self.name}: {sorted(values.keys() ^ self.fields.keys())}")
        out = bytearray(self.size)
        for field, (offset, kind, count) in self._layout.items():
            raw = _bytes(kind, count, values[field], f"{self.name}.{field}")
            out[offset : offset + len(raw)] = raw
        return bytes(out)


def _declare(field: str, declared: str) -> str:
    kind, bracket, rest = declared.partition("[")
    return f"{kind} {field}{bracket}{rest}"


def _parse(declared: str) -> tuple[str, int]:
    kind, bracket, count = declared.rstrip("]").partition("[")
    if kind not in _TYPES:
        raise KeyError(f"uniform type {kind!r} is not one of {', '.join(_TYPES)}")
    return kind, int(count) if bracket else 0


def _size(kind: str, count: int) -> tuple[int, int]:
    """(alignment, size) in bytes; std140 rules 1 to 6, OpenGL 4.1 specification 2.11.4."""
    rows, columns, _ = _TYPES[kind]
    if count or columns > 1:
        return 16, 16 * columns * max(count, 1)
    return {1: 4, 2: 8, 3: 16, 4: 16}[rows], 4 * rows


def _bytes(kind: str, count: int, value: Any, where: str) -> bytes:
    rows, columns, dtype = _TYPES[kind]
    array = np.asarray(value, dtype=dtype)
    shape = (count,) * bool(count) + ((columns, rows) if columns > 1 else (rows,) if rows > 1 else ())
    if array.shape != shape:
        raise ValueError(f"{where}: shape {array.shape}, expected {shape}")
    if columns > 1:
        array = np.swapaxes(array, -1, -2)
    if not count and columns == 1:
        return array.tobytes()
    padded = np.zeros((max(count, 1), columns, 4), dtype)
    padded[..., :rows] = array.reshape(max(count, 1), columns, rows)
    return padded.tobytes()
