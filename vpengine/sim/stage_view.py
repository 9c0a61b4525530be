"""The stage from outside: walls lit with their pictures, the camera at its pose, its frustum, the stand-in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.passes import Mesh
from vpengine.gpu.target import Target
from vpengine.gpu.view_lut import ViewLut
from vpengine.sim.figure_shape import Array, TriangleMesh
from vpengine.sim.light import StageLight, WallLight
from vpengine.sim.light_draw import FLOOR_GLOSS, Probe, StageDraw
from vpengine.sim.stage_view_props import (
    TRIPOD_BEHIND_M,
    TRIPOD_HEAD_M,
    camera_mesh,
    first_hits,
    tripod_mesh,
)
from vpengine.view.lens import clip_from_view_symmetric
from vpengine.view.pose import GL_FROM_STAGE, look_at, view_from_stage
from vpengine.view.view import View, rays

MAX_LINES = 64
FRUSTUM_CORNERS = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
FRUSTUM_BEYOND_M = 9.0  # where a ray meets no wall
LINE_PX = 1.3
LINE_COLOR = np.array([1.7, 0.75, 0.14])  # amber
TRAIL_COLOR = np.array([0.16, 0.34, 0.6])
ROOM_LIGHT = np.array([0.085, 0.095, 0.115])  # a dim work light, so that the dark side of things reads
BACKGROUND = np.array([0.004, 0.0045, 0.0055])

WALL_BLOCK = UniformBlock(
    "StageViewWall",
    clip_from_stage="mat4",
    camera_from_stage="mat4",
    eye_m="vec3",
    line_color="vec3",
    room_light="vec3",
    tile_grid="vec2",
)
FLOOR_BLOCK = UniformBlock(
    "StageViewFloor",
    clip_from_stage="mat4",
    eye_m="vec3",
    room_light="vec3",
    background="vec3",
    floor_low_m="vec2",
    floor_high_m="vec2",
    picture_size="vec2",
    gloss="float",
    first_vertex="int",
)
PROP_BLOCK = UniformBlock(
    "StageViewProp", clip_from_stage="mat4", stage_from_prop="mat4", room_light="vec3", wall_light="vec3"
)
LINE_BLOCK = UniformBlock(
    "StageViewLine",
    clip_from_stage="mat4",
    starts_m=f"vec4[{MAX_LINES}]",
    ends_m=f"vec4[{MAX_LINES}]",
    line_color="vec3",
    picture_size="vec2",
    width_px="float",
)


class StageView:
    """Draws the stage for a View of its own. ``light.shine`` and the probe's draw come before."""

    def __init__(
        self,
        gpu: Gpu,
        light: StageLight,
        size: tuple[int, int],
        probe: Probe | None,
        samples_per_side: int = 2,
    ) -> None:
        """probe: as for ``SimCamera``."""
        self.size = size
        self.scene = Target(gpu.context, (size[0] * samples_per_side, size[1] * samples_per_side), depth=True)
        self.target = Target(gpu.context, size, dtype="f1")
        self._light = light
        self._samples = samples_per_side
        self._stage = StageDraw(gpu, light, size, probe)
        self._lut = ViewLut(gpu)
        self._wall_pass = gpu.mesh_pass("stage_view_wall", "sim_wall", WALL_BLOCK)
        self._floor_pass = gpu.mesh_pass("stage_view_floor", "sim_actor", FLOOR_BLOCK)
        self._prop_pass = gpu.mesh_pass("stage_view_prop", "stage_view_prop", PROP_BLOCK)
        self._line_pass = gpu.mesh_pass("stage_view_line", "stage_view_line", LINE_BLOCK)
        self._camera, self._tripod = _mesh(gpu, camera_mesh()), _mesh(gpu, tripod_mesh())
        self._lines = _line_mesh(gpu)
        self._triangles_m = np.concatenate(
            [wall.geometry.vertices_m[wall.geometry.triangles] for wall in light.walls], axis=0
        )

    def draw(self, view: View, camera: View, exposure_stops: float = 0.0, trail_m: Array | None = None) -> Target:
        """RGBA8, display-referred. camera: where the tracked camera looks. trail_m: (n, 3), where it was."""
        self.scene.framebuffer.clear(color=(*BACKGROUND, 1.0))
        for wall in self._light.walls:
            self._draw_wall(wall, view, camera)
        self._stage.draw_seen_actors(self.scene, view)
        self._draw_floor(view)
        self._draw_camera(view, camera)
        self._draw_frustum(view, camera)
        if trail_m is not None and len(trail_m) > 1:
            self._draw_trail(view, trail_m)
        self._lut.develop(self.target, self.scene.color, exposure_stops, vignette=0.2)
        return self.target

    def _draw_wall(self, wall: WallLight, view: View, camera: View) -> None:
        self._wall_pass.draw_mesh(
            self.scene,
            wall.mesh,
            {"panel": wall.light.color},
            clip_from_stage=view.clip_from_stage,
            camera_from_stage=camera.clip_from_stage,
            eye_m=view.origin_m,
            line_color=LINE_COLOR,
            room_light=ROOM_LIGHT,
            tile_grid=wall.geometry.tile_grid,
        )

    def _draw_floor(self, view: View) -> None:
        low_m, high_m = self._light.floor_bounds_m
        self._floor_pass.draw_mesh(
            self.scene,
            self._light.floor_mesh,
            {"irradiance": self._light.irradiance, "mirrored": self._stage.draw_mirrored(view)},
            clip_from_stage=view.clip_from_stage,
            eye_m=view.origin_m,
            room_light=ROOM_LIGHT,
            background=BACKGROUND,
            floor_low_m=low_m,
            floor_high_m=high_m,
            picture_size=self.scene.size,
            gloss=FLOOR_GLOSS,
            first_vertex=self._light.first_floor_vertex,
        )

    def _draw_camera(self, view: View, camera: View) -> None:
        stage_from_camera = camera.stage_from_view.copy()
        stage_from_camera[:3, :3] = stage_from_camera[:3, :3] @ GL_FROM_STAGE
        forward = stage_from_camera[:3, 1]
        stand_m = camera.origin_m - TRIPOD_BEHIND_M * forward
        stage_from_tripod = np.diag([1.0, 1.0, max(stand_m[2] - TRIPOD_HEAD_M, 0.05), 1.0])
        stage_from_tripod[:2, 3] = stand_m[:2]
        wall_light = self._light.patch_radiance.mean(axis=0)
        for mesh, stage_from_prop in ((self._camera, stage_from_camera), (self._tripod, stage_from_tripod)):
            self._prop_pass.draw_mesh(
                self.scene,
                mesh,
                clip_from_stage=view.clip_from_stage,
                stage_from_prop=stage_from_prop,
                room_light=ROOM_LIGHT,
                wall_light=wall_light,
            )

    def _draw_frustum(self, view: View, camera: View) -> None:
        """Lines from the lens through the picture's corners to the walls."""
        ends_m = first_hits(camera.origin_m, rays(camera, FRUSTUM_CORNERS), self._triangles_m, FRUSTUM_BEYOND_M)
        starts_m = camera.origin_m + 0.12 * (ends_m - camera.origin_m) / np.linalg.norm(
            ends_m - camera.origin_m, axis=1, keepdims=True
        )
        self._draw_lines(view, starts_m, ends_m, LINE_COLOR)

    def _draw_trail(self, view: View, trail_m: Array) -> None:
        chosen = trail_m[np.linspace(0, len(trail_m) - 1, min(len(trail_m), MAX_LINES + 1)).round().astype(int)]
        self._draw_lines(view, chosen[:-1], chosen[1:], TRAIL_COLOR)

    def _draw_lines(self, view: View, starts_m: Array, ends_m: Array, color: Array) -> None:
        self._line_pass.draw_mesh(
            self.scene,
            self._lines,
            clip_from_stage=view.clip_from_stage,
            starts_m=_padded(starts_m),
            ends_m=_padded(ends_m),
            line_color=color,
            picture_size=self.size,
            width_px=LINE_PX,
        )

    def release(self) -> None:
        for part in (self.scene, self.target, self._stage, self._lut, self._camera, self._tripod, self._lines):
            part.release()


def from_behind(size: tuple[int, int], middle_m: tuple[float, float, float] = (0.0, 1.9, 1.0),
                distance_m: float = 9.0, around_deg: float = -18.0, above_deg: float = 21.0) -> View:  # fmt: skip
    """A View on the stage from above and behind the camera. around_deg: 0 is straight behind, positive to the right."""
    around, above = np.radians(around_deg), np.radians(above_deg)
    direction = np.array([np.sin(around) * np.cos(above), -np.cos(around) * np.cos(above), np.sin(above)])
    pose = look_at(np.asarray(middle_m) + distance_m * direction, np.asarray(middle_m))
    return View(view_from_stage(pose), clip_from_view_symmetric(48.0, size[0] / size[1]), size)


def _mesh(gpu: Gpu, mesh: TriangleMesh) -> Mesh:
    attributes = {"position_m": mesh.positions_m.astype(np.float32), "normal": mesh.normals.astype(np.float32)}
    return Mesh(gpu.context, attributes, mesh.triangles)


def _line_mesh(gpu: Gpu) -> Mesh:
    """MAX_LINES quads; lines of no length are not seen."""
    corners = np.array([[0.0, -1.0], [1.0, -1.0], [1.0, 1.0], [0.0, 1.0]], np.float32)
    index = np.repeat(np.arange(MAX_LINES, dtype=np.float32), 4)[:, None]
    attributes = {"line_end_side": np.concatenate([index, np.tile(corners, (MAX_LINES, 1))], axis=1)}
    first = 4 * np.arange(MAX_LINES)[:, None]
    return Mesh(
        gpu.context,
        attributes,
        np.concatenate([first + np.array(half) for half in ((0, 1, 2), (0, 2, 3))]).astype(np.uint32),
    )


def _padded(points_m: Array) -> NDArray[np.float64]:
    out = np.zeros((MAX_LINES, 4))
    out[: len(points_m), :3] = points_m
    return out
