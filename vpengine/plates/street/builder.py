"""Collects the street's geometry: boxes in upright frames, kept as rows of numbers and made into arrays all at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vpengine.view.color import REC709_FROM_ACESCG

Color = tuple[float, float, float]

FRONT, BACK, RIGHT, LEFT, TOP, BOTTOM = 1, 2, 4, 8, 16, 32
ALL = 63

MATERIALS = (
    "asphalt", "paving", "kerb", "brick", "plaster", "ashlar", "roof", "window_casement", "window_sash", "shop_glass",
    "door", "metal", "awning", "foliage", "bark", "sign", "road_paint", "car_paint", "car_glass", "rubber", "wire",
    "facade",
)  # fmt: skip
MATERIAL = {name: number for number, name in enumerate(MATERIALS)}
PICTURED = ("window_casement", "window_sash", "shop_glass", "door", "sign")  # uv runs once, 0..1, over such a face

_ACESCG_FROM_REC709 = np.linalg.inv(REC709_FROM_ACESCG)

# Corner numbers of a box (bit 0: u, bit 1: v, bit 2: w, 1 for the high side) of each face, counter-clockwise outside.
_CORNERS = np.array(
    [[4, 5, 7, 6], [1, 0, 2, 3], [5, 1, 3, 7], [0, 4, 6, 2], [6, 7, 3, 2], [0, 1, 5, 4]]
)  # fmt: skip
_UV_AXES = np.array([[0, 1], [0, 1], [2, 1], [2, 1], [0, 2], [0, 2]])
_NORMALS = np.array([[0, 0, 1], [0, 0, -1], [1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]], float)


class Frame(NamedTuple):
    """An upright wall's axes: u to the right for who looks at it, v up (Z), w out of it. Metres in stage space."""

    x: float
    y: float
    z: float
    ux: float
    uy: float

    def at(self, u: float, v: float, w: float) -> tuple[float, float, float]:
        """The stage point of (u, v, w); w = u x v = (uy, -ux, 0)."""
        return self.x + u * self.ux + w * self.uy, self.y + u * self.uy - w * self.ux, self.z + v

    def moved(self, u: float, v: float, w: float) -> Frame:
        return Frame(*self.at(u, v, w), self.ux, self.uy)

    def turned(self) -> Frame:
        """The same origin, looking along this frame's u instead of its w: the wall round the right-hand corner."""
        return Frame(self.x, self.y, self.z, -self.uy, self.ux)


@dataclass(frozen=True, eq=False)
class Part:
    """Loose triangles: position (N, 3), normal (N, 3), uv (N, 2), triangles (M, 3)."""

    position: NDArray[np.float64]
    normal: NDArray[np.float64]
    uv: NDArray[np.float64]
    triangles: NDArray[np.int64]


@dataclass(eq=False)
class Arrays:
    """What the builder makes; the fields are those of StreetMesh."""

    position_m: list[NDArray[np.float64]] = field(default_factory=list)
    normal: list[NDArray[np.float64]] = field(default_factory=list)
    uv: list[NDArray[np.float64]] = field(default_factory=list)
    material: list[NDArray[np.int64]] = field(default_factory=list)
    albedo: list[NDArray[np.float64]] = field(default_factory=list)
    occlusion: list[NDArray[np.float64]] = field(default_factory=list)
    emissive: list[NDArray[np.float64]] = field(default_factory=list)
    triangles: list[NDArray[np.int64]] = field(default_factory=list)
    count: int = 0

    def append(
        self,
        part: Part,
        material: NDArray[np.int64],
        albedo: NDArray[np.float64],
        occlusion: NDArray[np.float64],
        emissive: NDArray[np.float64],
    ) -> None:
        self.position_m.append(part.position)
        self.normal.append(part.normal)
        self.uv.append(part.uv)
        self.material.append(material)
        self.albedo.append(albedo)
        self.occlusion.append(occlusion)
        self.emissive.append(emissive)
        self.triangles.append(part.triangles + self.count)
        self.count += len(part.position)


class Builder:
    """Boxes and parts in, vertex arrays out. ``painted_beyond_m``: further ahead, facades need only be pictures."""

    def __init__(self, painted_beyond_m: float = float("inf")) -> None:
        self.painted_beyond_m = painted_beyond_m
        self._rows: list[tuple[float, ...]] = []
        self._arrays = Arrays()

    def box(
        self,
        frame: Frame,
        low: tuple[float, float, float],
        high: tuple[float, float, float],
        material: str,
        color: Color,
        faces: int = ALL,
        occlusion: tuple[float, float] = (1.0, 1.0),
        emissive: float = 0.0,
        uv_offset: float = 0.0,
    ) -> None:
        """Faces of the box from ``low`` to ``high`` (u, v, w). occlusion: at its low and its high edge."""
        row = (*frame, *low, *high, faces, MATERIAL[material], *color, *occlusion, emissive, uv_offset)
        self._rows.append(row)

    def part(
        self,
        part: Part,
        material: str,
        color: Color | NDArray[np.float64],
        occlusion: float | NDArray[np.float64] = 1.0,
    ) -> None:
        """Loose triangles; color (3,) or (N, 3), occlusion a number or (N,)."""
        n = len(part.position)
        self._arrays.append(
            part,
            np.full(n, MATERIAL[material]),
            np.broadcast_to(np.asarray(color, float), (n, 3)),
            np.broadcast_to(np.asarray(occlusion, float), n),
            np.zeros(n),
        )

    def sheet(
        self,
        frame: Frame,
        u: tuple[float, float],
        upper: tuple[float, float],
        lower: tuple[float, float],
        material: str,
        color: Color,
    ) -> None:
        """A sloping sheet across ``u`` from its ``upper`` to its ``lower`` edge, each (v, w); seen from both sides."""
        corners = np.array(
            [frame.at(u[0], *lower), frame.at(u[1], *lower), frame.at(u[1], *upper), frame.at(u[0], *upper)]
        )
        length = float(np.hypot(upper[0] - lower[0], upper[1] - lower[1]))
        uv = np.array([[u[0], 0.0], [u[1], 0.0], [u[1], length], [u[0], length]])
        normal = np.cross(corners[1] - corners[0], corners[3] - corners[0])
        normal /= np.linalg.norm(normal)
        quad = np.array([[0, 1, 2], [0, 2, 3]])
        for side, triangles, occlusion in ((1.0, quad, 1.0), (-1.0, quad[:, ::-1], 0.6)):
            self.part(Part(corners, np.tile(side * normal, (4, 1)), uv, triangles), material, color, occlusion)

    def finish(self) -> dict[str, NDArray[np.generic]]:
        """Every array by its StreetMesh name."""
        self._add_boxes(np.array(self._rows, float))
        self._rows = []
        arrays = self._arrays
        out: dict[str, NDArray[np.generic]] = {
            name: np.concatenate(getattr(arrays, name)).astype(np.float32)
            for name in ("position_m", "normal", "uv", "albedo", "occlusion", "emissive")
        }
        out["material"] = np.concatenate(arrays.material).astype(np.uint8)
        out["triangles"] = np.concatenate(arrays.triangles).astype(np.uint32)
        return out

    def _add_boxes(self, rows: NDArray[np.float64]) -> None:
        mask = rows[:, 11].astype(int)
        for face in range(6):
            self._add_face(rows[(mask & (1 << face)) != 0], face)

    def _add_face(self, rows: NDArray[np.float64], face: int) -> None:
        """Quads of one side of many boxes."""
        low, high = rows[:, 5:8], rows[:, 8:11]
        corner = _CORNERS[face]
        high_side = np.stack([corner & 1, corner >> 1 & 1, corner >> 2 & 1], axis=-1).astype(bool)  # (4, 3)
        local = np.where(high_side[None], high[:, None], low[:, None])  # (n, 4, 3)
        n = len(rows)
        ux, uy = rows[:, 3], rows[:, 4]
        zero = np.zeros(n)
        axes = np.stack(
            [np.stack([ux, uy, zero], -1), np.stack([zero, zero, zero + 1.0], -1), np.stack([uy, -ux, zero], -1)], 1
        )
        position = rows[:, None, :3] + np.einsum("nka,nac->nkc", local, axes)
        normal = np.repeat(np.einsum("a,nac->nc", _NORMALS[face], axes), 4, axis=0)
        material = rows[:, 12].astype(int)
        uv = local[..., _UV_AXES[face]] + rows[:, 19, None, None]
        pictured = np.isin(material, [MATERIAL[name] for name in PICTURED])
        unit = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
        uv = np.where(pictured[:, None, None], unit[None], uv)
        occlusion = np.where(high_side[None, :, 1], rows[:, 17, None], rows[:, 16, None])
        quad = np.array([[0, 1, 2], [0, 2, 3]])
        part = Part(
            position.reshape(-1, 3),
            normal,
            uv.reshape(-1, 2),
            (quad[None] + 4 * np.arange(n)[:, None, None]).reshape(-1, 3),
        )
        self._arrays.append(
            part,
            np.repeat(material, 4),
            np.repeat(rows[:, 13:16], 4, axis=0),
            occlusion.reshape(-1),
            np.repeat(rows[:, 18], 4),
        )


def acescg(red: float, green: float, blue: float) -> Color:
    """Linear ACEScg from sRGB-encoded 0..1, which is how one picks paint."""
    encoded = np.array([red, green, blue])
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    r, g, b = (float(v) for v in _ACESCG_FROM_REC709 @ linear)
    return r, g, b


def scaled(color: Color, factor: float) -> Color:
    return color[0] * factor, color[1] * factor, color[2] * factor
