"""The figure's body: a tasteful mannequin in a coat, as shapes with reflectances; it stands at the origin, facing -Y.

1.75 m tall, its weight on its right leg. Reflectances are scene-linear ACEScg.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vpengine.sim.figure_shape import (
    Array,
    Point,
    Shape,
    above,
    capsule,
    carved,
    ellipsoid,
    squashed,
    union,
)

WRIST_M = 0.228

SKIN = (0.43, 0.3, 0.222)
LIPS = (0.33, 0.185, 0.15)
EYES = (0.04, 0.03, 0.026)
BROWS = (0.085, 0.055, 0.04)
HAIR = (0.04, 0.029, 0.022)
COAT = (0.235, 0.16, 0.1)
KNIT = (0.4, 0.38, 0.345)
TROUSERS = (0.075, 0.077, 0.085)
SHOES = (0.035, 0.03, 0.027)

Color = tuple[float, float, float]
Part = tuple[Color, Shape]
Box = tuple[Point, Point, float]  # lowest and highest corner, size of its mesh's cells


@dataclass(frozen=True)
class Piece:
    """What is meshed together. parts: its shapes. paint: colours on top, where their shapes are, which add no shape.

    box: around all of it. fine: around what is meshed finer. edge_m: over which colours go into each other.
    """

    parts: tuple[Part, ...]
    box: Box
    fine: Box | None = None
    paint: tuple[Part, ...] = ()
    edge_m: float = 0.004


def body() -> tuple[Piece, ...]:
    return (
        Piece(
            ((SKIN, _head()), (HAIR, _hair())),
            ((-0.11, -0.14, 1.4), (0.11, 0.15, 1.79), 0.009),
            ((-0.072, -0.14, 1.512), (0.072, -0.035, 1.686), 0.004),
            ((EYES, _eyes()), (BROWS, _brows()), (LIPS, _lips())),
            0.0024,
        ),
        Piece(((SKIN, _hand(1.0, -0.05)),), ((0.17, -0.16, 0.66), (0.29, 0.03, 0.92), 0.009)),
        Piece(((SKIN, _hand(-1.0, -0.02)),), ((-0.29, -0.13, 0.66), (-0.17, 0.06, 0.92), 0.009)),
        Piece(
            ((KNIT, _collar()), (COAT, _coat()), (TROUSERS, _trousers()), (SHOES, _shoes())),
            ((-0.34, -0.25, -0.06), (0.34, 0.24, 1.56), 0.018),
            ((-0.16, -0.2, 1.16), (0.16, 0.03, 1.56), 0.009),
            ((KNIT, _opening()),),
            0.006,
        ),
    )


def _both(of_side: float, point: Point) -> Point:
    return of_side * point[0], point[1], point[2]


def _skull() -> Shape:
    return ellipsoid((0.0, 0.014, 1.66), (0.074, 0.094, 0.088))


def _head() -> Shape:
    bones = [_skull(), ellipsoid((0.0, -0.032, 1.605), (0.058, 0.06, 0.083))]
    bones.append(capsule((0.0, 0.03, 1.42), (0.0, 0.014, 1.57), 0.057, 0.051))  # neck
    for side in (-1.0, 1.0):
        bones.append(capsule(_both(side, (0.05, 0.008, 1.58)), (0.0, -0.066, 1.543), 0.019, 0.021))  # jaw
        bones.append(ellipsoid(_both(side, (0.038, -0.062, 1.607)), (0.022, 0.02, 0.019)))  # cheekbone
        bones.append(ellipsoid(_both(side, (0.036, -0.052, 1.572)), (0.022, 0.024, 0.024)))  # cheek
    bones.append(ellipsoid((0.0, -0.078, 1.538), (0.021, 0.016, 0.015)))  # chin
    sockets = union([ellipsoid((side * 0.031, -0.1, 1.638), (0.021, 0.02, 0.0125)) for side in (-1.0, 1.0)])
    face = carved(union([*bones, *_brow_bones()], 0.034), sockets, 0.02)
    return union([face, *_features()], 0.012)


def _brow_bones() -> list[Shape]:
    ends = ((0.008, -0.084, 1.659), (0.044, -0.068, 1.661))
    return [capsule(_both(side, ends[0]), _both(side, ends[1]), 0.008, 0.006) for side in (-1.0, 1.0)]


def _features() -> list[Shape]:
    out = [capsule((0.0, -0.089, 1.648), (0.0, -0.112, 1.605), 0.0065, 0.0105)]  # nose
    out.append(ellipsoid((0.0, -0.093, 1.5715), (0.021, 0.0095, 0.005)))
    out.append(ellipsoid((0.0, -0.091, 1.562), (0.018, 0.0095, 0.0055)))
    for side in (-1.0, 1.0):
        out.append(ellipsoid(_both(side, (0.031, -0.0745, 1.636)), (0.015, 0.0125, 0.011)))  # eyelids
        out.append(ellipsoid(_both(side, (0.0105, -0.099, 1.602)), (0.0085, 0.011, 0.0075)))  # nostril
        out.append(ellipsoid(_both(side, (0.075, 0.016, 1.626)), (0.008, 0.018, 0.031)))  # ear
    return out


def _eyes() -> Shape:
    return union([ellipsoid((side * 0.031, -0.087, 1.6355), (0.0128, 0.012, 0.0048)) for side in (-1.0, 1.0)])


def _brows() -> Shape:
    arcs: list[Shape] = []
    for side in (-1.0, 1.0):
        peak = _both(side, (0.036, -0.086, 1.6635))
        arcs.append(capsule(_both(side, (0.015, -0.094, 1.6585)), peak, 0.0042, 0.0036))
        arcs.append(capsule(peak, _both(side, (0.049, -0.074, 1.6595)), 0.0036, 0.002))
    return squashed(union(arcs), (0.0, -0.09, 1.66), (1.0, 4.0, 1.0))


def _lips() -> Shape:
    return union(
        [ellipsoid((0.0, -0.1, 1.571), (0.021, 0.012, 0.0045)), ellipsoid((0.0, -0.098, 1.5625), (0.017, 0.012, 0.005))]
    )


def _hair() -> Shape:
    skull = union([_skull(), ellipsoid((0.0, 0.0, 1.69), (0.069, 0.088, 0.066))], 0.02)
    line = np.array([0.0, 0.57, 0.82])  # the hairline: a plane that rises from the nape to the forehead

    def distance(p: Array) -> Array:
        forehead = np.clip(-p[:, 1] / 0.05, 0.0, 1.0)
        temples = 0.014 * np.clip((np.abs(p[:, 0]) - 0.03) / 0.03, 0.0, 1.0) * forehead
        parting = 0.006 * np.clip(p[:, 0] / 0.04, -1.0, 1.0) * forehead
        return skull(p) - np.clip((p @ line - 1.363 - temples - parting) * 0.24, -0.006, 0.0095)

    return distance


def _hand(side: float, wrist_y_m: float) -> Shape:
    wrist = (side * WRIST_M, wrist_y_m, 0.875)
    knuckles, tips = (side * WRIST_M, wrist_y_m - 0.03, 0.778), (side * (WRIST_M - 0.012), wrist_y_m - 0.04, 0.71)
    thumb_ends = (side * (WRIST_M - 0.008), wrist_y_m - 0.04, 0.82), (side * (WRIST_M - 0.02), wrist_y_m - 0.075, 0.765)
    thumb = capsule(*thumb_ends, 0.014, 0.012)
    palm = union([capsule(wrist, knuckles, 0.032, 0.036), capsule(knuckles, tips, 0.03, 0.022)], 0.02)
    return union([squashed(palm, wrist, (0.7, 1.15, 1.0)), thumb], 0.015)


def _collar() -> Shape:
    """Of the jumper under the coat."""
    return capsule((0.0, 0.024, 1.4), (0.0, 0.016, 1.487), 0.078, 0.0635)


def _opening() -> Shape:
    """Where the coat stands open over the jumper: a narrow V on the chest."""

    def distance(p: Array) -> Array:
        wedge = np.abs(p[:, 0]) - 0.26 * (p[:, 2] - 1.2)
        return np.maximum(np.maximum(wedge, p[:, 1] + 0.0), p[:, 2] - 1.52)

    return distance


def _coat() -> Shape:
    torso = union(
        [
            ellipsoid((0.0, 0.008, 1.27), (0.166, 0.118, 0.2)),
            ellipsoid((0.0, 0.004, 1.06), (0.146, 0.112, 0.22)),
            capsule((0.0, 0.012, 0.98), (0.0, 0.015, 0.62), 0.128, 0.152),
            capsule((-0.132, 0.02, 1.405), (0.132, 0.02, 1.405), 0.056),
            capsule((0.0, 0.034, 1.46), (0.0, 0.03, 1.39), 0.06, 0.095),
        ],
        0.09,
    )
    skirt = squashed(capsule((0.0, 0.012, 0.95), (0.0, 0.015, 0.6), 0.13, 0.15), (0.0, 0.0, 0.0), (1.22, 0.98, 1.0))
    whole = union([torso, skirt, _sleeve(1.0, -0.05), _sleeve(-1.0, -0.02)], 0.04)
    return above(union([carved(whole, _neckline(), 0.02), *_lapels()], 0.012), 0.56)


def _neckline() -> Shape:
    """What the V leaves out of the coat: a centimetre, so that its edges are edges."""

    def distance(p: Array) -> Array:
        wedge = np.abs(p[:, 0]) - 0.26 * (p[:, 2] - 1.2)
        chest = ellipsoid((0.0, 0.008, 1.3), (0.16, 0.108, 0.24))
        return np.maximum(np.maximum(wedge, -chest(p)), np.maximum(p[:, 1], p[:, 2] - 1.5))

    return distance


def _lapels() -> list[Shape]:
    """Two rolls of cloth beside the V, and the collar that they become behind the neck."""
    out: list[Shape] = []
    for side in (-1.0, 1.0):
        out.append(capsule(_both(side, (0.012, -0.112, 1.21)), _both(side, (0.062, -0.088, 1.37)), 0.011, 0.019))
        out.append(capsule(_both(side, (0.062, -0.088, 1.37)), _both(side, (0.078, -0.005, 1.475)), 0.019, 0.017))
        out.append(capsule(_both(side, (0.078, -0.005, 1.475)), (0.0, 0.085, 1.5), 0.017, 0.017))
    return out


def _sleeve(side: float, wrist_y_m: float) -> Shape:
    elbow = (side * 0.226, 0.04, 1.12)
    upper = capsule((side * 0.17, 0.015, 1.39), elbow, 0.062, 0.052)
    lower = capsule(elbow, (side * WRIST_M, wrist_y_m, 0.87), 0.052, 0.046)
    return above(union([upper, lower], 0.03), 0.85)


def _trousers() -> Shape:
    legs = []
    for hip, knee, ankle in (
        ((-0.072, 0.008, 0.88), (-0.1, -0.012, 0.5), (-0.105, 0.022, 0.075)),
        ((0.072, 0.008, 0.88), (0.128, -0.04, 0.5), (0.155, -0.01, 0.075)),
    ):
        legs.append(union([capsule(hip, knee, 0.082, 0.067), capsule(knee, ankle, 0.069, 0.057)], 0.03))
    seat = ellipsoid((0.0, 0.012, 0.89), (0.14, 0.1, 0.11))
    return above(union([seat, *legs], 0.05), 0.045)


def _shoes() -> Shape:
    shoes = []
    for heel, toe in (((-0.105, 0.05, 0.04), (-0.125, -0.14, 0.03)), ((0.155, 0.015, 0.04), (0.215, -0.165, 0.03))):
        shoes.append(capsule(heel, toe, 0.044, 0.04))
        shoes.append(capsule(heel, (heel[0], heel[1] - 0.03, 0.085), 0.044, 0.04))
    return above(union(shoes, 0.03), 0.0)
