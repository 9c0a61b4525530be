"""A stage as light: what its walls can show of their pictures, and how that falls on the floor and the stand-in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.passes import Mesh
from vpengine.gpu.target import Target, Texture
from vpengine.gpu.transfer import download, write_volume
from vpengine.sim.figure import CARD, build_actors
from vpengine.sim.figure_shape import Array, TriangleMesh, net
from vpengine.sim.lamps import LampLight, Lamps
from vpengine.sim.light_transport import (
    Shadows,
    floor_patches,
    form_factors,
    joined,
    occluder_of,
    patch_grid,
    wall_patches,
)
from vpengine.sim.stand_in import StandIn
from vpengine.stage.walls import WHITE_NITS, WallGeometry, bounds
from vpengine.view.color import REC709_FROM_ACESCG

PANEL_BLOCK = UniformBlock(
    "SimPanel",
    rec709_from_acescg="mat3",
    acescg_from_rec709="mat3",
    white_nits="float",
    peak_nits="float",
    black_nits="float",
)
PATCH_BLOCK = UniformBlock("SimPatch", grid="vec2", lod="float")

FLOOR_REFLECTANCE = 0.13  # a stage's grey floor paint
FLOOR_MARGIN_M = 1.6
FINE_FLOOR_M = 0.045  # where shadows fall; elsewhere the floor's light changes slowly
COARSE_FLOOR_M = 0.45
MOST_FINE = 90  # fine steps each way, however far apart things stand
TABLE_WIDTH = 128


@dataclass(frozen=True)
class Panel:
    """What a wall's panels can show, in nits. white_nits: of scene-linear 1.0, which the cameras are exposed for."""

    peak_nits: float = 1000.0
    black_nits: float = 0.0
    white_nits: float = WHITE_NITS


@dataclass(frozen=True, eq=False)
class WallLight:
    """One wall: its mesh, and the light it gives off: a texture like the wall's picture, 1.0 = white_nits."""

    geometry: WallGeometry
    panel: Panel
    mesh: Mesh
    light: Target
    patch_target: Target


class StageLight:
    """Owns the stage's meshes and its light. ``shine`` once a frame; then any camera can look at it.

    irradiance: a table (see shaders/include/sim_stage.glsl) with the light on every vertex, divided by pi: times a
    reflectance it is radiance; in alpha, how much of the walls a vertex sees past the actors. The matte actors come
    first, then the floor.
    """

    def __init__(
        self,
        gpu: Gpu,
        walls: Sequence[WallGeometry],
        panels: Mapping[str, Panel] | None = None,
        stand_in: StandIn | None = None,
    ) -> None:
        """stand_in: None for an empty stage. About two seconds of work on one core with a whole stand-in."""
        self._gpu = gpu
        self.walls = [self._wall(geometry, (panels or {}).get(geometry.id, Panel())) for geometry in walls]
        self.stand_in = stand_in
        self.actors = build_actors(stand_in) if stand_in else None
        self.floor_bounds_m = _floor_bounds(walls)
        floor = _floor(self.floor_bounds_m, self.actors.bounds_m if self.actors else None)
        self.floor_mesh = self._mesh(floor, np.full((len(floor.positions_m), 3), FLOOR_REFLECTANCE, np.float32))
        self.matte_mesh = self._mesh(self.actors.matte, self.actors.albedo) if self.actors else None
        chrome = self.actors.chrome if self.actors else None
        self.chrome_mesh = self._mesh(chrome, np.ones_like(chrome.normals, np.float32)) if chrome else None
        self.first_floor_vertex = len(self.actors.matte.positions_m) if self.actors else 0
        self._openness = np.ones(self.first_floor_vertex + len(floor.positions_m), np.float32)
        shadows = None
        if stand_in and self.actors:
            shadows = Shadows(occluder_of(self.actors.shape, self.actors.bounds_m), stand_in.flags)
        self._weights = self._transport(floor, shadows)
        self._key, self._fill = (self._lamp_light(floor, shadows) for _ in range(2))
        self.patch_radiance = np.zeros((self._weights.shape[1], 3), np.float32)
        rows = -(-len(self._weights) // TABLE_WIDTH)
        self.irradiance = gpu.texture_3d((TABLE_WIDTH, rows, 1), 4, "f4")
        self._panel_pass = gpu.pass_("sim_panel", PANEL_BLOCK)
        self._patch_pass = gpu.pass_("sim_patch", PATCH_BLOCK)

    def shine(self, wall_light: Mapping[str, Texture], lamps: Lamps | None = None) -> None:
        """Take the walls' pictures (scene-linear ACEScg, by wall id) and light the stage with them, and with lamps.

        A wall without a picture is dark. A lamp that was moved is traced again: about 30 ms.
        """
        radiances = [self._emit(wall, wall_light.get(wall.geometry.id)) for wall in self.walls]
        self.patch_radiance = np.concatenate(radiances)
        table = np.zeros((self.irradiance.size[1] * TABLE_WIDTH, 4), np.float32)
        table[: len(self._weights), :3] = self._weights @ self.patch_radiance
        if lamps is not None:
            for lamp, light in ((lamps.key, self._key), (lamps.fill, self._fill)):
                if lamp.lit:
                    table[: len(self._weights), :3] += light.light(lamp)
        table[: len(self._weights), 3] = self._openness
        write_volume(self.irradiance, table.reshape(1, -1, TABLE_WIDTH, 4))

    def _emit(self, wall: WallLight, picture: Texture | None) -> NDArray[np.float32]:
        """Draw what the panels can show; the patches' radiances, (patches, 3)."""
        grid = wall.patch_target.size
        if picture is None:
            wall.light.framebuffer.clear()
        else:
            self._panel_pass.draw(
                wall.light,
                {"wall": picture},
                rec709_from_acescg=REC709_FROM_ACESCG,
                acescg_from_rec709=np.linalg.inv(REC709_FROM_ACESCG),
                white_nits=wall.panel.white_nits,
                peak_nits=wall.panel.peak_nits,
                black_nits=wall.panel.black_nits,
            )
        wall.light.color.build_mipmaps()
        region_px = wall.geometry.resolution[1] / grid[1]
        lod = max(float(np.log2(region_px / 4.0)), 0.0)
        self._patch_pass.draw(wall.patch_target, {"wall": wall.light.color}, grid=grid, lod=lod)
        rows_from_bottom = download(wall.patch_target.color)[::-1, :, :3]
        return np.asarray(rows_from_bottom, np.float32).reshape(-1, 3)

    def _lamp_light(self, floor: TriangleMesh, shadows: Shadows | None) -> LampLight:
        """On an empty stage around where its actor would stand."""
        meshes = [*([self.actors.matte] if self.actors else []), floor]
        points_m = np.concatenate([mesh.positions_m for mesh in meshes])
        normals = np.concatenate([mesh.normals for mesh in meshes])
        return LampLight(points_m, normals, (self.stand_in or StandIn()).mark_m, shadows)

    def _transport(self, floor: TriangleMesh, shadows: Shadows | None) -> NDArray[np.float32]:
        """(vertices, wall patches): what share of each patch's radiance reaches a vertex, straight and reflected."""
        walls = joined([wall_patches(wall.geometry, wall.patch_target.size) for wall in self.walls])
        ground = floor_patches(*self.floor_bounds_m)
        if self.actors is None:
            return form_factors(floor.positions_m, floor.normals, walls)
        matte, cards = self.actors.matte, self.actors.cards
        on_matte = form_factors(matte.positions_m, matte.normals, walls, shadows)
        on_floor = form_factors(floor.positions_m, floor.normals, walls, shadows)
        openness = on_matte.sum(axis=1) / np.maximum(form_factors(matte.positions_m, matte.normals, walls).sum(1), 1e-6)
        self._openness[: len(openness)] = openness
        # Once by way of the floor and of the cards. The floor's dim light casts no shadow of its own.
        paint = 0.0 if self._floor_of_panels else FLOOR_REFLECTANCE
        lit_floor = paint * form_factors(ground.centres_m, ground.normals, walls)
        on_matte += form_factors(matte.positions_m, matte.normals, ground) @ lit_floor
        if cards is not None:
            lit_cards = CARD * form_factors(cards.centres_m, cards.normals, walls)
            on_matte += form_factors(matte.positions_m, matte.normals, cards, shadows) @ lit_cards
            on_floor += form_factors(floor.positions_m, floor.normals, cards, shadows) @ lit_cards
        return np.concatenate([on_matte, on_floor])

    @property
    def _floor_of_panels(self) -> bool:
        """A wall lies on the floor, so that the paint under it sees no light."""
        return any(bounds(wall.geometry)[1][2] < 0.1 for wall in self.walls)

    def _wall(self, geometry: WallGeometry, panel: Panel) -> WallLight:
        triangles = geometry.triangles.reshape(-1)
        corners = geometry.vertices_m[triangles].reshape(-1, 3, 3)
        faces = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        faces /= np.linalg.norm(faces, axis=1, keepdims=True)
        attributes = {
            "position_m": corners.reshape(-1, 3).astype(np.float32),
            "wall_uv": geometry.uv[triangles].astype(np.float32),
            "normal": np.repeat(faces, 3, axis=0).astype(np.float32),
        }
        context = self._gpu.context
        mesh = Mesh(context, attributes, np.arange(len(triangles), dtype=np.uint32).reshape(-1, 3))
        light = Target(context, geometry.resolution)
        light.color.build_mipmaps()
        light.color.filter = (context.LINEAR_MIPMAP_LINEAR, context.LINEAR)
        return WallLight(geometry, panel, mesh, light, Target(context, patch_grid(geometry), dtype="f4"))

    def _mesh(self, mesh: TriangleMesh, albedo: NDArray[np.float32]) -> Mesh:
        attributes = {
            "position_m": mesh.positions_m.astype(np.float32),
            "normal": mesh.normals.astype(np.float32),
            "albedo": albedo,
        }
        return Mesh(self._gpu.context, attributes, mesh.triangles)

    def release(self) -> None:
        for wall in self.walls:
            for part in (wall.mesh, wall.light, wall.patch_target):
                part.release()
        for mesh in (self.floor_mesh, self.matte_mesh, self.chrome_mesh):
            if mesh is not None:
                mesh.release()
        self.irradiance.release()


def _floor_bounds(walls: Sequence[WallGeometry]) -> tuple[Array, Array]:
    """(x, y) of the floor's corners: under the walls and the camera's area, with a margin."""
    boxes = [bounds(wall) for wall in walls]
    low = np.min([box[0][:2] for box in boxes] + [np.array([-1.5, -1.5])], axis=0) - FLOOR_MARGIN_M
    high = np.max([box[1][:2] for box in boxes] + [np.array([1.5, 1.5])], axis=0) + FLOOR_MARGIN_M
    return low, high


def _floor(bounds_m: tuple[Array, Array], actors_m: tuple[Array, Array] | None) -> TriangleMesh:
    """The floor as a net, finer around the actors, where shadows fall."""
    axes = []
    for axis in range(2):
        low, high = bounds_m[0][axis], bounds_m[1][axis]
        steps = [np.linspace(low, high, max(round((high - low) / COARSE_FLOOR_M), 2))]
        if actors_m is not None:
            fine_low, fine_high = actors_m[0][axis] - 0.5, actors_m[1][axis] + 0.5
            steps = [part[(part < fine_low) | (part > fine_high)] for part in steps]
            steps.append(np.arange(fine_low, fine_high, max(FINE_FLOOR_M, (fine_high - fine_low) / MOST_FINE)))
        axes.append(np.sort(np.concatenate(steps)))
    x, y = np.meshgrid(*axes)
    positions = np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], axis=-1)
    return TriangleMesh(positions, np.broadcast_to([0.0, 0.0, 1.0], positions.shape), net(*x.shape))
