"""A glTF file's scene as triangles in its own axes, one batch a material: node transforms are worked in."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from vpengine.errors import UserError
from vpengine.plates.gltf.buffers import Buffers
from vpengine.plates.gltf.document import Document, GltfFile, Node, Primitive

log = logging.getLogger(__name__)

MOST_TRIANGLES = 10_000_000
_TRIANGLES, _STRIP, _FAN = 4, 5, 6
_UV_SETS = 2

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Batch:
    """N vertices and M triangles of one material, front faces counter-clockwise.

    position (N, 3), normal (N, 3) unit: in the file's axes and units (Y up). uv: (N, 2, 2), sets 0 and 1, v from the
    top. color: (N, 4) linear Rec.709 and alpha. triangles: (M, 3). material: its number, None is glTF's default.
    """

    material: int | None
    position: Array
    normal: Array
    uv: Array
    color: Array
    triangles: NDArray[np.int64]


def read_batches(file: GltfFile, buffers: Buffers) -> list[Batch]:
    """All that the file's scene shows, at rest. Raises UserError for what is damaged, or too much."""
    document = file.document
    uses = [(node.mesh, matrix) for node, matrix in placed(file) if node.mesh is not None]
    meshes: dict[int, list[Batch]] = {}
    total = 0
    for mesh, _ in uses:
        if mesh not in meshes:
            part = buffers.part(document.meshes, mesh, "mesh")
            meshes[mesh] = [b for b in (_primitive(file, buffers, p) for p in part.primitives) if b is not None]
        total += sum(len(batch.triangles) for batch in meshes[mesh])
        if total > MOST_TRIANGLES:
            raise UserError(f"{file.path}: has more than {MOST_TRIANGLES // 10**6} million triangles; simplify it")
    if not total:
        raise UserError(f"{file.path}: its scene shows no triangles")
    return merged([moved(batch, matrix) for mesh, matrix in uses for batch in meshes[mesh]])


def placed(file: GltfFile) -> Iterator[tuple[Node, Array]]:
    """Each node of the file's scene with its world_from_node, (4, 4). Raises UserError where nodes are no tree."""
    document = file.document
    todo = [(number, np.eye(4)) for number in _roots(file)]
    seen: set[int] = set()
    while todo:
        number, parent = todo.pop()
        if number >= len(document.nodes):
            raise UserError(f"{file.path}: cannot be read as glTF: node {number} is used and is not there")
        if number in seen:
            raise UserError(f"{file.path}: cannot be read as glTF: node {number} is the child of two nodes")
        seen.add(number)
        node = document.nodes[number]
        with np.errstate(over="ignore", invalid="ignore"):  # absurd numbers are refused below
            matrix = parent @ _local(node)
        if not np.isfinite(matrix).all() or np.abs(matrix).max() > 1e9:
            raise UserError(f"{file.path}: cannot be read as glTF: node {number} stands nowhere")
        yield node, matrix
        todo += [(child, matrix) for child in node.children]


def merged(batches: list[Batch]) -> list[Batch]:
    """One batch of each material, in the order of their first."""
    by_material: dict[int | None, list[Batch]] = {}
    for batch in batches:
        by_material.setdefault(batch.material, []).append(batch)
    return [_joined(parts) for parts in by_material.values()]


def moved(batch: Batch, matrix: Array) -> Batch:
    """Through (4, 4); where it mirrors, triangles are turned so that their fronts stay fronts."""
    linear = matrix[:3, :3]
    determinant = np.linalg.det(linear)
    # The inverse transpose but for a factor; also where a scale of 0 has no inverse.
    cofactors = np.stack([np.cross(linear[(i + 1) % 3], linear[(i + 2) % 3]) for i in range(3)])
    normal = unit(batch.normal @ cofactors.T * (1.0 if determinant >= 0.0 else -1.0))
    triangles = batch.triangles if determinant >= 0.0 else batch.triangles[:, ::-1]
    position = batch.position @ linear.T + matrix[:3, 3]
    return Batch(batch.material, position, normal, batch.uv, batch.color, triangles)


def unit(vectors: Array) -> Array:
    """(N, 3) of length 1; those of no length point up."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.where(length > 1e-20, vectors / np.maximum(length, 1e-20), [0.0, 1.0, 0.0])


def _roots(file: GltfFile) -> list[int]:
    """The default scene's; without scenes, all nodes that are nobody's children."""
    document: Document = file.document
    if document.scenes:
        if document.scene >= len(document.scenes):
            raise UserError(f"{file.path}: cannot be read as glTF: scene {document.scene} is not there")
        return document.scenes[document.scene].nodes[::-1]
    children = {child for node in document.nodes for child in node.children}
    return [number for number in range(len(document.nodes)) if number not in children][::-1]


def _local(node: Node) -> Array:
    """parent_from_node: a matrix, column by column, or T R S (glTF 2.0, 3.5.3)."""
    if node.matrix is not None:
        return np.array(node.matrix).reshape(4, 4).T
    out = np.eye(4)
    norm = np.linalg.norm(node.rotation)
    rotation = np.eye(3) if not 1e-9 < norm < 1e9 else Rotation.from_quat(node.rotation).as_matrix()
    out[:3, :3] = rotation * np.array(node.scale)
    out[:3, 3] = node.translation
    return out


def _primitive(file: GltfFile, buffers: Buffers, primitive: Primitive) -> Batch | None:
    """Its own axes; None for what has no triangles."""
    if primitive.mode < _TRIANGLES or "POSITION" not in primitive.attributes:
        return None
    position = buffers.values(primitive.attributes["POSITION"], (3,), "positions")
    count = len(position)
    order = np.arange(count) if primitive.indices is None else buffers.indices(primitive.indices)
    if len(order) and order.max() >= count:
        raise UserError(
            f"{file.path}: cannot be read as glTF: an index is {order.max()} and there are {count} vertices"
        )
    triangles = _triangles(order, primitive.mode)
    if not len(triangles):
        return None
    uv = np.stack([_uv(file, buffers, primitive, number, count) for number in range(_UV_SETS)], axis=1)
    color = _color(file, buffers, primitive, count)
    if "NORMAL" not in primitive.attributes:
        return _flat(Batch(primitive.material, position, position, uv, color, triangles))
    normal = unit(_attribute(file, buffers, primitive, "NORMAL", (3,), count))
    return Batch(primitive.material, position, normal, uv, color, triangles)


def _triangles(order: NDArray[np.int64], mode: int) -> NDArray[np.int64]:
    """(M, 3) of a list, a strip or a fan (glTF 2.0, 3.7.2.1)."""
    if mode == _TRIANGLES:
        return order[: len(order) // 3 * 3].reshape(-1, 3)
    first = np.arange(max(len(order) - 2, 0))
    if mode == _FAN:
        return np.stack([order[first + 1], order[first + 2], order[np.zeros_like(first)]], axis=-1)
    odd = first % 2
    return np.stack([order[first], order[first + 1 + odd], order[first + 2 - odd]], axis=-1)


def _attribute(
    file: GltfFile, buffers: Buffers, primitive: Primitive, name: str, widths: tuple[int, ...], count: int
) -> Array:
    values = buffers.values(primitive.attributes[name], widths, name)
    if len(values) != count:
        raise UserError(f"{file.path}: cannot be read as glTF: {name} has {len(values)} values for {count} vertices")
    return values


def _uv(file: GltfFile, buffers: Buffers, primitive: Primitive, number: int, count: int) -> Array:
    name = f"TEXCOORD_{number}"
    if name not in primitive.attributes:
        return np.zeros((count, 2))
    return _attribute(file, buffers, primitive, name, (2,), count)


def _color(file: GltfFile, buffers: Buffers, primitive: Primitive, count: int) -> Array:
    out = np.ones((count, 4))
    if "COLOR_0" in primitive.attributes:
        values = np.clip(_attribute(file, buffers, primitive, "COLOR_0", (3, 4), count), 0.0, 1.0)
        out[:, : values.shape[1]] = values
    return out


def _flat(batch: Batch) -> Batch:
    """Without normals, each triangle has its own (glTF 2.0, 3.7.2.1), and no vertex is shared."""
    order = batch.triangles.reshape(-1)
    corners = batch.position[batch.triangles]
    normal = unit(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]))
    triangles = np.arange(len(order)).reshape(-1, 3)
    position, uv, color = batch.position[order], batch.uv[order], batch.color[order]
    return Batch(batch.material, position, np.repeat(normal, 3, axis=0), uv, color, triangles)


def _joined(parts: list[Batch]) -> Batch:
    starts = np.cumsum([0, *(len(part.position) for part in parts[:-1])])
    return Batch(
        parts[0].material,
        np.concatenate([part.position for part in parts]),
        np.concatenate([part.normal for part in parts]),
        np.concatenate([part.uv for part in parts]),
        np.concatenate([part.color for part in parts]),
        np.concatenate([part.triangles + start for part, start in zip(parts, starts, strict=True)]),
    )
