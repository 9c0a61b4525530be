"""The stand-in for an actor, and the grey and chrome ball beside it: what a simulated stage is lit on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from vpengine.sim.figure_body import Box, Piece, body
from vpengine.sim.figure_shape import (
    Array,
    Point,
    Shape,
    TriangleMesh,
    capsule,
    globe,
    mesh_of,
    net,
    placed,
    sphere,
    tube,
    turned,
    union,
)
from vpengine.sim.light_transport import Patches, joined

BALL_RADIUS_M = 0.1
BALL_HEIGHT_M = 1.36
BALL_APART_M = 0.27
GREY = 0.18

# Scene-linear ACEScg reflectances.
METAL = (0.045, 0.045, 0.047)
CARD = 0.82  # white foam board

CARD_SIZE_M = (1.2, 1.8)
CARD_BOTTOM_M = 0.4
CARD_NET = (7, 11)  # vertices across and up


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
    def mark_m(self) -> tuple[float, float]:
        """The actor's mark, which lamps stand around; without an actor the balls'."""
        return self.figure_m or self.balls_m or (0.0, 2.0)

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
        meshes += [_meshed(piece, stand_in.turn_deg, position) for piece in body()]
        whole = union([shape for piece in body() for _, shape in piece.parts])
        shapes.append(placed(whole, stand_in.turn_deg, position))
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


def _meshed(piece: Piece, turn_deg: float, position_m: Point) -> tuple[TriangleMesh, NDArray[np.float32]]:
    """A piece of the figure as one surface with its reflectances, turned and put in its place."""
    shape = union([part for _, part in piece.parts])
    mesh = _mesh_in(shape, piece.box)
    if piece.fine is not None:
        mesh = _both(_without(mesh, piece.fine, piece.box[2]), _mesh_in(shape, piece.fine))
    turn = turned(turn_deg)
    placed_mesh = TriangleMesh(mesh.positions_m @ turn.T + np.array(position_m), mesh.normals @ turn.T, mesh.triangles)
    return placed_mesh, _painted(piece, mesh.positions_m)


def _painted(piece: Piece, points_m: Array) -> NDArray[np.float32]:
    """(n, 3) reflectances. Soft edges: vertices are coarser than hairlines."""
    distances_m = np.array([part(points_m) for _, part in piece.parts])
    share = np.exp(-np.maximum(distances_m, 0.0) / piece.edge_m)
    albedo: Array = (share / share.sum(axis=0)).T @ np.array([color for color, _ in piece.parts])
    for color, shape in piece.paint:
        cover = np.clip(0.5 - shape(points_m) / (2.0 * piece.edge_m), 0.0, 1.0)[:, None]
        albedo = albedo + cover * (np.array(color) - albedo)
    return albedo.astype(np.float32)


def _mesh_in(shape: Shape, box: Box) -> TriangleMesh:
    return mesh_of(shape, np.array(box[0]), np.array(box[1]), box[2])


def _without(mesh: TriangleMesh, box: Box, margin_m: float) -> TriangleMesh:
    """A mesh without what lies well inside a box, where a finer one takes its place."""
    low, high = np.array(box[0]) + 1.5 * margin_m, np.array(box[1]) - 1.5 * margin_m
    inside = ((mesh.positions_m > low) & (mesh.positions_m < high)).all(axis=1)
    return TriangleMesh(mesh.positions_m, mesh.normals, mesh.triangles[~inside[mesh.triangles].all(axis=1)])


def _both(one: TriangleMesh, other: TriangleMesh) -> TriangleMesh:
    return TriangleMesh(
        np.concatenate([one.positions_m, other.positions_m]),
        np.concatenate([one.normals, other.normals]),
        np.concatenate([one.triangles, other.triangles + np.uint32(len(one.positions_m))]),
    )


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
