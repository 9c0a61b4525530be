"""A glTF scene on the GPU: its textures and, a material at a time, its triangles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.passes import Mesh, MeshPass
from vpengine.gpu.sliced import SlicedTexture
from vpengine.gpu.target import ShadowMap, Target, Texture
from vpengine.plates.gltf.clusters import Clusters
from vpengine.plates.gltf.environment import MIRROR_SIDE, ROUGHNESSES
from vpengine.plates.gltf.images import TextureImage
from vpengine.plates.gltf.light import CLOUDED_GROUND
from vpengine.plates.gltf.materials import MaterialLook
from vpengine.plates.gltf.scene import Batch
from vpengine.plates.mipmaps import mip_levels, mip_levels_cut
from vpengine.view.color import REC709_FROM_ACESCG
from vpengine.view.lens import NEAR_M
from vpengine.view.view import View

Array = NDArray[np.float64]

_SHARE = 100_000  # triangles that go up in one call
_NEAREST, _NEAREST_MIPMAP_NEAREST = 0x2600, 0x2700  # OpenGL's
_LINEAR, _LINEAR_MIPMAP_NEAREST, _LINEAR_MIPMAP_LINEAR = 0x2601, 0x2701, 0x2703
_ACESCG_FROM_REC709 = np.linalg.inv(REC709_FROM_ACESCG)
_BEFORE_SKY = 0.999998  # in clip space, of w, what is infinitely far: the sky's shader lies at 0.999999
CONSTANTS = {
    "NEAR_M": f"{NEAR_M}",
    "BEFORE_SKY": f"{_BEFORE_SKY}",
    "MIRROR_SIDE": f"{MIRROR_SIDE}.0",
    "ROUGHEST": f"{len(ROUGHNESSES) - 1}.0",
    "CLOUDED_GROUND": f"{CLOUDED_GROUND:.4f}",
}
BLOCK = UniformBlock(
    "Gltf",
    clip_from_stage="mat4",
    sun_map_from_stage="mat4",
    acescg_from_rec709="mat3",
    irradiance="vec3[9]",
    base_factor="vec4",
    eye_m="vec3",
    shadow_offset_m="float",
    to_sun="vec3",
    covered="float",
    sun="vec3",
    metallic="float",
    overcast="vec3",
    roughness="float",
    sky_tint="vec3",
    normal_scale="float",
    sky_glow="vec3",
    occlusion_strength="float",
    emissive="vec3",
    cutoff="float",
)


class SceneTexture:
    """One of the files' textures, with its smaller levels. cut: its alpha says where the surface is."""

    def __init__(self, image: TextureImage, what: str, cut: bool = False) -> None:
        self._image = image
        self._sliced = SlicedTexture((mip_levels_cut if cut else mip_levels)(image.pixels), what)
        self._repeats, self._nearest = image.repeats, image.nearest

    @property
    def texture(self) -> Texture:
        return self._sliced.texture

    def upload(self, gpu: Gpu) -> bool:
        """A frame's share; True while there is more."""
        if self._sliced.upload(gpu):
            return True
        texture = self._sliced.texture
        texture.repeat_x, texture.repeat_y = self._repeats
        # On software OpenGL trilinear filtering costs a third more, anisotropic five times as much.
        if self._nearest:
            texture.filter = (_NEAREST_MIPMAP_NEAREST if gpu.software else _LINEAR_MIPMAP_LINEAR, _NEAREST)
        else:
            texture.filter = (_LINEAR_MIPMAP_NEAREST if gpu.software else _LINEAR_MIPMAP_LINEAR, _LINEAR)
        texture.anisotropy = 1.0 if gpu.software else 8.0
        return False

    def release(self) -> None:
        self._sliced.release()


class DrawnBatch:
    """The triangles of one material, in stage space. textures: by sampler."""

    def __init__(self, batch: Batch, look: MaterialLook, textures: Mapping[str, SceneTexture]) -> None:
        """batch: its positions in metres, in stage space."""
        self.look = look
        self._textures = textures
        uv = np.concatenate([place.at(batch.uv) for place in (*look.places, look.places[0])[:2]], axis=1)
        self._attributes = {
            name: values.astype(np.float32)
            for name, values in (
                ("in_position", batch.position),
                ("in_normal", batch.normal),
                ("in_uv", uv),
                ("in_color", batch.color),
            )
        }
        self._triangles = batch.triangles.astype(np.uint32)
        self._position = batch.position
        self._middles = batch.position[batch.triangles].mean(axis=1) if look.blends else np.zeros((0, 3))
        self._mesh: Mesh | None = None

    def upload(self, gpu: Gpu) -> None:
        self._mesh = gpu.mesh(self._attributes, self._triangles, closed=not self.look.double_sided)
        self._count = len(self._triangles)
        if not self.look.blends:
            self._clusters = Clusters(self._position, self._triangles) if gpu.software else None
            self._triangles = self._triangles[:0]  # the GPU has them now
        self._attributes, self._position = {}, self._position[:0]
        self._passes = {sunlit: self._pass(gpu, sunlit) for sunlit in (False, True)}

    def _pass(self, gpu: Gpu, sunlit: bool) -> MeshPass:
        shadows = {"SUNLESS": "1"} if not sunlit else {} if gpu.software else {"SOFT": "1"}
        defines = {**CONSTANTS, **self.look.defines, **shadows}
        return gpu.mesh_pass("gltf", "gltf", BLOCK, defines)

    def draw(
        self, target: Target, view: View, frame: Mapping[str, Any], light: Mapping[str, Texture], sunlit: bool
    ) -> None:
        """What is solid. frame: ``frame_values`` and the light's. light: the textures that are all materials' own."""
        assert self._mesh is not None
        count = self._count
        if self._clusters is not None:
            seen = self._clusters.seen(view)
            count = len(seen)
            if count:
                self._mesh.write_indices(seen)
        values = {**frame, **self.look.values}
        self._passes[sunlit].draw_mesh(target, self._mesh, self._all_textures(light), range(count), **values)

    def distances_m(self, eye_m: NDArray[np.floating]) -> Array:
        """(M,): of the middles of its triangles from the eye; of what blends."""
        return np.asarray(np.linalg.norm(self._middles - eye_m, axis=-1))

    def write_order(self, order: NDArray[np.int64]) -> None:
        """(M,): which of its triangles is drawn when; of what blends."""
        assert self._mesh is not None
        self._mesh.write_indices(self._triangles[order])

    def blend(
        self,
        target: Target,
        triangles: range,
        frame: Mapping[str, Any],
        light: Mapping[str, Texture],
        sunlit: bool,
    ) -> None:
        """The colour of some, in the order that was written. It hides nothing: what is thin may come first."""
        assert self._mesh is not None
        values = {**frame, **self.look.values}
        self._passes[sunlit].blend_colors(target, self._mesh, self._all_textures(light), triangles, **values)

    def deepen(self, target: Target, frame: Mapping[str, Any], light: Mapping[str, Texture], sunlit: bool) -> None:
        """The depth of all that blends and is solid enough to be there."""
        assert self._mesh is not None
        values = {**frame, **self.look.values, "cutoff": self.look.depth_cutoff}
        self._passes[sunlit].draw_depths(target, self._mesh, self._all_textures(light), **values)

    def _all_textures(self, light: Mapping[str, Texture]) -> dict[str, Texture]:
        return {**light, **{name: each.texture for name, each in self._textures.items()}}

    def draw_sun_map(self, sun_map: ShadowMap, shadow_pass: MeshPass, sun_map_from_stage: Array) -> None:
        """What is clear lets the sun through; what is cut out by its alpha does not.

        Both sides cast shadows: a surface that is seen from one side alone is there for the sun all the same.
        """
        if self._mesh is not None and not self.look.blends:
            shadow_pass.draw_shadow(sun_map, self._mesh, sun_map_from_stage=sun_map_from_stage)

    def release(self) -> None:
        if self._mesh is not None:
            self._mesh.release()
        self._mesh = None


def shares(batch: Batch) -> list[Batch]:
    """Parts of a batch that go up in one call each."""
    if len(batch.triangles) <= _SHARE:
        return [batch]
    parts = []
    for first in range(0, len(batch.triangles), _SHARE):
        used, triangles = np.unique(batch.triangles[first : first + _SHARE], return_inverse=True)
        position, normal, uv, color = (v[used] for v in (batch.position, batch.normal, batch.uv, batch.color))
        parts.append(Batch(batch.material, position, normal, uv, color, triangles.reshape(-1, 3)))
    return parts


def frame_values(view: View) -> dict[str, Any]:
    """Of the shaders' uniform block, what all materials share, but for the light."""
    return {
        "clip_from_stage": view.clip_from_stage,
        "eye_m": view.origin_m,
        "acescg_from_rec709": _ACESCG_FROM_REC709,
    }


def sun_map_from_stage(low_high_m: tuple[Array, Array], to_sun: Array) -> Array:
    """(4, 4): orthographic, 0..1 in all three over a box on the stage, z away from the sun."""
    aside = np.cross(to_sun, [0.0, 0.0, 1.0]) if abs(to_sun[2]) < 0.999 else np.array([1.0, 0.0, 0.0])
    aside = aside / np.linalg.norm(aside)
    axes = np.stack([aside, np.cross(-to_sun, aside), -to_sun])
    corners = np.array(np.meshgrid(*np.stack(low_high_m, axis=1))).reshape(3, -1).T @ axes.T
    low, high = corners.min(axis=0), corners.max(axis=0)
    margin = 0.01 * (high - low) + 0.01
    low, high = low - margin, high + margin
    out = np.eye(4)
    out[:3, :3] = axes / (high - low)[:, None]
    out[:3, 3] = -low / (high - low)
    return out
