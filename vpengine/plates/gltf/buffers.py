"""What a glTF file's accessors hold: bytes from its own chunk, data URIs, or files beside it; as numpy arrays."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import Any
from urllib.parse import unquote, unquote_to_bytes

import numpy as np
from numpy.typing import NDArray

from vpengine.errors import UserError
from vpengine.plates.gltf.document import Accessor, GltfFile

_DTYPES = {5120: np.int8, 5121: np.uint8, 5122: np.int16, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}
_MOST_EMPTY = 2**24  # elements of an accessor that has no bytes of its own: nothing in the file bounds it


class Buffers:
    """Reads each buffer of a file once. All methods raise UserError in one sentence."""

    def __init__(self, file: GltfFile) -> None:
        self._file, self._document = file, file.document
        self._bytes: dict[int, bytes] = {}

    def values(self, number: int, widths: tuple[int, ...], what: str) -> NDArray[np.float64]:
        """(count, width): numbers, normalised ones to 0..1 or -1..1 (glTF 2.0, 3.6.2.2). widths: those allowed."""
        raw, accessor = self._read(number, widths, what)
        if not np.isfinite(raw).all():  # before it is cast: numpy warns of a signalling NaN
            raise self._damaged(f"its {what} has what is no number")
        out = raw.astype(np.float64)
        if accessor.normalized and raw.dtype.kind in "iu":
            out = np.maximum(out / np.iinfo(raw.dtype).max, -1.0)
        return out

    def indices(self, number: int) -> NDArray[np.int64]:
        """(count,) whole numbers of 0 and above."""
        raw, _ = self._read(number, (1,), "indices")
        if raw.dtype.kind != "u":
            raise self._damaged("its indices are no whole numbers of 0 and above")
        return raw[:, 0].astype(np.int64)

    def view(self, number: int) -> memoryview:
        """A buffer view's bytes."""
        view = self.part(self._document.buffer_views, number, "buffer view")
        content = self._buffer(view.buffer)
        if view.byte_offset + view.byte_length > len(content):
            raise self._damaged(f"buffer view {number} ends after its buffer's end")
        return memoryview(content)[view.byte_offset : view.byte_offset + view.byte_length]

    def from_uri(self, uri: str, what: str) -> bytes:
        """The content of a data URI, or of a file in the folder of the scene's file or below."""
        if uri.startswith("data:"):
            return self._from_data(uri, what)
        path = self._inside(uri, what)
        try:
            return path.read_bytes()
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror or error}); {self._file.path} names it") from None

    def part(self, parts: Any, number: int, what: str) -> Any:
        """parts[number], where there is one."""
        if number >= len(parts):
            raise self._damaged(f"{what} {number} is used, and there are {len(parts)}")
        return parts[number]

    def _read(self, number: int, widths: tuple[int, ...], what: str) -> tuple[NDArray[Any], Accessor]:
        accessor: Accessor = self.part(self._document.accessors, number, "accessor")
        width = _WIDTHS.get(accessor.type, 0)
        if width not in widths:
            raise self._damaged(f"its {what} is {accessor.type}")
        if accessor.buffer_view is None and accessor.count > _MOST_EMPTY:
            raise self._damaged(f"its {what} has {accessor.count} elements and no bytes")
        dtype = np.dtype(_DTYPES[accessor.component_type]).newbyteorder("<")
        if accessor.buffer_view is None:
            raw = np.zeros((accessor.count, width), dtype)
        else:
            raw = self._strided(accessor.buffer_view, accessor.byte_offset, accessor.count, width, dtype, what)
        return (self._with_sparse(raw, accessor, what) if accessor.sparse is not None else raw), accessor

    def _strided(self, view: int, offset: int, count: int, width: int, dtype: np.dtype[Any], what: str) -> NDArray[Any]:
        content, size = self.view(view), width * dtype.itemsize
        stride = self._document.buffer_views[view].byte_stride or size
        if offset + stride * (count - 1) + size > len(content) or stride < size:
            raise self._damaged(f"its {what} ends after its buffer view's end")
        return np.ndarray((count, width), dtype, content, offset, (stride, dtype.itemsize))

    def _with_sparse(self, raw: NDArray[Any], accessor: Accessor, what: str) -> NDArray[Any]:
        """Some elements are replaced by others (glTF 2.0, 3.6.2.3)."""
        sparse = accessor.sparse
        assert sparse is not None
        kind = np.dtype(_DTYPES[sparse.indices.component_type]).newbyteorder("<")
        at = self._strided(sparse.indices.buffer_view, sparse.indices.byte_offset, sparse.count, 1, kind, what)[:, 0]
        values = sparse.values
        new = self._strided(values.buffer_view, values.byte_offset, sparse.count, raw.shape[1], raw.dtype, what)
        if at.max() >= len(raw):
            raise self._damaged(f"its {what} replaces element {at.max()} of {len(raw)}")
        out = raw.copy()
        out[at.astype(np.int64)] = new
        return out

    def _buffer(self, number: int) -> bytes:
        if number not in self._bytes:
            self._bytes[number] = self._load(number)
        return self._bytes[number]

    def _load(self, number: int) -> bytes:
        buffer = self.part(self._document.buffers, number, "buffer")
        if buffer.uri is not None:
            content = self.from_uri(buffer.uri, f"buffer {number}")
        elif number == 0 and self._file.binary is not None:
            content = self._chunk(*self._file.binary)
        else:
            raise self._damaged(f"buffer {number} has no content")
        if len(content) < buffer.byte_length:
            raise self._damaged(f"buffer {number} has {len(content)} bytes of {buffer.byte_length}")
        return content

    def _chunk(self, start: int, length: int) -> bytes:
        try:
            with self._file.path.open("rb") as file:
                file.seek(start)
                return file.read(length)
        except OSError as error:
            raise UserError(f"{self._file.path}: cannot be read ({error.strerror or error})") from None

    def _from_data(self, uri: str, what: str) -> bytes:
        head, comma, content = uri.partition(",")
        if not comma:
            raise self._damaged(f"{what}'s data URI has no content")
        try:
            return base64.b64decode(content, validate=True) if head.endswith(";base64") else unquote_to_bytes(content)
        except (binascii.Error, ValueError):
            raise self._damaged(f"{what}'s data URI is no base64") from None

    def _inside(self, uri: str, what: str) -> Path:
        """A scene from elsewhere may not have this machine's other files read."""
        folder, name = self._file.path.parent, unquote(uri)
        shown = "".join(letter if letter.isprintable() else "?" for letter in name)[:100]
        try:
            path = (folder / name).resolve()
            inside = "\0" not in name and "://" not in name and path.is_relative_to(folder.resolve())
            found = inside and path.is_file()
        except (OSError, ValueError, RuntimeError):
            inside = found = False
        if not inside:
            raise UserError(
                f"{self._file.path}: {what} names {shown!r}, which is not inside its folder; put it there, or export "
                "the scene as .glb"
            )
        if not found:
            raise UserError(f"{self._file.path}: {what} names {shown!r}, and there is no such file in its folder")
        return path

    def _damaged(self, why: str) -> UserError:
        return UserError(f"{self._file.path}: cannot be read as glTF: {why}")
