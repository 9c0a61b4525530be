"""Small glTF files for tests, written by hand: boxes and cards with the materials a test asks for."""

from __future__ import annotations

import base64
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

CARD = np.array([[-1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 2.0, 0.0], [-1.0, 2.0, 0.0]], np.float32)
CARD_UV = np.array([[0.0, 1.0], [1.0, 1.0], [1.0, 0.0], [0.0, 0.0]], np.float32)
CARD_INDICES = np.array([0, 1, 2, 0, 2, 3], np.uint16)


class Gltf:
    """A document that grows: each method returns the number of what it adds."""

    def __init__(self) -> None:
        self.json: dict[str, Any] = {"asset": {"version": "2.0"}, "scene": 0, "scenes": [{"nodes": []}]}
        self.bytes = b""

    def add(self, kind: str, part: dict[str, Any]) -> int:
        self.json.setdefault(kind, []).append(part)
        return len(self.json[kind]) - 1

    def view(self, content: bytes) -> int:
        self.bytes += b"\0" * (-len(self.bytes) % 4)
        part = {"buffer": 0, "byteOffset": len(self.bytes), "byteLength": len(content)}
        self.bytes += content
        return self.add("bufferViews", part)

    def accessor(self, values: np.ndarray, **keys: Any) -> int:
        kinds = {"int8": 5120, "uint8": 5121, "int16": 5122, "uint16": 5123, "uint32": 5125, "float32": 5126}
        shape = "SCALAR" if values.ndim == 1 else f"VEC{values.shape[1]}"
        part = {"componentType": kinds[str(values.dtype)], "count": len(values), "type": shape}
        return self.add("accessors", part | {"bufferView": self.view(values.tobytes())} | keys)

    def card(self, material: int | None = None, **attributes: np.ndarray) -> int:
        """A mesh: two metres wide and high, upright, its front to +Z."""
        every = {"POSITION": CARD, "TEXCOORD_0": CARD_UV} | attributes
        primitive: dict[str, Any] = {
            "attributes": {name: self.accessor(values) for name, values in every.items()},
            "indices": self.accessor(CARD_INDICES),
        }
        if material is not None:
            primitive["material"] = material
        return self.add("meshes", {"primitives": [primitive]})

    def show(self, mesh: int, **keys: Any) -> int:
        node = self.add("nodes", {"mesh": mesh, **keys})
        self.json["scenes"][0]["nodes"].append(node)
        return node

    def texture(self, png: bytes, **sampler: int) -> int:
        image = self.add("images", {"bufferView": self.view(png), "mimeType": "image/png"})
        return self.add("textures", {"source": image, "sampler": self.add("samplers", sampler)})

    def glb(self) -> bytes:
        self.json["buffers"] = [{"byteLength": max(1, len(self.bytes))}]
        text = json.dumps(self.json).encode()
        text += b" " * (-len(text) % 4)
        content = self.bytes + b"\0" * (-len(self.bytes) % 4)
        body = struct.pack("<II", len(text), 0x4E4F534A) + text + struct.pack("<II", len(content), 0x004E4942) + content
        return struct.pack("<III", 0x46546C67, 2, 12 + len(body)) + body

    def gltf(self, uri: str | None = None) -> str:
        uri = uri or "data:application/octet-stream;base64," + base64.b64encode(self.bytes).decode()
        self.json["buffers"] = [{"byteLength": max(1, len(self.bytes)), "uri": uri}]
        return json.dumps(self.json)

    def save(self, path: Path) -> Path:
        path.write_bytes(self.glb()) if path.suffix == ".glb" else path.write_text(self.gltf(), encoding="utf-8")
        return path


def card_file(path: Path, **material: Any) -> Path:
    """One card with one material."""
    scene = Gltf()
    scene.show(scene.card(scene.add("materials", material)))
    return scene.save(path)
