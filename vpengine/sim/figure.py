"""What stands on a simulated stage as meshes: the figure, balls on stands, flags, cards."""

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
from vpengine.sim.stand_in import Ball, Flag, StandIn, stand_tubes

GREY = 0.18

# Scene-linear ACEScg reflectances.
METAL = (0.045, 0.045, 0.047)
CARD = 0.82  # white foam board
CLOTH = (0.018, 0.018, 0.018)  # a flag's duvetyne

CARD_SIZE_M = (1.2, 1.8)
CARD_BOTTOM_M = 0.4
CARD_NET = (7, 11)  # vertices across and up


Painted = tuple[TriangleMesh, NDArray[np.float32]]


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


@lru_cache(maxsize=4)
def build_actors(stand_in: StandIn) -> Actors:
    """The meshes of a stand-in in stage space; about a second on one core, and kept."""
    solid, shapes = _figure(stand_in) if stand_in.figure_m is not None else ([], [])
    solid += [_ball(ball) for ball in stand_in.balls if not ball.chrome]
    chrome = globe(np.array(stand_in.chrome.centre_m), stand_in.chrome.radius_m) if stand_in.chrome else None
    shapes += [sphere(ball.centre_m, ball.radius_m) for ball in stand_in.balls]
    tubes = stand_tubes(stand_in)
    shapes += [capsule(*ends) for ends in tubes]
    solid += [(mesh, _albedo(mesh, METAL)) for mesh in (tube(*ends) for ends in tubes)]
    if not solid and chrome is None:
        raise ValueError("a stand-in with neither figure, balls nor flags")
    everything = np.concatenate([mesh.positions_m for mesh, _ in solid] + ([chrome.positions_m] if chrome else []))
    bounds_m = everything.min(axis=0) - 0.05, everything.max(axis=0) + 0.05
    boards = [card(position, stand_in.middle_m) for position in stand_in.cards_m]
    cards = joined([patches for _, patches in boards]) if boards else None
    flat = [(board, _albedo(board, (CARD, CARD, CARD))) for board, _ in boards]
    flat += [(mesh, _albedo(mesh, CLOTH)) for mesh in map(_flag, stand_in.flags)]
    return Actors(*_joined([*solid, *flat]), chrome, union(shapes), bounds_m, cards)


def _figure(stand_in: StandIn) -> tuple[list[Painted], list[Shape]]:
    assert stand_in.figure_m is not None
    position_m, pieces = (*stand_in.figure_m, 0.0), body()
    whole = union([shape for piece in pieces for _, shape in piece.parts])
    meshes = [_meshed(piece, stand_in.turn_deg, position_m) for piece in pieces]
    return meshes, [placed(whole, stand_in.turn_deg, position_m)]


def _ball(ball: Ball) -> Painted:
    mesh = globe(np.array(ball.centre_m), ball.radius_m)
    return mesh, _albedo(mesh, (GREY, GREY, GREY))


def _flag(flag: Flag) -> TriangleMesh:
    """Its front; the shader darkens what is seen from behind."""
    u, v = np.meshgrid(np.linspace(-0.5, 0.5, 5), np.linspace(-0.5, 0.5, 7))
    offset_m = u[..., None] * flag.across * flag.size_m[0] + v[..., None] * np.array([0.0, 0.0, flag.size_m[1]])
    positions_m = np.array(flag.centre_m) + offset_m.reshape(-1, 3)
    return TriangleMesh(positions_m, np.broadcast_to(flag.facing, positions_m.shape), net(7, 5))


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


def _meshed(piece: Piece, turn_deg: float, position_m: Point) -> Painted:
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
    inside = np.all((mesh.positions_m > low) & (mesh.positions_m < high), axis=1)
    return TriangleMesh(mesh.positions_m, mesh.normals, mesh.triangles[~inside[mesh.triangles].all(axis=1)])


def _both(one: TriangleMesh, other: TriangleMesh) -> TriangleMesh:
    return TriangleMesh(
        np.concatenate([one.positions_m, other.positions_m]),
        np.concatenate([one.normals, other.normals]),
        np.concatenate([one.triangles, other.triangles + np.uint32(len(one.positions_m))]),
    )


def _albedo(mesh: TriangleMesh, color: tuple[float, float, float]) -> NDArray[np.float32]:
    return np.broadcast_to(np.array(color, np.float32), mesh.positions_m.shape).copy()


def _joined(meshes: list[Painted]) -> tuple[TriangleMesh, NDArray[np.float32]]:
    offsets = np.cumsum([0] + [len(mesh.positions_m) for mesh, _ in meshes])
    return TriangleMesh(
        np.concatenate([mesh.positions_m for mesh, _ in meshes]),
        np.concatenate([mesh.normals for mesh, _ in meshes]),
        np.concatenate([mesh.triangles + np.uint32(o) for (mesh, _), o in zip(meshes, offsets, strict=False)]),
    ), np.concatenate([albedo for _, albedo in meshes])
