"""What an ONNX file is, without running it: its hash with all that belongs to it, and what it takes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError

from vpengine.errors import UserError, did_you_mean

Shape = tuple[int, ...]
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class Taken:
    """An input. shape: None for a side that is free. dtype: numpy's name for it."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str


def files_of(path: Path) -> list[Path]:
    """The file, and those beside it that have some of its weights. Raises UserError for what is no ONNX."""
    return [path, *(path.parent / name for name in sorted(_beside(path)))]


def onnx_sha256(path: Path) -> str:
    """Of all its files. Raises UserError for what is no ONNX."""
    digest = hashlib.sha256()
    for file in files_of(path):
        digest.update(_file_sha256(file))
    return digest.hexdigest()


def inputs_of(path: Path) -> list[Taken]:
    """What the network takes, weights left out. Raises UserError for what is no ONNX."""
    graph = _model(path).graph
    weights = {weight.name for weight in graph.initializer}
    return [_taken(value) for value in graph.input if value.name not in weights]


def fixed_shapes(path: Path, given: Mapping[str, Shape]) -> tuple[tuple[str, Shape], ...]:
    """The shape of every input, by name: what the file fixes, and for the rest what is ``given``.

    Raises UserError for what is missing, unknown, or not what the file says.
    """
    inputs = {taken.name: taken for taken in inputs_of(path)}
    for name in given:
        if name not in inputs:
            raise UserError(f"{path}: it has no input {name!r}{did_you_mean(name, inputs)}")
    return tuple((name, _fixed(path, taken, given.get(name))) for name, taken in sorted(inputs.items()))


def _fixed(path: Path, taken: Taken, given: Shape | None) -> Shape:
    wanted = "x".join("?" if side is None else str(side) for side in taken.shape)
    if given is None:
        known = tuple(side for side in taken.shape if side is not None)
        if len(known) == len(taken.shape):
            return known
        raise UserError(
            f"{path}: its input {taken.name!r} is {wanted}: say its size with --shape {taken.name}={wanted}"
        )
    fits = len(given) == len(taken.shape) and all(
        size > 0 and side in (None, size) for size, side in zip(given, taken.shape, strict=True)
    )
    if not fits:
        found = "x".join(map(str, given))
        raise UserError(f"{path}: its input {taken.name!r} is {wanted}, which {found} does not fit")
    return given


def _taken(value: onnx.ValueInfoProto) -> Taken:
    kind = value.type.tensor_type
    shape = tuple(side.dim_value if side.HasField("dim_value") else None for side in kind.shape.dim)
    return Taken(value.name, shape, np.dtype(onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type)).name)


def _model(path: Path) -> onnx.ModelProto:
    if not path.is_file():
        raise UserError(f"{path}: no such network; name an ONNX file that exists")
    try:
        model = onnx.load(str(path), load_external_data=False)
    except DecodeError as error:
        raise UserError(f"{path}: not an ONNX file; export the network again") from error
    if not model.graph.node:
        raise UserError(f"{path}: not an ONNX file with a network in it; export the network again")
    return model


def _beside(path: Path) -> set[str]:
    """Names of the files of weights. onnx refuses to load what lies outside the network's folder; so does this."""
    model = _model(path)
    places: set[str] = set()
    functions = (node for function in model.functions for node in function.node)
    for tensor in (*_tensors(model.graph), *_of_nodes(functions)):
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            places |= {entry.value for entry in tensor.external_data if entry.key == "location"}
    for place in places:
        if not (path.parent / place).resolve().is_relative_to(path.parent.resolve()):
            raise UserError(f"{path}: its weights are said to be in {place!r}, outside its folder; put them beside it")
        if not (path.parent / place).is_file():
            raise UserError(f"{path}: the file {place!r} with its weights is missing; put it beside the network")
    return places


def _tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    yield from _of_nodes(graph.node)


def _of_nodes(nodes: Iterable[Any]) -> Iterator[onnx.TensorProto]:
    for attribute in (attribute for node in nodes for attribute in node.attribute):
        yield from (attribute.t, *attribute.tensors)
        for graph in (attribute.g, *attribute.graphs):
            yield from _tensors(graph)


def _file_sha256(path: Path) -> bytes:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.digest()
