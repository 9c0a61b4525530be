"""A glTF 2.0 file's JSON: read from .glb or .gltf, validated, and refused in one sentence where it cannot be drawn.

Read with pydantic and numpy: trimesh leaves out samplers and KHR_texture_transform, and pygltflib reads no accessors.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from vpengine.errors import UserError, printable

SUFFIXES = (".glb", ".gltf")
SPECULAR_GLOSSINESS = "KHR_materials_pbrSpecularGlossiness"
DRAWN_EXTENSIONS = (
    "EXT_texture_webp",
    "KHR_materials_emissive_strength",
    SPECULAR_GLOSSINESS,
    "KHR_materials_unlit",
    "KHR_mesh_quantization",
    "KHR_texture_transform",
)
DRACO, BASISU = "KHR_draco_mesh_compression", "KHR_texture_basisu"
_COPY = "as does `gltf-transform copy IN.glb OUT.glb`"
_CURES = {
    DRACO: f"its meshes are compressed with Draco ({DRACO}); export it without, {_COPY}",
    BASISU: f"its textures are KTX2 ({BASISU}); export them as PNG, JPEG or WebP",
    "EXT_meshopt_compression": f"its meshes are compressed (EXT_meshopt_compression); export it without, {_COPY}",
    "KHR_meshopt_compression": f"its meshes are compressed (KHR_meshopt_compression); export it without, {_COPY}",
}
_GLB_MAGIC, _JSON_CHUNK, _BIN_CHUNK = 0x46546C67, 0x4E4F534A, 0x004E4942
_MOST_JSON_BYTES = 2**26

Index = Annotated[int, Field(ge=0, lt=2**31)]
Positive = Annotated[int, Field(ge=1, lt=2**31)]
Vec3 = tuple[float, float, float]
Vec4 = tuple[float, float, float, float]


class _Part(BaseModel):
    """Fields are glTF's own, in snake case. Keys that are not declared are other programs' business."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False, alias_generator=to_camel, populate_by_name=True)

    extensions: dict[str, Any] = {}


class Buffer(_Part):
    uri: str | None = None
    byte_length: Positive


class BufferView(_Part):
    buffer: Index
    byte_offset: Index = 0
    byte_length: Positive
    byte_stride: Annotated[int, Field(ge=4, le=252)] | None = None


class SparseIndices(_Part):
    buffer_view: Index
    byte_offset: Index = 0
    component_type: Literal[5121, 5123, 5125]


class SparseValues(_Part):
    buffer_view: Index
    byte_offset: Index = 0


class Sparse(_Part):
    count: Positive
    indices: SparseIndices
    values: SparseValues


class Accessor(_Part):
    buffer_view: Index | None = None
    byte_offset: Index = 0
    component_type: Literal[5120, 5121, 5122, 5123, 5125, 5126]
    normalized: bool = False
    count: Positive
    type: Literal["SCALAR", "VEC2", "VEC3", "VEC4", "MAT2", "MAT3", "MAT4"]
    sparse: Sparse | None = None


class Primitive(_Part):
    attributes: dict[str, Index]
    indices: Index | None = None
    material: Index | None = None
    mode: Annotated[int, Field(ge=0, le=6)] = 4
    targets: list[Any] = []


class MeshPart(_Part):
    primitives: list[Primitive]


class Node(_Part):
    children: list[Index] = []
    matrix: Annotated[list[float], Field(min_length=16, max_length=16)] | None = None
    translation: Vec3 = (0.0, 0.0, 0.0)
    rotation: Vec4 = (0.0, 0.0, 0.0, 1.0)
    scale: Vec3 = (1.0, 1.0, 1.0)
    mesh: Index | None = None
    skin: Index | None = None


class Scene(_Part):
    nodes: list[Index] = []


class TextureUse(_Part):
    """Where a material uses a texture. scale: a normal map's; strength: an occlusion map's."""

    index: Index
    tex_coord: Index = 0
    scale: float = 1.0
    strength: float = 1.0


class Surface(_Part):
    """A material's ``pbrMetallicRoughness``."""

    base_color_factor: Vec4 = (1.0, 1.0, 1.0, 1.0)
    base_color_texture: TextureUse | None = None
    metallic_factor: float = 1.0
    roughness_factor: float = 1.0
    metallic_roughness_texture: TextureUse | None = None


class SpecularGlossiness(_Part):
    """``KHR_materials_pbrSpecularGlossiness``: the older way to say a surface."""

    diffuse_factor: Vec4 = (1.0, 1.0, 1.0, 1.0)
    diffuse_texture: TextureUse | None = None
    specular_factor: Vec3 = (1.0, 1.0, 1.0)
    glossiness_factor: float = 1.0
    specular_glossiness_texture: TextureUse | None = None


class Material(_Part):
    pbr_metallic_roughness: Surface = Surface()
    normal_texture: TextureUse | None = None
    occlusion_texture: TextureUse | None = None
    emissive_texture: TextureUse | None = None
    emissive_factor: Vec3 = (0.0, 0.0, 0.0)
    alpha_mode: Literal["OPAQUE", "MASK", "BLEND"] = "OPAQUE"
    alpha_cutoff: float = 0.5
    double_sided: bool = False


class TextureSource(_Part):
    sampler: Index | None = None
    source: Index | None = None


class Sampler(_Part):
    mag_filter: int = 9729
    wrap_s: int = 10497
    wrap_t: int = 10497


class Picture(_Part):
    uri: str | None = None
    buffer_view: Index | None = None


class Asset(_Part):
    version: str


class Document(_Part):
    """The whole of a file's JSON, as far as it is drawn."""

    asset: Asset
    extensions_used: list[str] = []
    extensions_required: list[str] = []
    scene: Index = 0
    scenes: list[Scene] = []
    nodes: list[Node] = []
    meshes: list[MeshPart] = []
    accessors: list[Accessor] = []
    buffer_views: list[BufferView] = []
    buffers: list[Buffer] = []
    materials: list[Material] = []
    textures: list[TextureSource] = []
    samplers: list[Sampler] = []
    images: list[Picture] = []
    animations: list[Any] = []
    skins: list[Any] = []


@dataclass(frozen=True, eq=False)
class GltfFile:
    """An opened file. binary: where a .glb's own buffer lies in it, offset and length in bytes; None has none."""

    path: Path
    document: Document
    binary: tuple[int, int] | None


def open_gltf(path: Path) -> GltfFile:
    """Header and JSON, no meshes. Raises UserError in one sentence for what is damaged or cannot be drawn."""
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(f"{path}: not a scene this engine reads (allowed: {', '.join(SUFFIXES)})")
    try:
        text, binary = _glb(path) if path.suffix.lower() == ".glb" else (_limited(path, path.stat().st_size), None)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
    try:
        document = Document.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "its JSON"
        raise UserError(f"{path}: cannot be read as glTF: {printable(where)}: {printable(first['msg'])}") from None
    _refuse(path, document)
    return GltfFile(path, document, binary)


def _limited(path: Path, size: int) -> bytes:
    if size > _MOST_JSON_BYTES:
        raise UserError(f"{path}: its JSON has {size / 1e6:.0f} MB (allowed: up to {_MOST_JSON_BYTES / 1e6:.0f} MB)")
    return path.read_bytes()


def _glb(path: Path) -> tuple[bytes, tuple[int, int] | None]:
    """glTF 2.0 specification, 4.4: a header of 12 bytes, then chunks: length, type, content."""
    with path.open("rb") as file:
        header = file.read(12)
        if len(header) < 12 or struct.unpack("<I", header[:4])[0] != _GLB_MAGIC:
            raise UserError(f"{path}: is no binary glTF: its header is missing")
        version = struct.unpack("<I", header[4:8])[0]
        if version != 2:
            raise UserError(f"{path}: is binary glTF of version {version}; export it as glTF 2.0")
        size, text, binary = path.stat().st_size, b"", None
        for kind, start, length in _chunks(path, file, size):
            if kind == _JSON_CHUNK and not text:
                if length > _MOST_JSON_BYTES:
                    raise UserError(f"{path}: its JSON has {length / 1e6:.0f} MB, which no scene needs")
                file.seek(start)
                text = file.read(length)
            elif kind == _BIN_CHUNK and binary is None:
                binary = (start, length)
    return text, binary


def _chunks(path: Path, file: Any, size: int) -> Iterator[tuple[int, int, int]]:
    """(type, where the content starts, its length)."""
    at = 12
    while at + 8 <= size:
        file.seek(at)
        length, kind = struct.unpack("<II", file.read(8))
        if at + 8 + length > size:
            raise UserError(f"{path}: is cut off: {at + 8 + length} bytes expected, {size} found")
        yield kind, at + 8, length
        at += 8 + length + -length % 4


def _refuse(path: Path, document: Document) -> None:
    if document.asset.version.split(".")[0] != "2":
        raise UserError(f"{path}: is glTF {printable(document.asset.version)}; export it as glTF 2.0")
    for name in document.extensions_required:
        if name not in DRAWN_EXTENSIONS:
            other = f"needs the extension {printable(name)}, which is not drawn here; export it without"
            raise UserError(f"{path}: {_CURES.get(name, other)}")
    _refuse_compressed(path, document)
    if not any(mesh.primitives for mesh in document.meshes):
        raise UserError(f"{path}: has no meshes")


def _refuse_compressed(path: Path, document: Document) -> None:
    """What is compressed and does not say that a reader must know it: it may hold the same uncompressed beside."""
    for mesh in document.meshes:
        for primitive in mesh.primitives:
            numbers = [*primitive.attributes.values(), *([] if primitive.indices is None else [primitive.indices])]
            empty = any(n < len(document.accessors) and document.accessors[n].buffer_view is None for n in numbers)
            if DRACO in primitive.extensions and empty:
                raise UserError(f"{path}: {_CURES[DRACO]}")
    if any(BASISU in texture.extensions and texture.source is None for texture in document.textures):
        raise UserError(f"{path}: {_CURES[BASISU]}")
