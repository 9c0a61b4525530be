"""Draws a lit stage for any View: walls, floor with its faint reflections, stand-in and balls."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.target import Target, Texture
from vpengine.sim.figure_shape import Array
from vpengine.sim.light import StageLight
from vpengine.view.faces import face_views
from vpengine.view.view import View

WALL_BLOCK = UniformBlock("SimWall", clip_from_stage="mat4", eye_m="vec3", softness_lod="float")
ACTOR_BLOCK = UniformBlock("SimActor", clip_from_stage="mat4", eye_m="vec3", first_vertex="int")
SHEEN_BLOCK = UniformBlock(
    "SimSheen",
    clip_from_stage="mat4",
    face_from_stage="mat4[6]",
    eye_m="vec3",
    first_vertex="int",
    probe_size="float",
    sheen="float",
)
FLOOR_BLOCK = UniformBlock(
    "SimFloor", clip_from_stage="mat4", eye_m="vec3", first_vertex="int", picture_size="vec2", gloss="float"
)
CHROME_BLOCK = UniformBlock(
    "SimChrome",
    clip_from_stage="mat4",
    face_from_stage="mat4[6]",
    eye_m="vec3",
    first_vertex="int",
    probe_size="float",
    radius_m="float",
    reflectivity="float",
)

PROBE_PX = 160
CHROME_REFLECTIVITY = 0.88
FLOOR_GLOSS = 0.8
SHEEN = 0.3
REFLECTION_PART = 3  # the floor's mirror picture is this many times smaller than the picture


class StageDraw:
    """Draws the lit stage for any View. Owns the mirror picture of one size."""

    def __init__(self, gpu: Gpu, light: StageLight, size: tuple[int, int], probe: Probe | None = None) -> None:
        """probe: what chrome and sheen show; None in a stage without a stand-in."""
        context = gpu.context
        self._light = light
        self._wall_pass = gpu.mesh_pass("sim_wall", "sim_wall", WALL_BLOCK)
        self._matte_pass = gpu.mesh_pass("sim_matte", "sim_actor", ACTOR_BLOCK)
        self._floor_pass = gpu.mesh_pass("sim_floor", "sim_actor", FLOOR_BLOCK)
        self._sheen_pass = gpu.mesh_pass("sim_matte", "sim_actor", SHEEN_BLOCK, {"SHEEN": "1"})
        self._chrome_pass = gpu.mesh_pass("sim_chrome", "sim_actor", CHROME_BLOCK)
        self._mirror = Target(context, (size[0] // REFLECTION_PART, size[1] // REFLECTION_PART), depth=True)
        self._mirror.color.build_mipmaps()
        self._mirror.color.filter = (context.LINEAR_MIPMAP_LINEAR, context.LINEAR)
        self._probe = probe

    def draw(self, target: Target, view: View, softness_lod: float = 0.0, floor: bool = True) -> None:
        """Fill a cleared ``target``. softness_lod: mip level of the walls, at least; 0 shows them as they are."""
        self.draw_walls(target, view, softness_lod)
        self.draw_seen_actors(target, view)
        if floor and view.origin_m[2] > 0.0:
            self.draw_mirrored(view)
            self.draw_floor(target, view, FLOOR_GLOSS)

    def draw_walls(self, target: Target, view: View, softness_lod: float) -> None:
        for wall in self._light.walls:
            textures = {"panel": wall.light.color}
            self._wall_pass.draw_mesh(target, wall.mesh, textures, softness_lod=softness_lod, **_seen_from(view))

    def draw_actors(self, target: Target, view: View) -> None:
        if self._light.matte_mesh is not None:
            textures = {"irradiance": self._light.irradiance}
            self._matte_pass.draw_mesh(target, self._light.matte_mesh, textures, first_vertex=0, **_seen_from(view))

    def draw_floor(self, target: Target, view: View, gloss: float) -> None:
        self._floor_pass.draw_mesh(
            target,
            self._light.floor_mesh,
            {"irradiance": self._light.irradiance, "mirrored": self._mirror.color},
            first_vertex=self._light.first_floor_vertex,
            picture_size=target.size,
            gloss=gloss,
            **_seen_from(view),
        )

    def draw_mirrored(self, view: View) -> Texture:
        """The stage upside down: what a mirror on the floor would show at the same pixels."""
        upside_down = np.diag([1.0, 1.0, -1.0, 1.0])
        mirrored = replace(view, view_from_stage=view.view_from_stage @ upside_down)
        self._mirror.clear()
        self.draw_walls(self._mirror, mirrored, 1.0)
        self.draw_actors(self._mirror, mirrored)
        self._mirror.color.build_mipmaps()
        return self._mirror.color

    def draw_seen_actors(self, target: Target, view: View) -> None:
        """The actors with what only the main picture shows: sheen and chrome."""
        if self._probe is None or self._light.matte_mesh is None:
            return
        common = {
            "face_from_stage": self._probe.face_from_stage,
            "first_vertex": 0,
            "probe_size": float(PROBE_PX),
            **_seen_from(view),
        }
        textures: dict[str, Texture] = {"irradiance": self._light.irradiance, "probe": self._probe.target.color}
        self._sheen_pass.draw_mesh(target, self._light.matte_mesh, textures, sheen=SHEEN, **common)
        if self._light.chrome_mesh is not None:
            assert self._light.stand_in is not None
            assert self._light.stand_in.chrome is not None
            radius_m = self._light.stand_in.chrome.radius_m
            chrome: dict[str, Any] = {"radius_m": radius_m, "reflectivity": CHROME_REFLECTIVITY}
            self._chrome_pass.draw_mesh(target, self._light.chrome_mesh, textures, **chrome, **common)

    def release(self) -> None:
        self._mirror.release()


class Probe:
    """What is around the stand-in, from the chrome ball's middle: six faces, three by two. ``draw`` once after each
    ``shine``, before what shows it.
    """

    def __init__(self, gpu: Gpu, light: StageLight) -> None:
        assert light.stand_in is not None
        self._light = light
        self._stage = StageDraw(gpu, light, (REFLECTION_PART, REFLECTION_PART))
        self._views = face_views(np.asarray(light.stand_in.probe_centre_m, np.float64), PROBE_PX)
        self.face_from_stage = np.array([face.clip_from_view @ _turned_only(face) for face in self._views])
        self.target = gpu.target((3 * PROBE_PX, 2 * PROBE_PX), depth=True)
        self.target.color.build_mipmaps()
        self.target.color.filter = (gpu.context.LINEAR_MIPMAP_LINEAR, gpu.context.LINEAR)

    def draw(self, floor: bool = True) -> None:
        self.target.clear()
        for index, view in enumerate(self._views):
            self.target.framebuffer.viewport = (index % 3 * PROBE_PX, index // 3 * PROBE_PX, PROBE_PX, PROBE_PX)
            self._stage.draw_walls(self.target, view, 0.5)
            if self._sees_actors(view):
                self._stage.draw_actors(self.target, view)
            if floor:
                self._stage.draw_floor(self.target, view, gloss=0.0)
        self.target.color.build_mipmaps()

    def _sees_actors(self, view: View) -> bool:
        """Whether any of the actors may be in the picture, by one vertex in sixteen."""
        assert self._light.actors is not None
        vertices = self._light.actors.matte.positions_m[::16]
        clip = np.concatenate([vertices, np.ones_like(vertices[:, :1])], axis=1) @ view.clip_from_stage.T
        return bool((np.abs(clip[:, :2]) < 1.1 * clip[:, 3:4]).all(axis=1).any())

    def release(self) -> None:
        self._stage.release()
        self.target.release()


def probe_of(gpu: Gpu, light: StageLight) -> Probe | None:
    """None for an empty stage: nothing in it reflects."""
    return Probe(gpu, light) if light.stand_in is not None else None


def _seen_from(view: View) -> dict[str, Any]:
    return {"clip_from_stage": view.clip_from_stage, "eye_m": view.origin_m}


def _turned_only(view: View) -> Array:
    """view_from_stage for directions."""
    out: Array = view.view_from_stage.copy()
    out[:3, 3] = 0.0
    return out
