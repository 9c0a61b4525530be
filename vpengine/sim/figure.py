"""The stand-in for an actor, and the grey and chrome ball beside it: what a simulated stage is lit on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from vpengine.sim.figure_shape import (
    Array,
    Point,
    Shape,
    TriangleMesh,
    above,
    below,
    capsule,
    ellipsoid,
    globe,
    mesh_of,
    net,
    placed,
    sphere,
    squashed,
    tube,
    turned,
    union,
)
from vpengine.sim.light_transport import Patches, joined

BALL_RADIUS_M = 0.1
BALL_HEIGHT_M = 1.36
BALL_APART_M = 0.27
GREY = 0.18
WRIST_M = 0.228
MATERIAL_EDGE_M = 0.004

# Scene-linear ACEScg reflectances.
SKIN = (0.42, 0.3, 0.225)
HAIR = (0.035, 0.026, 0.021)
COAT = (0.3, 0.3, 0.302)
SHIRT = (0.11, 0.11, 0.112)
TROUSERS = (0.12, 0.122, 0.128)
SHOES = (0.03, 0.028, 0.027)
METAL = (0.045, 0.045, 0.047)
CARD = 0.82  # white foam board

CARD_SIZE_M = (1.2, 1.8)
CARD_BOTTOM_M = 0.4
CARD_NET = (7, 11)  # vertices across and up


Part = tuple[tuple[float, float, float], Shape]


@dataclass(frozen=True)
class StandIn:
    """Where the figure and the stand with the balls are on the floor, in stage metres.

    turn_deg: 0 faces the stage's -Y, where the camera stands; positive turns it anticlockwise seen from above.
    cards_m: where white cards stand, beside the camera, that throw the walls' light back on the actor, as a crew's do.
    """

    figure_m: tuple[float, float] | None = (0.52, 2.2)
    turn_deg: float = -62.0
    balls_m: tuple[float, float] | None = (-0.5, 2.3)
    cards_m: tuple[tuple[float, float], ...] = ((-2.1, 0.9), (1.95, 0.6))

    @property
    def middle_m(self) -> Array:
        """Between the figure and the balls, at chest height."""
        positions = [at for at in (self.figure_m, self.balls_m) if at is not None]
        return np.array([*np.mean(positions, axis=0), 1.3])

    @property
    def grey_centre_m(self) -> Array:
        return self._ball(-0.5)

    @property
    def chrome_centre_m(self) -> Array:
        return self._ball(0.5)

    @property
    def probe_centre_m(self) -> Array:
        """Where reflections are right: the chrome ball's middle, without one before the chest."""
        return self.middle_m if self.balls_m is None else self.chrome_centre_m

    def _ball(self, side: float) -> Array:
        assert self.balls_m is not None
        return np.array([self.balls_m[0] + side * BALL_APART_M, self.balls_m[1], BALL_HEIGHT_M])


@dataclass(frozen=True, eq=False)
class Actors:
    """All that stands on the stage: matte meshes with a reflectance a vertex, the chrome ball, and their shape.

    bounds_m: the lowest and highest corner of a box around figure and balls. cards: the white cards as patches.
    """

    matte: TriangleMesh
    albedo: NDArray[np.float32]
    chrome: TriangleMesh | None
    shape: Shape
    bounds_m: tuple[Array, Array]
    cards: Patches | None


def body_parts() -> dict[str, list[Part]]:
    """What is meshed together: (reflectance, shape) of the figure, standing at the origin and facing -Y.

    1.75 m tall, its weight on its right leg.
    """
    return {
        "head": [(SKIN, union(_head(), 0.03)), (HAIR, _hair())],
        "left hand": [(SKIN, _hand(1.0, -0.05))],
        "right hand": [(SKIN, _hand(-1.0, -0.02))],
        "clothes": [(SHIRT, _shirt()), (COAT, _coat()), (TROUSERS, _trousers()), (SHOES, _shoes())],
    }


# Lowest and highest corners around each of them, and the size of its mesh's cells.
_BOXES: dict[str, tuple[Point, Point, float]] = {
    "head": ((-0.11, -0.13, 1.4), (0.11, 0.14, 1.79), 0.0095),
    "left hand": ((0.17, -0.15, 0.66), (0.29, 0.03, 0.92), 0.009),
    "right hand": ((-0.29, -0.12, 0.66), (-0.17, 0.06, 0.92), 0.009),
    "clothes": ((-0.33, -0.25, -0.06), (0.33, 0.2, 1.56), 0.018),
}


def _skull() -> Shape:
    return ellipsoid((0.0, 0.005, 1.645), (0.074, 0.093, 0.1))


def _head() -> list[Shape]:
    return [
        _skull(),
        ellipsoid((0.0, -0.022, 1.59), (0.055, 0.065, 0.078)),  # jaw
        capsule((0.0, -0.086, 1.635), (0.0, -0.1, 1.605), 0.008, 0.013),  # nose
        ellipsoid((0.076, 0.01, 1.622), (0.011, 0.02, 0.032)),
        ellipsoid((-0.076, 0.01, 1.622), (0.011, 0.02, 0.032)),
        capsule((0.0, 0.022, 1.42), (0.0, 0.008, 1.58), 0.056, 0.052),  # neck
    ]


def _hair() -> Shape:
    skull = _skull()
    line = np.array([0.0, 0.72, 0.69])  # the hairline: a plane that rises towards the forehead
    return lambda p: skull(p) - np.clip((p @ line - 1.127) * 0.35, -0.006, 0.012)


def _hand(side: float, wrist_y_m: float) -> Shape:
    wrist = (side * WRIST_M, wrist_y_m, 0.875)
    knuckles, tips = (side * WRIST_M, wrist_y_m - 0.03, 0.778), (side * (WRIST_M - 0.012), wrist_y_m - 0.04, 0.71)
    thumb_ends = (side * (WRIST_M - 0.008), wrist_y_m - 0.04, 0.82), (side * (WRIST_M - 0.02), wrist_y_m - 0.075, 0.765)
    thumb = capsule(*thumb_ends, 0.014, 0.012)
    return union(
        [
            squashed(
                union([capsule(wrist, knuckles, 0.032, 0.036), capsule(knuckles, tips, 0.03, 0.022)], 0.02),
                wrist,
                (0.7, 1.15, 1.0),
            ),
            thumb,
        ],
        0.015,
    )


def _shirt() -> Shape:
    return below(capsule((0.0, 0.02, 1.42), (0.0, 0.008, 1.485), 0.07, 0.059), 1.492)


def _coat() -> Shape:
    torso = union(
        [
            ellipsoid((0.0, 0.005, 1.27), (0.158, 0.112, 0.19)),
            ellipsoid((0.0, 0.0, 1.06), (0.134, 0.1, 0.2)),
            ellipsoid((0.0, 0.01, 0.92), (0.17, 0.126, 0.18)),
            capsule((-0.118, 0.02, 1.4), (0.118, 0.02, 1.4), 0.055),
            capsule((0.0, 0.032, 1.455), (0.0, 0.03, 1.39), 0.056, 0.095),
        ],
        0.09,
    )
    return above(union([torso, _sleeve(1.0, -0.05), _sleeve(-1.0, -0.02)], 0.04), 0.8)


def _sleeve(side: float, wrist_y_m: float) -> Shape:
    elbow = (side * 0.222, 0.04, 1.12)
    upper = capsule((side * 0.162, 0.015, 1.39), elbow, 0.06, 0.047)
    lower = capsule(elbow, (side * WRIST_M, wrist_y_m, 0.87), 0.047, 0.038)
    return union([upper, lower], 0.03)


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


def stand_tubes(centre_m: tuple[float, float]) -> list[tuple[Point, Point, float]]:
    """(start, end, radius) of a light stand: three legs, a pole, and a bar under the two balls."""
    x, y = centre_m
    bar_m = BALL_HEIGHT_M - BALL_RADIUS_M - 0.06
    half_m = BALL_APART_M / 2.0
    tubes: list[tuple[Point, Point, float]] = [
        ((x, y, 0.14), (x, y, bar_m), 0.013),
        ((x - half_m, y, bar_m), (x + half_m, y, bar_m), 0.009),
        *(((x + s * half_m, y, bar_m), (x + s * half_m, y, BALL_HEIGHT_M), 0.008) for s in (-1.0, 1.0)),
    ]
    for angle in np.radians((90.0, 210.0, 330.0)):
        foot = (x + 0.34 * float(np.cos(angle)), y + 0.34 * float(np.sin(angle)), 0.012)
        tubes.append(((x, y, 0.34), foot, 0.011))
    return tubes


@lru_cache(maxsize=4)
def build_actors(stand_in: StandIn) -> Actors:
    """The meshes of a stand-in in stage space; about a second on one core, and kept."""
    meshes: list[tuple[TriangleMesh, NDArray[np.float32]]] = []
    shapes: list[Shape] = []
    chrome = None
    if stand_in.figure_m is not None:
        position = (*stand_in.figure_m, 0.0)
        meshes += [_meshed(parts, _BOXES[name], stand_in.turn_deg, position) for name, parts in body_parts().items()]
        body = union([part for parts in body_parts().values() for _, part in parts])
        shapes.append(placed(body, stand_in.turn_deg, position))
    if stand_in.balls_m is not None:
        tubes = stand_tubes(stand_in.balls_m)
        grey, chrome = (globe(centre, BALL_RADIUS_M) for centre in (stand_in.grey_centre_m, stand_in.chrome_centre_m))
        meshes += [(mesh, _albedo(mesh, METAL)) for mesh in (tube(*ends) for ends in tubes)]
        meshes.append((grey, _albedo(grey, (GREY, GREY, GREY))))
        centres = [_point(stand_in.grey_centre_m), _point(stand_in.chrome_centre_m)]
        shapes += [*(capsule(*ends) for ends in tubes), *(sphere(centre, BALL_RADIUS_M) for centre in centres)]
    if not meshes:
        raise ValueError("a stand-in with neither figure nor balls")
    everything = np.concatenate([mesh.positions_m for mesh, _ in meshes] + ([chrome.positions_m] if chrome else []))
    bounds_m = everything.min(axis=0) - 0.05, everything.max(axis=0) + 0.05
    boards = [card(position, stand_in.middle_m) for position in stand_in.cards_m]
    meshes += [(board, _albedo(board, (CARD, CARD, CARD))) for board, _ in boards]
    cards = joined([patches for _, patches in boards]) if boards else None
    return Actors(*_joined(meshes), chrome, union(shapes), bounds_m, cards)


def card(position_m: tuple[float, float], target_m: Array) -> tuple[TriangleMesh, Patches]:
    """An upright white card that faces ``target_m``, and its patches, two by three."""
    towards = np.array([target_m[0] - position_m[0], target_m[1] - position_m[1], 0.0])
    towards /= np.linalg.norm(towards)
    across = np.cross([0.0, 0.0, 1.0], towards)  # to the right as the target sees it, so that _net faces the target
    corner = np.array([*position_m, CARD_BOTTOM_M]) - across * CARD_SIZE_M[0] / 2.0

    def at(u: Array, v: Array) -> Array:
        out: Array = corner + u[..., None] * across * CARD_SIZE_M[0] + v[..., None] * [0.0, 0.0, CARD_SIZE_M[1]]
        return out.reshape(-1, 3)

    positions_m = at(*np.meshgrid(np.linspace(0.0, 1.0, CARD_NET[0]), np.linspace(0.0, 1.0, CARD_NET[1])))
    centres_m = at(*np.meshgrid((np.arange(2) + 0.5) / 2.0, (np.arange(3) + 0.5) / 3.0))
    area_m2 = CARD_SIZE_M[0] * CARD_SIZE_M[1] / len(centres_m)
    patches = Patches(centres_m, np.broadcast_to(towards, centres_m.shape), np.full(len(centres_m), area_m2))
    return TriangleMesh(positions_m, np.broadcast_to(towards, positions_m.shape), net(*CARD_NET[::-1])), patches


def _meshed(
    parts: list[Part], box: tuple[Point, Point, float], turn_deg: float, position_m: Point
) -> tuple[TriangleMesh, NDArray[np.float32]]:
    """Parts of the figure as one surface with their reflectances, turned and put in their place."""
    mesh = mesh_of(union([part for _, part in parts]), np.array(box[0]), np.array(box[1]), box[2])
    distances_m = np.array([part(mesh.positions_m) for _, part in parts])
    share = np.exp(-np.maximum(distances_m, 0.0) / MATERIAL_EDGE_M)  # soft edges: vertices are coarser than hairlines
    albedo = (share / share.sum(axis=0)).T @ np.array([color for color, _ in parts])
    turn = turned(turn_deg)
    placed_mesh = TriangleMesh(mesh.positions_m @ turn.T + np.array(position_m), mesh.normals @ turn.T, mesh.triangles)
    return placed_mesh, albedo.astype(np.float32)


def _albedo(mesh: TriangleMesh, color: tuple[float, float, float]) -> NDArray[np.float32]:
    return np.broadcast_to(np.array(color, np.float32), mesh.positions_m.shape).copy()


def _joined(meshes: list[tuple[TriangleMesh, NDArray[np.float32]]]) -> tuple[TriangleMesh, NDArray[np.float32]]:
    offsets = np.cumsum([0] + [len(mesh.positions_m) for mesh, _ in meshes])
    return TriangleMesh(
        np.concatenate([mesh.positions_m for mesh, _ in meshes]),
        np.concatenate([mesh.normals for mesh, _ in meshes]),
        np.concatenate([mesh.triangles + np.uint32(o) for (mesh, _), o in zip(meshes, offsets, strict=False)]),
    ), np.concatenate([albedo for _, albedo in meshes])


def _point(value: Array) -> tuple[float, float, float]:
    return float(value[0]), float(value[1]), float(value[2])
