"""Where things stand in the street: rows of buildings, roadway, pavements, cars, lamps, trees and wires.

Seen from above (metres): carriageway |x| < 5, pavements to |x| = 8.2, a cross street at y = 30 to 40, ends closed at
y = -48 and at ``length_m`` + 10 by buildings across T-junctions.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vpengine.plates.street.builder import FRONT, LEFT, RIGHT, TOP, Builder, Frame, Part, acescg
from vpengine.plates.street.facade import building, facade
from vpengine.plates.street.parts import disc
from vpengine.plates.street.props import bollard, car, lamp, litter_bin, traffic_sign, tree, utility_pole, wire
from vpengine.plates.street.style import Style, make_style

Array = NDArray[np.float64]

ROAD_M, FRONT_M, PAVED_M = 5.0, 8.2, 0.14
BEHIND_M = -40.0
CROSS_M = (30.0, 40.0)
CROSS_ROAD_M = (32.0, 38.0)
DEPTH_M = 12.0
_FINE_TO_M = 56.0  # of the road's net
_ASPHALT = acescg(0.36, 0.36, 0.37)
_PAVING = acescg(0.56, 0.54, 0.51)
_KERB = acescg(0.60, 0.59, 0.57)
_PAINT = acescg(0.80, 0.80, 0.77)
_CAST_IRON = acescg(0.25, 0.24, 0.23)


class ParkedCar(NamedTuple):
    x: float
    y: float
    heading_deg: float
    kind: int
    paint: int


def _detail(y: float) -> int:
    return 2 if -14.0 < y < 34.0 else 1 if y < 62.0 else 0


def add_buildings(builder: Builder, rng: np.random.Generator, length_m: float) -> None:
    near, far = CROSS_M
    z = PAVED_M
    _row(builder, rng, Frame(FRONT_M, near, z, 0.0, -1.0), near - BEHIND_M, (True, True))
    _row(builder, rng, Frame(-FRONT_M, BEHIND_M, z, 0.0, 1.0), near - BEHIND_M, (True, True))
    _row(builder, rng, Frame(FRONT_M, length_m, z, 0.0, -1.0), length_m - far, (True, True))
    _row(builder, rng, Frame(-FRONT_M, far, z, 0.0, 1.0), length_m - far, (True, True))
    inner, outer = FRONT_M + DEPTH_M, 46.0
    for side in (-1.0, 1.0):
        start = inner if side > 0 else -outer
        _row(builder, rng, Frame(start, far, z, 1.0, 0.0), outer - inner)
        _row(builder, rng, Frame(start + outer - inner, near, z, -1.0, 0.0), outer - inner)
        end_y = far + 2.0 if side > 0 else near - 2.0
        _row(builder, rng, Frame(side * outer, end_y, z, 0.0, -side), far - near + 4.0)
    _end(builder, rng, length_m, 1.0)
    _end(builder, rng, BEHIND_M, -1.0)


def _end(builder: Builder, rng: np.random.Generator, y: float, ahead: float) -> None:
    """A T-junction: a row across the view, and walls that close its arms."""
    half, gap = 26.0, 9.0
    across = y + ahead * gap
    _row(builder, rng, Frame(-ahead * half, across, PAVED_M, ahead, 0.0), 2.0 * half, tall=True)
    for side in (-1.0, 1.0):
        low, high = sorted((y - ahead * 1.0, across + ahead * 1.0))
        _row(builder, rng, Frame(side * half, high if side > 0 else low, PAVED_M, 0.0, -side), high - low)


def _row(
    builder: Builder,
    rng: np.random.Generator,
    frame: Frame,
    length_m: float,
    flanks: tuple[bool, bool] = (False, False),
    tall: bool = False,
) -> None:
    """Buildings wall to wall along a frame's u; ``flanks``: a dressed wall at its left, its right end."""
    count = max(1, round(length_m / rng.uniform(11.0, 14.5)))
    widths = rng.uniform(0.75, 1.25, count)
    edges = np.concatenate([[0.0], np.cumsum(widths / widths.sum() * length_m)])
    wall = -1
    for i, (u0, u1) in enumerate(pairwise(edges)):
        corner = frame.moved(float(u0), 0.0, 0.0)
        middle = frame.at(float(u0 + u1) / 2.0, 0.0, 0.0)
        aside = abs(middle[0]) > 12.0
        detail = 0 if aside else _detail(middle[1])
        if middle[1] > builder.painted_beyond_m or (aside and np.isfinite(builder.painted_beyond_m)):
            detail = -1
        style, wall = make_style(rng, float(u1 - u0), detail, wall)
        if tall:
            style = replace(style, storeys=5 + int(i == count // 2))
        seed = int(rng.integers(1 << 31))
        first, last = flanks[0] and i == 0, flanks[1] and i == count - 1
        blind = (0 if first else LEFT) | (0 if last else RIGHT)
        building(builder, corner, float(u1 - u0), DEPTH_M, style, seed, blind)
        if first:
            _flank(builder, Frame(*corner.at(0.0, 0.0, -DEPTH_M), frame.uy, -frame.ux), style, seed)
        if last:
            _flank(builder, frame.moved(length_m, 0.0, 0.0).turned(), style, seed + 1)


def _flank(builder: Builder, frame: Frame, style: Style, seed: int) -> None:
    flank = replace(style, bays=4, balconies=(), ground="house", detail=min(1, style.detail))
    facade(builder, frame, DEPTH_M, flank, np.random.default_rng(seed))


def add_furniture(builder: Builder, rng: np.random.Generator, length_m: float) -> tuple[Array, list[ParkedCar]]:
    """Everything on the pavements and along the kerbs; returns (lamps (K, 3), parked cars)."""
    lamps = []
    for k, y in enumerate(np.arange(BEHIND_M + 6.0, length_m - 4.0, 22.0)):
        for side in (-1.0, 1.0):
            at = y + 11.0 * (side > 0)
            if not _in_cross(at, 1.0):
                lamps.append(lamp(builder, side * 5.5, float(at), side, _detail(float(at))))
        if k % 2 == 0 and not _in_cross(y + 4.0, 1.0):
            bollard(builder, 5.5, float(y) + 4.0)
    _poles(builder, length_m)
    _trees(builder, rng, length_m)
    _wires_across(builder, rng, length_m)
    for x, y, kind in (
        (5.5, 17.5, 0),
        (-5.5, 27.5, 1),
        (5.5, 41.5, 1),
        (-5.5, 70.0, 0),
        (5.5, -12.0, 1),
        (5.5, 98.0, 0),
    ):
        traffic_sign(builder, x, y, kind)
    for x, y in ((5.7, 9.4), (-5.7, 19.0), (-5.7, 47.0), (5.7, -9.0), (5.7, 52.0)):
        litter_bin(builder, x, y)
    return np.array(lamps), _cars(builder, rng, length_m)


def _in_cross(y: float, margin_m: float) -> bool:
    return CROSS_M[0] - margin_m < y < CROSS_M[1] + margin_m


def _cars(builder: Builder, rng: np.random.Generator, length_m: float) -> list[ParkedCar]:
    cars = []
    for side in (-1.0, 1.0):
        y = BEHIND_M + 6.0
        while y < length_m - 8.0:
            y += float(rng.uniform(5.3, 6.4))
            # The stage itself, and the corners, stay clear.
            if rng.random() < 0.3 or _in_cross(y, 5.5) or -3.5 < y < 7.0:
                continue
            heading = (180.0 if side < 0 else 0.0) + float(rng.uniform(-1.0, 1.0))
            parked = ParkedCar(
                side * float(rng.uniform(3.9, 4.05)),
                y,
                heading,
                int(rng.choice([0, 0, 1, 1, 1, 2])),
                int(rng.integers(7)),
            )
            car(builder, *parked, 2 if abs(y) < 28.0 else 1 if abs(y) < 58.0 else 0)
            cars.append(parked)
    return cars


def _poles(builder: Builder, length_m: float) -> None:
    """Utility poles on the left pavement, with the wires that hang between them."""
    before: list[Array] | None = None
    for y in np.arange(BEHIND_M + 2.0, length_m - 6.0, 27.0):
        ends = utility_pole(builder, -5.75, float(y) + 0.5, 1.0)
        if before is not None:
            for a, b in zip(before, ends, strict=True):
                wire(builder, a, b, 0.45)
        before = ends


def _trees(builder: Builder, rng: np.random.Generator, length_m: float) -> None:
    for side, start in ((1.0, -31.0), (-1.0, 50.0)):
        for y in np.arange(start, min(length_m - 10.0, 110.0), 13.5):
            if not _in_cross(float(y), 3.0) and not (side > 0 and 0.0 < y < 11.0):
                detail = _detail(float(y))
                tree(builder, side * 6.1, float(y), int(rng.integers(1 << 31)), bool(rng.random() < 0.75), detail)


def _wires_across(builder: Builder, rng: np.random.Generator, length_m: float) -> None:
    """Catenary wires from facade to facade with a lamp-less span or two, as trams and festoons leave them."""
    for y in (13.0, 52.0, 82.0):
        if y < length_m:
            height = float(rng.uniform(8.0, 9.0))
            skew = float(rng.uniform(-1.5, 1.5))
            wire(builder, np.array([-FRONT_M, y - skew, height]), np.array([FRONT_M, y + skew, height + 0.3]), 0.5)


def add_ground(builder: Builder, length_m: float, cars: list[ParkedCar]) -> None:
    """Roadway, markings, kerbs, pavements, manhole covers; a wide plane lies below everything."""
    y0, y1 = BEHIND_M - 9.0, length_m + 9.0
    ground = Frame(0.0, 0.0, 0.0, 1.0, 0.0)
    builder.box(ground, (-60.0, -0.3, -y1 - 20.0), (60.0, -0.3, -y0 + 20.0), "asphalt", _ASPHALT, TOP, (0.7, 0.7))
    xs = np.array([-5.15, -4.9, -4.3, -3.2, -2.6, 0.0, 2.6, 3.2, 4.3, 4.9, 5.15])
    ys = _breaks(y0, y1, cars)
    _plane(builder, xs, ys[ys <= _FINE_TO_M], 0.0, "asphalt", _ASPHALT, cars)
    beyond = ys[ys >= ys[ys <= _FINE_TO_M].max()]
    _plane(builder, xs[[0, 3, 5, 7, 10]], beyond[[*range(0, len(beyond) - 1, 2), -1]], 0.0, "asphalt", _ASPHALT, [])
    for low, high in ((CROSS_ROAD_M[0] - 0.15, CROSS_ROAD_M[1] + 0.15), (y0, BEHIND_M - 1.5), (length_m + 1.5, y1)):
        ys = np.linspace(low, high, 3)
        for side in (-1.0, 1.0):
            arm = np.sort(side * np.linspace(5.15, 54.0, 7))
            _plane(builder, arm, ys, 0.0, "asphalt", _ASPHALT, [])
    _markings(builder, length_m)
    for low, high in ((BEHIND_M - 1.35, CROSS_ROAD_M[0] - 0.1), (CROSS_ROAD_M[1] + 0.1, length_m + 1.35)):
        for side in (-1.0, 1.0):
            _pavement(builder, side, low, high)
    for at in ((-0.9, 6.2), (1.4, 15.5), (-1.2, 26.0), (0.6, 47.0), (1.1, -7.0), (-1.0, 66.0)):
        up = np.array([0.0, 0.0, 1.0])
        builder.part(disc(np.array([*at, 0.004]), up, 0.36, 20), "asphalt", acescg(0.30, 0.30, 0.30))
        builder.part(disc(np.array([*at, 0.008]), up, 0.30, 20), "metal", _CAST_IRON)


def _breaks(y0: float, y1: float, cars: list[ParkedCar]) -> Array:
    """Where the road's net is cut: every four metres, and at the ends of near cars, whose shade it carries."""
    at = [np.linspace(y0, y1, int((y1 - y0) / 4.0))]
    at += [parked.y + np.array([-2.75, -2.15, 2.15, 2.75]) for parked in cars if parked.y < 50.0]
    ys = np.sort(np.concatenate(at))
    return ys[np.concatenate([[True], np.diff(ys) > 0.3])]


def _plane(
    builder: Builder,
    xs: Array,
    ys: Array,
    z: float,
    material: str,
    color: tuple[float, float, float],
    cars: list[ParkedCar],
) -> None:
    """A horizontal net of quads with shared vertices; occlusion under cars, and slow stains in its colour."""
    x, y = np.meshgrid(xs, ys)
    position = np.stack([x, y, np.full_like(x, z)], axis=-1).reshape(-1, 3)
    index = np.arange(len(position)).reshape(x.shape)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    triangles = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])
    part = Part(position, np.tile([0.0, 0.0, 1.0], (len(position), 1)), position[:, :2], triangles)
    stain = 1.0 + 0.07 * np.sin(position[:, 0] * 1.9 + 1.3 * np.sin(position[:, 1] * 0.31)) * np.sin(
        position[:, 1] * 0.47
    )
    builder.part(part, material, np.array(color) * stain[:, None], _open_sky(position, cars))


def _open_sky(position: Array, cars: list[ParkedCar]) -> Array:
    """(N,): how little the cars hide the sky from points of the ground."""
    out = np.ones(len(position))
    for parked in cars:
        outside = np.maximum(np.abs(position[:, :2] - [parked.x, parked.y]) - [0.75, 2.0], 0.0)
        out *= 1.0 - 0.88 * np.exp(-((np.linalg.norm(outside, axis=-1) / 0.45) ** 2))
    return out


def _pavement(builder: Builder, side: float, low: float, high: float) -> None:
    """One pavement of the street with its return into the cross street, its kerbstones and its slabs."""
    ys = np.linspace(low, high, int((high - low) / 6.0))
    xs = np.sort(side * np.array([ROAD_M + 0.15, 7.2, FRONT_M, FRONT_M + 0.35]))
    occlusion_wall = 0.6
    x, y = np.meshgrid(xs, ys)
    position = np.stack([x, y, np.full_like(x, PAVED_M - 0.005)], axis=-1).reshape(-1, 3)
    index = np.arange(len(position)).reshape(x.shape)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    triangles = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])
    part = Part(position, np.tile([0.0, 0.0, 1.0], (len(position), 1)), position[:, :2], triangles)
    builder.part(part, "paving", _PAVING, np.where(np.abs(position[:, 0]) > 8.0, occlusion_wall, 1.0))
    kerb = Frame(side * ROAD_M, low if side < 0 else high, 0.0, 0.0, -side)
    builder.box(
        kerb, (0.0, -0.1, -0.3), (high - low, PAVED_M, 0.0), "kerb", _KERB, FRONT | TOP | LEFT | RIGHT, (0.75, 1.0)
    )
    _returns(builder, side, low, high)


def _returns(builder: Builder, side: float, low: float, high: float) -> None:
    """Pavements along the arms of the cross street and of the T-junctions."""
    ahead = Frame(0.0, 0.0, 0.0, 1.0, 0.0)
    for edge, inward in ((low, 1.0), (high, -1.0)):
        a, b = sorted((edge, edge + inward * 2.6))
        outer = sorted((side * (FRONT_M + 0.3), side * 54.0))
        builder.box(ahead, (outer[0], PAVED_M - 0.005, -b), (outer[1], PAVED_M - 0.005, -a), "paving", _PAVING, TOP)
        # In two lengths: only the part beyond the facades can be culled behind them.
        split = side * (FRONT_M + 0.3)
        for x0, x1 in (sorted((side * ROAD_M, split)), sorted((split, side * 54.0))):
            frame = Frame(x0, edge, 0.0, 1.0, 0.0) if inward > 0 else Frame(x1, edge, 0.0, -1.0, 0.0)
            builder.box(frame, (0.0, -0.1, -0.3), (x1 - x0, PAVED_M, 0.0), "kerb", _KERB, FRONT | TOP, (0.75, 1.0))


def _markings(builder: Builder, length_m: float) -> None:
    """A dashed middle line, edge lines of the parking lanes, crossings and stop lines at the cross street."""

    def bar(x0: float, x1: float, y0: float, y1: float) -> None:
        ground = Frame(0.0, 0.0, 0.0, 1.0, 0.0)
        builder.box(ground, (x0, 0.006, -y1), (x1, 0.006, -y0), "road_paint", _PAINT, TOP)

    before, after = CROSS_ROAD_M[0] - 4.2, CROSS_ROAD_M[1] + 4.2
    for low, high in ((BEHIND_M, before - 1.0), (after + 1.0, length_m)):
        for y in np.arange(low, high - 2.0, 6.0):
            bar(-0.06, 0.06, float(y), float(y) + 2.6)
        for x in (-2.95, 2.95):
            for y in np.arange(low, high - 1.0, 12.0):
                bar(x - 0.05, x + 0.05, float(y), min(float(y) + 12.0, high))
    for y in (before, after - 3.0):
        for x in np.arange(-4.5, 4.6, 1.0):
            bar(float(x) - 0.25, float(x) + 0.25, y, y + 3.0)
    bar(0.15, 2.9, before - 1.1, before - 0.75)
    bar(-2.9, -0.15, after + 0.75, after + 1.1)
