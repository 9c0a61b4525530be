"""Walls: their settings, and where every point of their pictures stands on the stage."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from vpengine.stage.settings import Degrees, Id, Pixels, Position, Settings, refusal
from vpengine.view.pose import rotation_from_pan_tilt_roll

Array = NDArray[np.float64]

WHITE_NITS = 203.0  # HDR reference white (ITU-R BT.2408)
MAX_SIZE_M = 200.0
MAX_SIDE_PX = 16384
TileSide = Annotated[float, Field(ge=10.0, le=20_000.0)]
Count = Annotated[int, Field(ge=1, le=1024)]


class WallSettings(Settings):
    """What every kind of wall has: a grid of flat tiles, where it stands, and how bright it is."""

    id: Id = Field(description="Name of the wall; outputs refer to it.")
    tile_mm: tuple[TileSide, TileSide] = Field(description="Width and height of one tile, in millimetres.")
    tile_px: tuple[Pixels, Pixels] = Field(description="Width and height of one tile, in pixels.")
    columns: Count = Field(description="Tiles from left to right.")
    rows: Count = Field(description="Tiles from bottom to top.")
    position_m: Position = Field(
        description="Stage position (X right, Y forward, Z up) of the middle of the bottom edge of a flat wall; "
        "of an arc's centre point, at the height of its bottom edge."
    )
    pan_deg: Degrees = Field(
        default=0.0, description="Turns the wall about the vertical through position_m, anticlockwise seen from above."
    )
    tilt_deg: Degrees = Field(
        default=0.0, description="Leans the top towards the audience, about position_m; 90 is a ceiling facing down."
    )
    peak_nits: float = Field(
        default=1000.0, gt=0.0, le=20_000.0, description="Luminance of full white (code value 1.0), in nits."
    )
    black_nits: float = Field(default=0.0, ge=0.0, le=100.0, description="Luminance of black, in nits.")

    @property
    def resolution(self) -> tuple[int, int]:
        """Width and height of the wall's picture in pixels."""
        return self.columns * self.tile_px[0], self.rows * self.tile_px[1]

    @property
    def size_m(self) -> tuple[float, float]:
        """Width along the tiles (an arc's along its curve) and height, in metres."""
        return self.columns * self.tile_mm[0] / 1000.0, self.rows * self.tile_mm[1] / 1000.0

    @model_validator(mode="after")
    def _bounded(self) -> WallSettings:
        for key, size_m, side_px in zip(("columns", "rows"), self.size_m, self.resolution, strict=True):
            count = getattr(self, key)
            if size_m > MAX_SIZE_M:
                raise refusal(f"{count} tiles make {size_m:g} m, allowed up to {MAX_SIZE_M:g} m; use fewer tiles", key)
            if side_px > MAX_SIDE_PX:
                cure = "use fewer tiles or split the wall in two"
                raise refusal(f"{count} tiles make {side_px} pixels, allowed up to {MAX_SIDE_PX}; {cure}", key)
        if self.black_nits >= self.peak_nits:
            raise refusal(f"found {self.black_nits:g}, must be below peak_nits ({self.peak_nits:g})", "black_nits")
        return self


class FlatWall(WallSettings):
    """A flat wall, television or ceiling."""

    kind: Literal["flat"] = "flat"


class ArcWall(WallSettings):
    """Flat tiles in columns along an arc; the corners of the tiles lie on the radius, the lit side faces its centre.

    Unturned, the middle of the arc lies straight ahead (+Y) of its centre.
    """

    kind: Literal["arc"] = "arc"
    radius_m: float | None = Field(
        default=None, gt=0.0, le=MAX_SIZE_M, description="Distance of the tiles' corners from the centre, in metres."
    )
    arc_deg: float | None = Field(
        default=None, gt=0.0, le=360.0, description="Angle that all columns span, instead of radius_m."
    )

    @model_validator(mode="after")
    def _one_curvature(self) -> ArcWall:
        if (self.radius_m is None) == (self.arc_deg is None):
            found = "neither" if self.radius_m is None else "both"
            raise refusal(f"found {found} of radius_m and arc_deg, give one of them", "radius_m")
        half_tile_m = self.tile_mm[0] / 2000.0
        if self.radius_m is not None and self.radius_m < half_tile_m:
            raise refusal(f"found {self.radius_m:g}, must be at least half a tile ({half_tile_m:g} m)", "radius_m")
        return self

    @model_validator(mode="after")
    def _within_a_circle(self) -> ArcWall:
        each_deg = self.column_deg
        if each_deg > 120.0:
            raise refusal(f"each column turns {each_deg:g} degrees, allowed up to 120; use more columns", "columns")
        if self.columns * each_deg > 360.0 + 1e-6:
            found = f"{self.columns} columns of {each_deg:g} degrees close the circle (360)"
            raise refusal(f"{found}; use at most {int(360.0 / each_deg)} columns or a larger radius_m", "columns")
        if self.curve_radius_m > MAX_SIZE_M:
            found = f"the radius becomes {self.curve_radius_m:g} m, allowed up to {MAX_SIZE_M:g} m"
            raise refusal(f'{found}; use kind = "flat"', "arc_deg")
        return self

    @property
    def column_deg(self) -> float:
        """Angle that one column spans, seen from the centre: a chord of tile width."""
        if self.arc_deg is not None:
            return self.arc_deg / self.columns
        assert self.radius_m is not None
        return 2.0 * math.degrees(math.asin(self.tile_mm[0] / 2000.0 / self.radius_m))

    @property
    def curve_radius_m(self) -> float:
        """Distance of the tiles' corners from the centre, given or from the angle: half a chord over its sine."""
        if self.radius_m is not None:
            return self.radius_m
        return self.tile_mm[0] / 2000.0 / math.sin(math.radians(self.column_deg / 2.0))


KINDS: dict[str, type[WallSettings]] = {"flat": FlatWall, "arc": ArcWall}


@dataclass(frozen=True, eq=False)
class WallGeometry:
    """A wall as a mesh in stage space, and the settings it came from.

    vertices_m: (2 (n + 1), 3) float64, bottom and top of each of the n + 1 upright edges, from left to right.
    uv: (2 (n + 1), 2) float64: u 0 at the left edge as the audience sees it, v 0 at the picture's bottom, 1 at its top.
    triangles: (2 n, 3) uint32, anticlockwise seen from the lit side.
    Each column is flat and its height undivided, so that interpolating along the triangles is exact.
    """

    id: str
    resolution: tuple[int, int]
    size_m: tuple[float, float]
    vertices_m: Array
    uv: Array
    triangles: NDArray[np.uint32]
    tile_grid: tuple[int, int]

    @cached_property
    def bottom_m(self) -> Array:
        """(n + 1, 3): the bottom of every upright edge, left to right."""
        return self.vertices_m[0::2]

    @property
    def up_m(self) -> Array:
        """(3,): from the bottom edge to the top edge, the same all along the wall."""
        up: Array = self.vertices_m[1] - self.vertices_m[0]
        return up


def wall_geometry(wall: WallSettings) -> WallGeometry:
    """The mesh of a wall. Raises TypeError for a kind that has none."""
    bottom_in_wall = _bottom_in_wall(wall)
    edges = len(bottom_in_wall)
    in_wall = np.repeat(bottom_in_wall, 2, axis=0)
    in_wall[1::2, 2] = wall.size_m[1]
    u = np.repeat(np.linspace(0.0, 1.0, edges), 2)
    v = np.tile([0.0, 1.0], edges)
    turned = rotation_from_pan_tilt_roll(wall.pan_deg, wall.tilt_deg, 0.0).apply(in_wall)
    return WallGeometry(
        id=wall.id,
        resolution=wall.resolution,
        size_m=wall.size_m,
        vertices_m=turned + np.asarray(wall.position_m),
        uv=np.stack([u, v], axis=-1),
        triangles=_triangles(edges - 1),
        tile_grid=(wall.columns, wall.rows),
    )


def _bottom_in_wall(wall: WallSettings) -> Array:
    """(edges, 3): feet of the upright edges, left to right, about ``position_m``, unturned (the audience is at -Y)."""
    if isinstance(wall, FlatWall):
        half_m = wall.size_m[0] / 2.0
        return np.array([[-half_m, 0.0, 0.0], [half_m, 0.0, 0.0]])
    if isinstance(wall, ArcWall):
        steps = np.arange(wall.columns + 1) - wall.columns / 2.0
        angle = np.radians(steps * wall.column_deg)
        return wall.curve_radius_m * np.stack([np.sin(angle), np.cos(angle), np.zeros_like(angle)], axis=-1)
    raise TypeError(f"no geometry for {type(wall).__name__}")


def _triangles(quads: int) -> NDArray[np.uint32]:
    """(2 quads, 3): vertices 2k and 2k + 1 are the bottom and top of edge k."""
    first = 2 * np.arange(quads, dtype=np.uint32)[:, None, None]
    pair = np.array([[0, 2, 3], [0, 3, 1]], np.uint32)
    return (first + pair).reshape(-1, 3)


def position_in_stage(geometry: WallGeometry, uv: Array) -> Array:
    """uv (..., 2) in 0..1 to stage metres (..., 3), exact along the flat tiles; outside 0..1 the edge tile goes on."""
    quad, along = _quad_at(geometry, uv)
    start = geometry.bottom_m[quad]
    end = geometry.bottom_m[quad + 1]
    return start + (end - start) * along[..., None] + geometry.up_m * uv[..., 1:2]


def normal(geometry: WallGeometry, uv: Array) -> Array:
    """uv (..., 2) to unit normals (..., 3) of the lit side."""
    quad, _ = _quad_at(geometry, uv)
    across = np.cross(geometry.bottom_m[quad + 1] - geometry.bottom_m[quad], geometry.up_m)
    unit: Array = across / np.linalg.norm(across, axis=-1, keepdims=True)
    return unit


def _quad_at(geometry: WallGeometry, uv: Array) -> tuple[NDArray[np.intp], Array]:
    """Which flat part u lies in, and how far along it (0..1)."""
    quads = len(geometry.bottom_m) - 1
    scaled = np.asarray(uv, float)[..., 0] * quads
    quad = np.clip(np.floor(scaled), 0, quads - 1).astype(np.intp)
    return quad, scaled - quad


def bounds(geometry: WallGeometry) -> tuple[Array, Array]:
    """The smallest box that holds the wall: lowest and highest x, y, z in stage metres, (3,) each."""
    return geometry.vertices_m.min(axis=0), geometry.vertices_m.max(axis=0)


def distance_m(geometry: WallGeometry, point_m: NDArray[np.floating]) -> float:
    """From a stage point (3,) to the box that holds the wall; 0 inside it."""
    low, high = bounds(geometry)
    return float(np.linalg.norm(np.maximum(np.maximum(low - point_m, point_m - high), 0.0)))
