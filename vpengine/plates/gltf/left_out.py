"""What a file has that is not drawn, in words: its picture is another than the one that its author saw."""

from __future__ import annotations

from vpengine.plates.gltf.document import DRAWN_EXTENSIONS, Document

POINTS_AND_LINES = range(4)  # modes of primitives
NO_MATTER = ("KHR_draco_mesh_compression", "KHR_texture_basisu", "KHR_xmp_json_ld", "KHR_animation_pointer")


def left_out(document: Document) -> tuple[str, ...]:
    """One entry for each kind, such as ``skins``; extensions by their names."""
    primitives = [primitive for mesh in document.meshes for primitive in mesh.primitives]
    kinds = {
        "skins": bool(document.skins),
        "animations": bool(document.animations),
        "morph targets": any(primitive.targets for primitive in primitives),
        "points or lines": any(primitive.mode in POINTS_AND_LINES for primitive in primitives),
    }
    known = {*DRAWN_EXTENSIONS, *NO_MATTER}
    extensions = sorted(name for name in set(document.extensions_used) if name.isprintable() and name not in known)
    return (*(kind for kind, is_there in kinds.items() if is_there), *extensions)
