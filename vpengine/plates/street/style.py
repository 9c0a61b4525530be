"""How the buildings of the street may look."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vpengine.plates.street.builder import Color, acescg, scaled

_WALLS: tuple[tuple[str, Color], ...] = (
    ("brick", acescg(0.62, 0.37, 0.29)),
    ("brick", acescg(0.68, 0.50, 0.38)),
    ("brick", acescg(0.52, 0.34, 0.29)),
    ("plaster", acescg(0.84, 0.76, 0.62)),
    ("plaster", acescg(0.80, 0.70, 0.62)),
    ("plaster", acescg(0.74, 0.74, 0.70)),
    ("plaster", acescg(0.78, 0.67, 0.50)),
    ("ashlar", acescg(0.76, 0.70, 0.60)),
    ("ashlar", acescg(0.70, 0.68, 0.64)),
)
STONE = acescg(0.75, 0.71, 0.64)


@dataclass(frozen=True)
class Style:
    """How one building looks. Lengths in metres; ``detail`` 2 near the stage, 1 further, 0 at the ends, -1 painted."""

    storeys: int
    ground_m: float
    storey_m: float
    bays: int
    opening_m: tuple[float, float]
    sill_m: float
    wall: str
    color: Color
    trim: Color
    window: str
    ground: str
    cornice_m: float
    roof: str
    balconies: tuple[int, ...]
    surround: int
    detail: int

    @property
    def height_m(self) -> float:
        return self.ground_m + self.storeys * self.storey_m


def make_style(rng: np.random.Generator, width_m: float, detail: int, wall_before: int) -> tuple[Style, int]:
    """A style for a building of this width, and which wall it took (so that neighbours differ)."""
    wall = int(rng.choice([w for w in range(len(_WALLS)) if w != wall_before]))
    material, color = _WALLS[wall]
    tint = rng.uniform(0.9, 1.1) * (1.0 + rng.uniform(-0.04, 0.04, 3))
    storeys = int(rng.choice([3, 3, 4, 4, 4, 5]))
    bays = max(2, round(width_m / rng.uniform(2.5, 3.2)))
    opening_width = min(rng.uniform(1.1, 1.35), width_m / bays - 0.9)
    storey_m = rng.uniform(3.15, 3.5)
    return Style(
        storeys=storeys,
        ground_m=rng.uniform(4.0, 4.5),
        storey_m=storey_m,
        bays=bays,
        opening_m=(opening_width, rng.uniform(1.75, 2.05)),
        sill_m=rng.uniform(0.72, 0.88),
        wall=material,
        color=(color[0] * tint[0], color[1] * tint[1], color[2] * tint[2]),
        trim=scaled(STONE, rng.uniform(0.8, 1.1)),
        window=str(rng.choice(["window_casement", "window_sash"])),
        ground=str(rng.choice(["shops", "shops", "shops", "house"])),
        cornice_m=rng.uniform(0.35, 0.75),
        roof=str(rng.choice(["flat", "flat", "mansard"])),
        balconies=tuple(int(v) for v in rng.choice(storeys, size=int(rng.integers(0, 3)), replace=False)),
        surround=int(rng.integers(0, 3)),
        detail=detail,
    ), wall
