"""The engine's own street as a training scene: its mesh with the training renderer's materials and patterns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from weather_mesh import Material, Pattern, SceneMesh, Surface, surface_table

from vpengine.plates.street.mesh import StreetMesh, build_street

# Street material: training material, pattern, the pattern's period in metres, second albedo over the first.
_AS: dict[str, tuple[Material, Pattern, float, float]] = {
    "asphalt": (Material.GROUND, Pattern.MOTTLED, 3.0, 0.8),
    "paving": (Material.GROUND, Pattern.TILES, 0.6, 0.9),
    "kerb": (Material.GROUND, Pattern.MOTTLED, 1.0, 0.9),
    "brick": (Material.MATTE, Pattern.BRICKS, 0.45, 1.3),
    "plaster": (Material.MATTE, Pattern.MOTTLED, 4.0, 0.9),
    "ashlar": (Material.MATTE, Pattern.TILES, 0.7, 0.9),
    "roof": (Material.MATTE, Pattern.TILES, 0.3, 0.8),
    "awning": (Material.MATTE, Pattern.STRIPES, 0.4, 1.8),
    "foliage": (Material.FOLIAGE, Pattern.LEAVES, 0.6, 0.5),
    "bark": (Material.MATTE, Pattern.MOTTLED, 0.4, 0.6),
    "metal": (Material.METAL, Pattern.PLAIN, 1.0, 1.0),
    "car_paint": (Material.METAL, Pattern.PLAIN, 1.0, 1.0),
    "car_glass": (Material.METAL, Pattern.PLAIN, 1.0, 1.0),
    "road_paint": (Material.GROUND, Pattern.MOTTLED, 0.5, 0.7),
}
_GLASS = ("window_casement", "window_sash", "shop_glass")
_CURTAIN = (0.42, 0.36, 0.27)


def street_mesh(seed: int) -> tuple[SceneMesh, NDArray[np.float64], NDArray[np.float64]]:
    """The street of ``seed``, and the low and high corner of where a camera may stand, in stage metres."""
    street = build_street(seed, float(np.random.default_rng(seed).uniform(80.0, 150.0)))
    keys = np.column_stack([street.material, np.round(street.albedo, 3), street.emissive > 0.0])
    unique, part = np.unique(keys, axis=0, return_inverse=True)
    surfaces = [_surface(street, row, index) for index, row in enumerate(unique)]
    part = part.reshape(-1)
    salts = np.array([s.salt if s.pattern == Pattern.LEAVES else -1.0 for s in surfaces])
    attributes = {
        "in_position": street.position_m,
        "in_normal": street.normal,
        "in_part": np.stack([part.astype(np.float32), salts[part].astype(np.float32)], -1),
    }
    extent = street.position_m.min(0), street.position_m.max(0)
    # The ground may run far beyond the houses; shadow maps look at the street only.
    bounds = np.maximum(extent[0], [-40.0, -60.0, -1.0]), np.minimum(extent[1], [40.0, 160.0, 40.0])
    mesh = SceneMesh(attributes, surface_table(surfaces), street.triangles, street.triangles, bounds)
    return mesh, np.array([-3.0, -10.0]), np.array([3.0, 60.0])


def _surface(street: StreetMesh, row: NDArray[np.float64], index: int) -> Surface:
    name = street.materials[int(row[0])]
    r, g, b = (float(value) for value in row[1:4])
    salt = (index * 0.6180339887) % 1.0
    if name in _GLASS:
        lit = row[4] > 0.2  # a lamp is on behind it
        r, g, b = _CURTAIN if lit else (max(0.3 * r, 0.03),) * 3
        return Surface((r, g, b), (r, g, b), Pattern.PLAIN, 1.0, Material.WINDOW, salt)
    material, pattern, scale_m, over = _AS.get(name, (Material.MATTE, Pattern.PLAIN, 1.0, 1.0))
    if row[4] > 0.0:
        material = Material.LAMP
    return Surface((r, g, b), (r * over, g * over, b * over), pattern, scale_m, material, salt)
