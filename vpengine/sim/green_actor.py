"""The actor on a simulated green-screen stage: lit and spilled upon once, then moved a little; and the loose hair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vpengine.sim.figure import Actors, build_actors
from vpengine.sim.figure_body import HAIR
from vpengine.sim.figure_shape import Array, turned
from vpengine.sim.green_set import Lighting
from vpengine.sim.light_transport import OFF_SURFACE_M, Occluder, Shadows, form_factors, occluder_of
from vpengine.sim.stand_in import StandIn

AROUND = 32  # directions that light from everywhere is gathered from
ABOVE, LEVEL, BELOW = 0.10, 0.055, 0.045  # light of the studio from there, over pi

LOOSE, FRINGE = 420, 1100  # strands that stand off, and short ones that soften the outline
JOINTS = 9  # of a strand
THICK_M = (0.0005, 0.0013)  # a hair is a tenth of that: strands are several that stick together
LIGHTER = 1.5  # than a head of hair, which darkens itself

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Lit:
    """Vertices of the actor. light: (n, 4) over pi, alpha how much of the key. spill: (n, 3) of the screen, over pi."""

    positions_m: Array
    normals: Array
    albedo: Floats
    light: Floats
    spill: Floats
    triangles: NDArray[np.uint32]


@dataclass(frozen=True, eq=False)
class Strands:
    """Ribbons that turn to the eye. side_m: (n, 1) how far a vertex lies beside the strand's line, with its sign."""

    lit: Lit
    side_m: Floats


@dataclass(frozen=True)
class Posture:
    """How the actor stands at a time, beside how it was made. lean_m: of the head, right and forward."""

    lean_m: tuple[float, float]
    turn_rad: float
    head_turn_rad: float
    nod_rad: float
    breath: float


def posture(time_s: float, seed: int) -> Posture:
    """Weight from leg to leg, a look about, and breath."""
    phase = np.random.default_rng((seed, 12)).uniform(0.0, 2.0 * np.pi, 9)

    def wave(number: int, period_s: float) -> float:
        return float(np.sin(2.0 * np.pi * time_s / period_s + phase[number]))

    lean_m = 0.022 * wave(0, 4.1) + 0.008 * wave(1, 1.7), 0.010 * wave(2, 3.3)
    turn_rad = np.radians(3.0 * wave(3, 5.3) + 1.0 * wave(4, 2.2))
    head_rad = np.radians(8.0 * wave(5, 3.7) + 2.5 * wave(6, 1.3))
    return Posture(lean_m, float(turn_rad), float(head_rad), float(np.radians(2.5 * wave(7, 2.9))), wave(8, 3.9))


def alone(stand_in: StandIn) -> StandIn:
    """The figure without balls, flags and cards: what an actor on a green-screen stage brings along."""
    return replace(stand_in, balls=(), flags=(), cards_m=())


def shadows_of(stand_in: StandIn) -> tuple[Actors, Occluder]:
    actors = build_actors(alone(stand_in))
    return actors, occluder_of(actors.shape, actors.bounds_m)


def lit_figure(actors: Actors, occluder: Occluder, lighting: Lighting) -> Lit:
    """As it stands at rest: what moves a few centimetres in soft light keeps it. About two seconds on one core."""
    points_m, normals = actors.matte.positions_m, np.asarray(actors.matte.normals)
    key, fill = lighting.lamps(points_m, normals)
    light = key + fill + _around(points_m, normals, occluder)
    brightest = max(float(key.max()), 1e-6)
    spill = form_factors(points_m, normals, lighting.patches, Shadows(occluder)) @ lighting.patch_radiance
    whole = np.concatenate([light, key.max(axis=1, keepdims=True) / brightest], axis=1).astype(np.float32)
    return Lit(points_m, normals, actors.albedo, whole, spill.astype(np.float32), actors.matte.triangles)


def _around(points_m: Array, normals: Array, occluder: Occluder) -> Floats:
    """(n, 3) light of the dim studio, over pi, where the figure does not keep it from itself."""
    spread = np.full(len(points_m), 0.35, np.float32)
    total, weights = np.zeros((len(points_m), 1), np.float32), 0.0
    for direction in _sphere(AROUND):
        cosine = np.maximum(normals @ direction, 0.0)
        seen = np.nonzero(cosine > 0.0)[0]
        origins = points_m[seen] + OFF_SURFACE_M * normals[seen]
        free = occluder.visibility(origins, np.broadcast_to(direction, origins.shape), spread[seen])
        total[seen, 0] += (cosine[seen] * free * _studio(direction)).astype(np.float32)
        weights += 0.25  # the mean of max(cosine, 0) over a sphere
    return np.asarray(total / np.float32(weights) * np.array([0.96, 0.99, 1.06], np.float32))


def _studio(direction: Array) -> float:
    up = float(direction[2])
    return LEVEL + (ABOVE - LEVEL) * max(up, 0.0) + (BELOW - LEVEL) * max(-up, 0.0)


def _sphere(count: int) -> Array:
    """Unit directions (n, 3), evenly: R. Swinbank and R. J. Purser, Fibonacci grids (2006)."""
    index = np.arange(count) + 0.5
    z = 1.0 - 2.0 * index / count
    around = np.pi * (1.0 + np.sqrt(5.0)) * index
    ring = np.sqrt(1.0 - z * z)
    return np.stack([ring * np.cos(around), ring * np.sin(around), z], axis=-1)


def loose_hair(figure: Lit, stand_in: StandIn, seed: int) -> Strands:
    """Strands that grow out of the head's hair, lit as it is where they do."""
    chance = np.random.default_rng((seed, 13))
    roots = _roots(figure, stand_in, chance)
    loose = np.arange(len(roots)) < LOOSE
    length_m = np.where(loose, chance.gamma(3.0, 0.012, len(roots)), chance.uniform(0.006, 0.018, len(roots)))
    lines_m = _grown(figure.positions_m[roots], figure.normals[roots], np.minimum(length_m, 0.11), stand_in, chance)
    half_m = 0.5 * chance.uniform(*THICK_M, len(roots))
    return _ribbons(lines_m, half_m, figure, roots, chance)


def _roots(figure: Lit, stand_in: StandIn, chance: np.random.Generator) -> NDArray[np.intp]:
    """Vertices of hair, so many as there are strands; eyes and brows are as dark."""
    assert stand_in.figure_m is not None
    is_hair = np.abs(figure.albedo - np.array(HAIR, np.float32)).max(axis=1) < 0.012
    own_m = (figure.positions_m - (*stand_in.figure_m, 0.0)) @ turned(stand_in.turn_deg)
    is_face = (own_m[:, 1] < -0.03) & (own_m[:, 2] < 1.685)
    found = np.nonzero(is_hair & ~is_face & (own_m[:, 2] > 1.6))[0]
    return chance.choice(found, LOOSE + FRINGE)


def _grown(roots_m: Array, normals: Array, length_m: Array, stand_in: StandIn, chance: np.random.Generator) -> Array:
    """(strands, JOINTS, 3): off the head, back over it, and down by their weight, each a little its own way."""
    back = turned(stand_in.turn_deg) @ np.array([0.0, 1.0, 0.0])
    own = chance.normal(0.0, 0.35, roots_m.shape)
    curl = chance.normal(0.0, 0.9, roots_m.shape)
    combed = back - normals * (normals @ back)[:, None] + (0.0, 0.0, -0.35)
    direction = (0.25 + 0.5 * chance.random((len(roots_m), 1))) * normals + 0.9 * combed + own
    points = [roots_m - 0.002 * normals]
    for joint in range(1, JOINTS):
        along = joint / (JOINTS - 1.0)
        bent = direction + along * curl + np.array([0.0, 0.0, -1.1]) * along * (length_m[:, None] / 0.05)
        bent /= np.linalg.norm(bent, axis=1, keepdims=True)
        points.append(points[-1] + bent * length_m[:, None] / (JOINTS - 1))
    return np.stack(points, axis=1)


def _ribbons(
    lines_m: Array, half_m: Array, figure: Lit, roots: NDArray[np.intp], chance: np.random.Generator
) -> Strands:
    """Two vertices a joint, one on each side; they taper to their tips."""
    strands, joints = lines_m.shape[:2]
    tangents = np.gradient(lines_m, axis=1)
    tangents /= np.maximum(np.linalg.norm(tangents, axis=2, keepdims=True), 1e-9)
    taper = 1.0 - 0.75 * np.linspace(0.0, 1.0, joints) ** 2
    side_m = half_m[:, None, None] * taper[None, :, None] * np.array([-1.0, 1.0])
    per_vertex = np.repeat(roots, 2 * joints)
    tone = np.repeat(chance.uniform(0.7, 1.35, strands), 2 * joints)[:, None]
    index = np.arange(strands)[:, None, None] * 2 * joints + 2 * np.arange(joints - 1)[None, :, None]
    triangles = np.concatenate([index + np.array(part) for part in ([0, 1, 2], [2, 1, 3])], axis=2)
    lit = Lit(
        np.repeat(lines_m, 2, axis=1).reshape(-1, 3),
        np.repeat(tangents, 2, axis=1).reshape(-1, 3),
        (LIGHTER * np.array(HAIR) * tone).astype(np.float32),
        figure.light[per_vertex],
        figure.spill[per_vertex],
        triangles.reshape(-1, 3).astype(np.uint32),
    )
    return Strands(lit, side_m.reshape(-1, 1).astype(np.float32))


def attributes(lit: Lit, side_m: Floats | None = None) -> dict[str, Floats]:
    """As a mesh has them."""
    out: dict[str, Floats] = {
        "position_m": lit.positions_m.astype(np.float32),
        "normal": np.asarray(lit.normals, np.float32),
        "albedo": lit.albedo,
        "light": lit.light,
        "spill": lit.spill,
    }
    return out if side_m is None else {**out, "side_m": side_m}


def screen_behind(lighting: Lighting) -> tuple[Array, Array]:
    """The unit direction (3,) from the mark to most of the screen, and its mean light (3,)."""
    centre_m = np.array([*lighting.mark_m, 1.2])
    away = lighting.patches.centres_m - centre_m
    weight = lighting.patches.areas_m2 / np.maximum((away**2).sum(axis=1), 1.0)
    towards = (away * weight[:, None]).sum(axis=0)
    mean: Array = (lighting.patch_radiance * weight[:, None]).sum(axis=0) / weight.sum()
    return towards / max(float(np.linalg.norm(towards)), 1e-9), mean


def uniforms(pose: Posture, stand_in: StandIn) -> dict[str, Sequence[float] | float]:
    assert stand_in.figure_m is not None
    return {
        "pivot_m": (*stand_in.figure_m, 0.0),
        "lean_m": pose.lean_m,
        "turn_rad": pose.turn_rad,
        "head_turn_rad": pose.head_turn_rad,
        "nod_rad": pose.nod_rad,
        "breath": pose.breath,
    }
