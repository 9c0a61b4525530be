"""Draws the G-buffer of a training scene with OpenGL: what the shading needs to know and the network is not told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import moderngl
import numpy as np
from numpy.typing import NDArray
from weather_mesh import SceneMesh

from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.passes import Mesh, MeshPass, Pass
from vpengine.gpu.target import Target
from vpengine.gpu.transfer import download, upload
from vpengine.view.pose import Array
from vpengine.view.view import View

SKY_MATERIAL = 6.0
CHANNELS = 12  # albedo 3, normal 3, material, inverse depth, sun, sky, zenith, noise
_SUN_SIZE, _SKY_SIZE, _SKY_TILES = 1536, 1536, 4
_SHADERS = "../tools/shaders"

_VIEW_BLOCK = UniformBlock("Scene", clip_from_stage="mat4")
_LAYER_BLOCK = UniformBlock(
    "Layer",
    ray_origin="vec4",
    ray_middle="vec4",
    ray_right="vec4",
    ray_up="vec4",
    clip_from_stage_sun="mat4",
    clip_from_stage_sky="mat4[16]",
    sky_direction="vec4[16]",
    pixel_width="float",
    noise_seed="int",
    sun_step_m="float",
    sky_step_m="float",
)
_SHADOW_BLOCK = UniformBlock("Shadow", clip_from_stage="mat4")


@dataclass(frozen=True, eq=False)
class Scene:
    """A mesh, where the sun is (unit, towards it), and the seed of its detail noise and clouds."""

    mesh: SceneMesh
    sun: Array
    noise_seed: int
    indoors: bool = False


@dataclass(frozen=True, eq=False)
class Shadows:
    """Light seen from the sun and from 16 directions of the sky, with the matrices that find a point in them."""

    clip_from_stage_sun: Array
    clip_from_stage_sky: Array
    sky_direction: Array
    sun_step_m: float
    sky_step_m: float


class GBufferRenderer:
    """Owns the targets and shaders; ``load`` takes a scene, ``draw`` gives its G-buffer for a View."""

    def __init__(self, context: Any, resolution: tuple[int, int]) -> None:
        self._context = context
        self._geometry = MeshPass(
            context, f"{_SHADERS}/weather_geometry", _VIEW_BLOCK, vertex=f"{_SHADERS}/weather_geometry"
        )
        self._layers = [
            Pass(context, f"{_SHADERS}/weather_gbuffer", _LAYER_BLOCK, {"LAYER": str(layer)}) for layer in range(3)
        ]
        self._shadow = MeshPass(
            context, f"{_SHADERS}/weather_shadow", _SHADOW_BLOCK, vertex=f"{_SHADERS}/weather_shadow"
        )
        self._seen = Target(context, resolution, depth=True, dtype="f4")
        self._layer = Target(context, resolution, dtype="f4")
        self._sun_map = _shadow_target(context, _SUN_SIZE)
        self._sky_map = _shadow_target(context, _SKY_SIZE)
        for target in (self._seen, self._sun_map, self._sky_map):
            target.color.filter = (moderngl.NEAREST, moderngl.NEAREST)
        self._mesh: Mesh | None = None
        self._surfaces: Any = None

    def load(self, scene: Scene) -> None:
        """Upload the scene and draw its shadow maps."""
        if self._mesh is not None:
            self._mesh.release()
            self._surfaces.release()
        self._scene = scene
        self._surfaces = upload(self._context, scene.mesh.surfaces)
        self._mesh = Mesh(self._context, scene.mesh.attributes, scene.mesh.triangles)
        casters = Mesh(self._context, {"in_position": scene.mesh.attributes["in_position"]}, scene.mesh.casters)
        self._shadows = self._draw_shadows(scene, casters)
        casters.release()

    def _draw_shadows(self, scene: Scene, casters: Mesh) -> Shadows:
        low, high = scene.mesh.bounds_m
        directions = sky_directions(scene.noise_seed)
        sun_matrix = light_matrix(scene.sun, low, high)
        sky_matrices = np.stack([light_matrix(direction, low, high) for direction in directions])
        self._sun_map.framebuffer.clear(1.0)
        self._sun_map.framebuffer.viewport = (0, 0, _SUN_SIZE, _SUN_SIZE)
        self._shadow.draw_mesh(self._sun_map, casters, clip_from_stage=sun_matrix)
        self._sky_map.framebuffer.viewport = (0, 0, _SKY_SIZE, _SKY_SIZE)
        self._sky_map.framebuffer.clear(1.0)
        tile = _SKY_SIZE // _SKY_TILES
        for index, matrix in enumerate(sky_matrices):
            self._sky_map.framebuffer.viewport = (index % 4 * tile, index // 4 * tile, tile, tile)
            self._shadow.draw_mesh(self._sky_map, casters, clip_from_stage=matrix)
        extent = float(np.linalg.norm(high - low))
        return Shadows(
            sun_matrix,
            sky_matrices,
            np.concatenate([directions, np.zeros((16, 1))], axis=1),
            extent / _SUN_SIZE * 2.5,
            extent / tile * 2.0,
        )

    def draw(self, view: View) -> NDArray[np.float32]:
        """(CHANNELS, height, width) float32, row 0 at the top; sky has material SKY_MATERIAL and its ray as normal."""
        assert self._mesh is not None, "load a scene first"
        assert self._seen.depth is not None
        self._seen.clear()
        self._geometry.draw_mesh(self._seen, self._mesh, clip_from_stage=view.clip_from_stage)
        textures = {
            "seen": self._seen.color,
            "seen_depth": self._seen.depth,
            "surfaces": self._surfaces,
            "sun_map": self._sun_map.color,
            "sky_map": self._sky_map.color,
        }
        values = self._values(view)
        images = []
        for layer in self._layers:
            layer.draw(self._layer, textures, **values)
            images.append(download(self._layer.color))
        albedo, normal, light = images
        depth = download(self._seen.depth)
        inverse = 1.0 / np.maximum(depth, 1e-3)
        planes = [albedo[..., :3], normal[..., :3], albedo[..., 3:], inverse, light[..., :3], normal[..., 3:]]
        return np.ascontiguousarray(np.moveaxis(np.concatenate(planes, -1), -1, 0), np.float32)

    def _values(self, view: View) -> dict[str, Any]:
        linear = view.clip_from_view[:2, :3]
        turn = view.stage_from_view[:3, :3]
        middle = turn @ np.array([linear[0, 2] / linear[0, 0], linear[1, 2] / linear[1, 1], -1.0])
        return {
            "ray_origin": [*view.origin_m, 0.0],
            "ray_middle": [*middle, 0.0],
            "ray_right": [*(turn[:, 0] / linear[0, 0]), 0.0],
            "ray_up": [*(turn[:, 1] / linear[1, 1]), 0.0],
            "pixel_width": pixel_width(view),
            "noise_seed": self._scene.noise_seed,
            **vars(self._shadows),
        }


def _shadow_target(context: Any, size: int) -> Target:
    return Target(context, (size, size), depth=True, dtype="f4", components=1)


def pixel_width(view: View) -> float:
    """A pixel's width in metres at one metre."""
    return 2.0 / float(view.clip_from_view[0, 0]) / view.resolution[0]


def sky_directions(seed: int) -> Array:
    """(16, 3) unit directions over the upper hemisphere, the first four near the zenith."""
    rng = np.random.default_rng(seed)
    turn = rng.uniform(0.0, 2.0 * np.pi)
    index = np.arange(16)
    elevation = np.where(index < 4, 72.0, np.array([15.0, 35.0, 55.0])[(index - 4) % 3])
    azimuth = turn + np.where(index < 4, index * np.pi / 2.0, (index - 4) * np.pi * 2.0 / 12.0)
    e = np.radians(elevation)
    return np.stack([np.cos(e) * np.cos(azimuth), np.cos(e) * np.sin(azimuth), np.sin(e)], -1)


def light_matrix(direction: Array, low_m: Array, high_m: Array) -> Array:
    """(4, 4) clip_from_stage, orthographic, that looks from ``direction`` at the whole box."""
    forward = -np.asarray(direction, float) / np.linalg.norm(direction)
    right = np.cross(forward, [0.0, 0.0, 1.0] if abs(forward[2]) < 0.95 else [0.0, 1.0, 0.0])
    right /= np.linalg.norm(right)
    axes = np.stack([right, np.cross(right, forward), forward])
    corners = np.array(
        [[x, y, z] for x in (low_m[0], high_m[0]) for y in (low_m[1], high_m[1]) for z in (low_m[2], high_m[2])]
    )
    inside = corners @ axes.T
    least, most = inside.min(0) - 0.05, inside.max(0) + 0.05
    out = np.eye(4)
    out[:3, :3] = axes * (2.0 / (most - least))[:, None]
    out[:3, 3] = -(most + least) / (most - least)
    return out
