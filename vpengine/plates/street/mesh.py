"""The street as triangles: a seeded set of buildings, road and street furniture that surrounds the stage.

Stage space; the street runs along +Y, the camera stands near (0, 0, 1.6) looking +Y, the road surface is z = 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vpengine.plates.street.builder import MATERIALS, Builder
from vpengine.plates.street.layout import add_buildings, add_furniture, add_ground


@dataclass(frozen=True, eq=False)
class StreetMesh:
    """N vertices, M triangles, front faces counter-clockwise, no vertex shared across a crease.

    position_m  (N, 3) float32, stage space
    normal      (N, 3) float32, unit
    uv          (N, 2) float32, metres along the surface; on windows, doors, shop glass and signs 0..1 over the face
    material    (N,) uint8, index into ``materials``; the same at a triangle's three corners
    albedo      (N, 3) float32, linear ACEScg reflectance (the mean: textures modulate it)
    occlusion   (N,) float32, 0..1: how open the place is to ambient light, small-scale only
    emissive    (N,) float32, 0 or the strength of a lamp behind a window
    triangles   (M, 3) uint32
    lamps_m     (K, 3) float64, the street lamps' light centres
    length_m    how far the buildings run ahead
    """

    position_m: NDArray[np.float32]
    normal: NDArray[np.float32]
    uv: NDArray[np.float32]
    material: NDArray[np.uint8]
    albedo: NDArray[np.float32]
    occlusion: NDArray[np.float32]
    emissive: NDArray[np.float32]
    triangles: NDArray[np.uint32]
    lamps_m: NDArray[np.float64]
    length_m: float
    materials: tuple[str, ...] = MATERIALS


def build_street(seed: int = 1, length_m: float = 150.0, painted_beyond_m: float = float("inf")) -> StreetMesh:
    """The street of this seed, bit for bit the same each time; ``length_m`` is how far it runs ahead (at least 60).

    Facades beyond ``painted_beyond_m``, and those of the side streets then too, are flat: material ``facade``, its uv
    counting bays and storeys. It halves what is drawn of the far end.
    """
    if length_m < 60.0:
        raise ValueError(f"length_m {length_m}, at least 60")
    builder = Builder(painted_beyond_m)
    rng = np.random.default_rng(seed)
    add_buildings(builder, rng, length_m)
    lamps_m, cars = add_furniture(builder, rng, length_m)
    add_ground(builder, length_m, cars)
    arrays = builder.finish()
    return StreetMesh(lamps_m=lamps_m, length_m=length_m, **arrays)  # type: ignore[arg-type]
