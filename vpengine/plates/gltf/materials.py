"""A glTF material as its shader is told it: what to compile, what to set, which textures, and where they are read."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from vpengine.plates.gltf.buffers import Buffers
from vpengine.plates.gltf.document import (
    SPECULAR_GLOSSINESS,
    GltfFile,
    Material,
    Sampler,
    SpecularGlossiness,
    Surface,
    TextureUse,
)
from vpengine.plates.gltf.images import mirrors

log = logging.getLogger(__name__)

ROUGH = 0.8  # what is no metal and rougher than this mirrors smoothly enough to be worked out at vertices
_BLEND_LEAST = 1.0 / 512.0  # thinner is not there
_SOLID = 0.5  # with alpha, depth is that of the frontmost layer of at least so much
_BLACK = 0.04  # of what reflects nothing but the surface itself does
_PLACES = ("v_uv.xy", "v_uv.zw")

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TexturePlace:
    """Where a texture is read: a set of coordinates, through (3, 3), v from the top."""

    uv_set: int
    matrix: Array

    def same_as(self, other: TexturePlace) -> bool:
        return self.uv_set == other.uv_set and np.array_equal(self.matrix, other.matrix)

    def at(self, uv: Array) -> Array:
        """(N, 2, 2), as a batch has it, to (N, 2) of the texture, whose v runs up."""
        moved = uv[:, self.uv_set] @ self.matrix[:2, :2].T + self.matrix[:2, 2]
        return np.stack([moved[:, 0], 1.0 - moved[:, 1]], axis=-1)


@dataclass(frozen=True, eq=False)
class MaterialLook:
    """defines, values: of shaders/gltf. textures: (number, is it colour) by sampler. places: one or two of them."""

    defines: Mapping[str, str]
    values: Mapping[str, Any]
    textures: Mapping[str, tuple[int, bool]]
    places: tuple[TexturePlace, ...]
    blends: bool
    double_sided: bool

    @property
    def depth_cutoff(self) -> float:
        """Of the draw that sets depth."""
        return _SOLID if self.blends else float(self.values["cutoff"])


def material_look(file: GltfFile, buffers: Buffers, number: int | None) -> MaterialLook:
    """number: None is glTF's default material. Raises UserError for a texture that is not there."""
    found: Material = Material() if number is None else buffers.part(file.document.materials, number, "material")
    unlit = "KHR_materials_unlit" in found.extensions
    uses = _uses(found, unlit)
    places: list[TexturePlace] = []
    defines = _defines(found, unlit)
    for name, (use, _) in uses.items():
        defines[f"{name.upper()}_AT"] = _PLACES[_place_number(file, places, _place(buffers, file, use))]
    return MaterialLook(
        defines,
        _values(found),
        {f"{name}_map": (use.index, is_color) for name, (use, is_color) in uses.items()},
        tuple(places) or (TexturePlace(0, np.eye(3)),),
        found.alpha_mode == "BLEND",
        found.double_sided,
    )


def surface_of(material: Material) -> Surface:
    """Of one in the older way what is nearest: base colour for diffuse, a metal where that is black. How rough it is
    where a texture says it is not read, and taken for half.
    """
    given = material.extensions.get(SPECULAR_GLOSSINESS)
    if given is None or "pbr_metallic_roughness" in material.model_fields_set:
        return material.pbr_metallic_roughness
    try:
        found = SpecularGlossiness.model_validate(given)
    except ValidationError:
        return Surface(metallic_factor=0.0)
    is_metal = found.diffuse_texture is None and max(found.diffuse_factor[:3]) < _BLACK < max(found.specular_factor)
    roughness = 0.5 if found.specular_glossiness_texture is not None else 1.0 - found.glossiness_factor
    return Surface(
        base_color_factor=(*found.specular_factor, found.diffuse_factor[3]) if is_metal else found.diffuse_factor,
        base_color_texture=found.diffuse_texture,
        metallic_factor=1.0 if is_metal else 0.0,
        roughness_factor=min(max(roughness, 0.0), 1.0),
    )


def _uses(material: Material, unlit: bool) -> dict[str, tuple[TextureUse, bool]]:
    """Those that show; and whether they are colour."""
    surface = surface_of(material)
    emits = max(material.emissive_factor) > 0.0
    every = {
        "base": (surface.base_color_texture, True),
        "surface": (None if unlit else surface.metallic_roughness_texture, False),
        "normal": (None if unlit else material.normal_texture, False),
        "occlusion": (None if unlit else material.occlusion_texture, False),
        "emissive": (material.emissive_texture if emits else None, True),
    }
    return {name: (use, is_color) for name, (use, is_color) in every.items() if use is not None}


def _defines(material: Material, unlit: bool) -> dict[str, str]:
    surface = surface_of(material)
    is_rough = surface.roughness_factor >= ROUGH and surface.metallic_factor <= 0.0
    glossy = not is_rough or surface.metallic_roughness_texture is not None or material.normal_texture is not None
    wanted = {
        "UNLIT": unlit,
        "GLOSSY": glossy and not unlit,
        "CUT": material.alpha_mode != "OPAQUE",
        "BLENDED": material.alpha_mode == "BLEND",
        "EMITS": max(material.emissive_factor) > 0.0,
    }
    return {name: "1" for name, is_so in wanted.items() if is_so}


def _values(material: Material) -> dict[str, Any]:
    surface = surface_of(material)
    extension = material.extensions.get("KHR_materials_emissive_strength")
    strength = extension.get("emissiveStrength", 1.0) if isinstance(extension, dict) else 1.0
    return {
        "base_factor": np.clip(surface.base_color_factor, 0.0, 1.0),
        "metallic": float(np.clip(surface.metallic_factor, 0.0, 1.0)),
        "roughness": float(np.clip(surface.roughness_factor, 0.0, 1.0)),
        "emissive": np.clip(np.array(material.emissive_factor) * _number(strength, 1.0), 0.0, 60000.0),
        "normal_scale": material.normal_texture.scale if material.normal_texture else 1.0,
        "occlusion_strength": material.occlusion_texture.strength if material.occlusion_texture else 1.0,
        "cutoff": _BLEND_LEAST if material.alpha_mode == "BLEND" else material.alpha_cutoff,
    }


def _place_number(file: GltfFile, places: list[TexturePlace], place: TexturePlace) -> int:
    for number, other in enumerate(places):
        if other.same_as(place):
            return number
    if len(places) == len(_PLACES):
        log.warning("%s: a material has its textures at more than two places; one stands elsewhere.", file.path)
        return 0
    places.append(place)
    return len(places) - 1


def _place(buffers: Buffers, file: GltfFile, use: TextureUse) -> TexturePlace:
    """KHR_texture_transform: scale, then rotation, then offset; and the halves of a texture that mirrors itself."""
    document = file.document
    texture = buffers.part(document.textures, use.index, "texture")
    sampler = Sampler() if texture.sampler is None else buffers.part(document.samplers, texture.sampler, "sampler")
    transform = use.extensions.get("KHR_texture_transform")
    given: dict[str, Any] = transform if isinstance(transform, dict) else {}
    uv_set = given.get("texCoord", use.tex_coord)
    if uv_set not in (0, 1):
        log.warning("%s: texture coordinates %s are not read; the first are.", file.path, str(uv_set)[:20])
        uv_set = 0
    angle = _number(given.get("rotation"), 0.0)
    c, s = np.cos(angle), np.sin(angle)
    turned = np.array([[c, s], [-s, c]]) * _pair(given.get("scale"), (1.0, 1.0))
    halves = np.array(mirrors(sampler))
    matrix = np.eye(3)
    matrix[:2, :2] = turned * halves[:, None]
    matrix[:2, 2] = _pair(given.get("offset"), (0.0, 0.0)) * halves
    return TexturePlace(int(uv_set), matrix)


def _number(value: Any, default: float) -> float:
    """Extensions are not validated: what is no number is the default."""
    good = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e6
    return float(value) if good else default


def _pair(value: Any, default: tuple[float, float]) -> Array:
    parts = value if isinstance(value, list) and len(value) == 2 else default
    return np.array([_number(part, other) for part, other in zip(parts, default, strict=True)])
