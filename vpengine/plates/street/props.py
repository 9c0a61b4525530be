"""What stands in the street: cars, lamps, trees, signs, bins, and the wires across it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vpengine.plates.street.builder import ALL, BOTTOM, FRONT, Builder, Color, Frame, Part, acescg, scaled
from vpengine.plates.street.parts import disc, faceted, grid, joined, leaves, placed, tube

Array = NDArray[np.float64]

_PAINT = (
    acescg(0.62, 0.63, 0.65),
    acescg(0.15, 0.16, 0.18),
    acescg(0.80, 0.80, 0.78),
    acescg(0.45, 0.12, 0.11),
    acescg(0.16, 0.26, 0.40),
    acescg(0.33, 0.38, 0.36),
    acescg(0.70, 0.62, 0.48),
)
_IRON = acescg(0.17, 0.19, 0.18)
_BLACK = acescg(0.12, 0.12, 0.12)
_GLASS = acescg(0.16, 0.17, 0.18)
_BARK = acescg(0.36, 0.31, 0.26)
_LEAF = acescg(0.34, 0.40, 0.17)

# Side view of a car, metres: y from the rear (-) to the nose (+), height of the body's edge, half width.
_SEDAN = np.array(
    [[-2.2, 0.60, 0.66], [-2.12, 0.86, 0.80], [-1.5, 0.95, 0.86], [-0.4, 0.95, 0.89], [0.8, 0.93, 0.89],
     [1.5, 0.84, 0.86], [2.0, 0.74, 0.80], [2.2, 0.55, 0.64]]
)  # fmt: skip
_HATCH = np.array(
    [[-1.95, 0.62, 0.68], [-1.88, 0.95, 0.80], [-1.3, 0.98, 0.85], [-0.2, 0.97, 0.87], [0.8, 0.95, 0.87],
     [1.4, 0.88, 0.84], [1.8, 0.76, 0.78], [1.95, 0.55, 0.62]]
)  # fmt: skip
_VAN = np.array(
    [[-2.4, 0.70, 0.86], [-2.36, 1.15, 0.94], [-1.5, 1.18, 0.96], [-0.2, 1.18, 0.97], [1.0, 1.15, 0.97],
     [1.7, 1.05, 0.94], [2.2, 0.92, 0.88], [2.4, 0.60, 0.72]]
)  # fmt: skip
# Cabin: y of its foot behind and ahead, y of its roof behind and ahead, roof height, half width at the roof.
_CARS = (
    (_SEDAN, (-1.75, 1.15, -0.95, 0.20, 1.44, 0.62), 0.31),
    (_HATCH, (-1.86, 1.10, -1.45, 0.25, 1.50, 0.63), 0.30),
    (_VAN, (-2.34, 1.75, -2.25, 0.95, 2.05, 0.80), 0.34),
)


def car(builder: Builder, x: float, y: float, heading_deg: float, kind: int, paint: int, detail: int = 2) -> None:
    """A parked car; its nose points along ``heading_deg``; detail: 2 near, 0 where it is but a few pixels."""
    profile, cabin, wheel = _CARS[kind]
    color = _PAINT[paint]

    def put(part: Part, material: str, tint: Color, occlusion: float | Array = 1.0) -> None:
        builder.part(placed(part, (x, y, 0.0), heading_deg), material, tint, occlusion)

    body = _body(profile, detail)
    put(body, "car_paint", color, np.clip(0.35 + 0.9 * body.position[:, 2], 0.0, 1.0))
    belt = float(profile[3, 1])
    shell, glass = _cabin(cabin, belt - 0.06, float(profile[3, 2]) - 0.05)
    put(shell, "car_paint", color)
    put(glass, "car_glass", _GLASS)
    for along in (profile[-1, 0] - 0.78, profile[0, 0] + 0.80):
        for side in (-1.0, 1.0):
            tyre, hub, arch = _wheel(float(along), side, float(profile[3, 2]), wheel, (5, 7, 14)[detail])
            if detail == 2:
                put(arch, "rubber", scaled(_BLACK, 0.4), 0.4)
            put(tyre, "rubber", _BLACK, 0.7)
            if detail > 0:
                put(hub, "metal", acescg(0.55, 0.55, 0.56), 0.8)
    for part, tint in _lights(profile, detail):
        put(part, "metal", tint)


def _body(profile: Array, detail: int) -> Part:
    """A loft through rounded cross-sections, closed by its first and last, which are small."""
    angle = np.radians([-90, -62, -38, -15, 12, 35, 60, 78, 102, 120, 145, 168, 195, 218, 242])
    if detail == 1:
        angle, profile = angle[::2], profile[[0, 1, 3, 5, 6, 7]]
    if detail == 0:
        angle, profile = np.radians([-50, 12, 60, 120, 168, 230]), profile[[0, 1, 5, 7]]
    across = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** 0.45
    up = np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** 0.5
    rows = []
    for y, top, half in profile:
        low = 0.2 if abs(y) < np.abs(profile[:, 0]).max() - 0.01 else 0.3
        middle, reach = (top + low) / 2.0, (top - low) / 2.0
        narrowing = np.where(up > 0.0, 1.0 - 0.10 * up**2, 1.0 - 0.06 * up**2)
        rows.append(np.stack([half * across * narrowing, np.full(len(angle), y), middle + reach * up], axis=-1))
    points = np.array(rows)
    caps = np.array([points[0].mean(axis=0), points[-1].mean(axis=0)])
    first = np.broadcast_to(caps[0], points[0].shape)
    last = np.broadcast_to(caps[1], points[0].shape)
    net = np.concatenate([first[None], points, last[None]])
    return grid(net, net[..., 1:], closed=True)


def _cabin(cabin: tuple[float, float, float, float, float, float], foot: float, half: float) -> tuple[Part, Part]:
    """The painted upper shell, and panes laid on it that leave its pillars free."""
    rear, front, roof_rear, roof_front, roof, roof_half = cabin
    low = np.array([[-half, rear], [half, rear], [half, front], [-half, front]])
    high = np.array(
        [[-roof_half, roof_rear], [roof_half, roof_rear], [roof_half, roof_front], [-roof_half, roof_front]]
    )
    bottom = np.column_stack([low, np.full(4, foot)])
    top = np.column_stack([high, np.full(4, roof - 0.05)])
    crown = np.column_stack([high * 0.86, np.full(4, roof)])
    net = np.stack([bottom, top, crown, np.broadcast_to(crown.mean(axis=0), (4, 3))])
    net = np.concatenate([net, net[:, :1]], axis=1)[:, ::-1]
    shell = faceted(grid(net, net[..., :2]))
    panes = []
    for side in range(4):
        a, b = bottom[side], bottom[(side + 1) % 4]
        d, c = top[side], top[(side + 1) % 4]
        spans = [(0.05, 0.47), (0.53, 0.95)] if side in (1, 3) else [(0.06, 0.94)]
        normal = np.cross(b - a, d - a)
        normal /= np.linalg.norm(normal)
        for s0, s1 in spans:
            corners = [
                _bilinear(a, b, c, d, s, t) + 0.012 * normal for s, t in ((s0, 0.14), (s1, 0.14), (s1, 0.9), (s0, 0.9))
            ]
            uv = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
            panes.append(Part(np.array(corners), np.tile(normal, (4, 1)), uv, np.array([[0, 1, 2], [0, 2, 3]])))
    return shell, joined(panes)


def _bilinear(a: Array, b: Array, c: Array, d: Array, s: float, t: float) -> Array:
    return (a * (1 - s) + b * s) * (1 - t) + (d * (1 - s) + c * s) * t


def _wheel(along: float, side: float, half: float, radius: float, sides: int) -> tuple[Part, Part, Part]:
    out = np.array([side, 0.0, 0.0])
    center = np.array([0.0, along, radius])
    outer = half + 0.005
    arch = disc(center + out * (half - 0.012), out, radius + 0.07, sides)
    width = np.array([[side * (outer - 0.2), along, radius], [side * outer, along, radius]])
    round_ = tube(width, np.array([radius, radius]), sides)
    face = disc(center + out * outer, out, radius, sides)
    tyre = joined([round_, face]) if sides > 6 else face
    return tyre, disc(center + out * (outer + 0.008), out, radius * 0.62, sides), arch


def _lights(profile: Array, detail: int) -> list[tuple[Part, Color]]:
    """Head and tail lamps, bumpers, number plates, as thin slabs at both ends; of far cars the lamps alone."""
    out: list[tuple[Part, Color]] = []
    nose, tail = profile[-2], profile[1]
    for side in (-1.0, 1.0):
        out.append(
            (
                _slab((side * nose[2] * 0.72, nose[0] + 0.02, nose[1] - 0.12), (0.17, 0.1, 0.065)),
                acescg(0.85, 0.85, 0.82),
            )
        )
        out.append(
            (
                _slab((side * tail[2] * 0.76, tail[0] + 0.0, tail[1] - 0.12), (0.15, 0.06, 0.09)),
                acescg(0.55, 0.06, 0.05),
            )
        )
    for end in (nose, tail) if detail > 0 else ():
        sign = float(np.sign(end[0]))
        out.append((_slab((0.0, end[0] + sign * 0.14, 0.40), (end[2] * 0.9, 0.11, 0.085)), _BLACK))
        out.append((_slab((0.0, end[0] + sign * 0.24, 0.42), (0.25, 0.025, 0.055)), acescg(0.82, 0.82, 0.76)))
    return out if detail == 2 else [(_ends(part), tint) for part, tint in out]


def _slab(center: tuple[float, float, float], half: tuple[float, float, float]) -> Part:
    corners = np.array([[i & 1, i >> 1 & 1, i >> 2] for i in range(8)]) * 2.0 - 1.0
    points = np.array(center) + corners * np.array(half)
    quads = [[0, 1, 5, 4], [1, 3, 7, 5], [3, 2, 6, 7], [2, 0, 4, 6], [4, 5, 7, 6], [2, 3, 1, 0]]
    triangles = np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))])
    return faceted(Part(points, np.zeros((8, 3)), points[:, :2], triangles))


def _ends(part: Part) -> Part:
    """Of a slab only the sides that face along the car."""
    along = np.abs(part.normal[part.triangles[:, 0], 1]) > 0.9
    return Part(part.position, part.normal, part.uv, part.triangles[along])


def lamp(builder: Builder, x: float, y: float, side: float, detail: int) -> tuple[float, float, float]:
    """A street lamp reaching over the road (towards -side); returns where its light is."""
    z = np.array([0.1, 0.9, 0.95, 6.0, 6.6, 6.9, 6.95])
    reach = np.array([0.0, 0.0, 0.0, 0.0, 0.25, 0.8, 1.5]) * -side
    radius = np.array([0.10, 0.10, 0.065, 0.05, 0.042, 0.038, 0.035])
    kept, sides = (slice(None), 5) if detail > 0 else ([0, 3, 5, 6], 3)
    path = np.column_stack([x + reach, np.full(7, y), z])
    builder.part(tube(path[kept], radius[kept], sides), "metal", _IRON)
    head = Frame(x - side * 1.55, y, 6.88, 1.0, 0.0)
    builder.box(head, (-0.32, -0.02, -0.13), (0.32, 0.1, 0.13), "metal", _IRON)
    builder.box(head, (-0.24, -0.035, -0.1), (0.24, -0.02, 0.1), "metal", acescg(0.85, 0.85, 0.8))
    return x - side * 1.55, y, 6.84


def utility_pole(builder: Builder, x: float, y: float, side: float) -> list[Array]:
    """A wooden pole with a cross-arm; returns where its wires start."""
    path = np.array([[x, y, 0.1], [x, y, 4.0], [x, y, 8.6]])
    builder.part(tube(path, np.array([0.15, 0.13, 0.10]), 8), "bark", scaled(_BARK, 0.85))
    arm = Frame(x, y, 7.9, 1.0, 0.0)
    builder.box(arm, (-0.85, 0.0, -0.06), (0.85, 0.12, 0.06), "bark", scaled(_BARK, 0.85))
    ends = []
    for u in (-0.75, -0.35, 0.35, 0.75):
        builder.box(arm, (u - 0.04, 0.12, -0.04), (u + 0.04, 0.28, 0.04), "metal", acescg(0.6, 0.6, 0.58))
        ends.append(np.array([x + u, y, 8.18]))
    builder.box(arm, (side * 0.12 - 0.16, -1.0, -0.16), (side * 0.12 + 0.16, -0.4, 0.16), "metal", _IRON)
    return ends


def wire(builder: Builder, start_m: Array, end_m: Array, sag_m: float, radius_m: float = 0.016) -> None:
    """A hanging wire: a parabola, three-sided."""
    t = np.linspace(0.0, 1.0, 9)[:, None]
    path = start_m * (1 - t) + end_m * t
    path[:, 2] -= 4.0 * sag_m * (t * (1 - t))[:, 0]
    builder.part(tube(path, np.full(9, radius_m), 3), "wire", _BLACK)


def tree(builder: Builder, x: float, y: float, seed: int, leafy: bool, detail: int) -> None:
    """A street tree in a square of soil."""
    rng = np.random.default_rng(seed)
    height = float(rng.uniform(2.3, 2.8))
    soil = Frame(x, y, 0.0, 1.0, 0.0)
    builder.box(
        soil, (-0.6, 0.1, -0.6), (0.6, 0.15, 0.6), "asphalt", acescg(0.28, 0.23, 0.18), ALL ^ BOTTOM, (0.8, 0.8)
    )
    root = np.array([x, y, 0.1])
    top = root + np.array([rng.uniform(-0.15, 0.15), rng.uniform(-0.15, 0.15), height])
    branches = [
        tube(np.array([root, root + np.array([0.0, 0.0, 0.4]), top]), np.array([0.2, 0.14, 0.11]), (4, 7, 7)[detail])
    ]
    tips = []
    for k in range(5):
        tip = top + _outward(k / 5.0 + rng.uniform(-0.05, 0.05), rng.uniform(0.7, 1.3), rng.uniform(1.3, 2.2))
        middle = (top + tip) / 2 + [0.0, 0.0, 0.25]
        branches.append(tube(np.array([top - [0, 0, 0.15], middle, tip]), np.array([0.08, 0.06, 0.035]), 4))
        for j in range(3 if detail == 2 or not leafy else 0):
            twig = tip + _outward(k / 5.0 + (j - 1) * 0.13, rng.uniform(0.4, 0.9), rng.uniform(0.5, 1.2))
            start = middle if j == 1 else tip
            branches.append(
                tube(np.array([start, (start + twig) / 2 + [0, 0, 0.1], twig]), np.array([0.04, 0.03, 0.02]), 3)
            )
            tips.append(twig)
        if not tips or len(tips) < 3 * (k + 1):
            tips += [
                tip + _outward(k / 5.0 + turn, 0.6, rise) for turn, rise in ((-0.13, 0.6), (0.0, 1.0), (0.13, 0.7))
            ]
    builder.part(joined(branches), "bark", _BARK)
    if leafy:
        _crown(builder, np.array(tips), rng, detail)


def _outward(turn: float, reach_m: float, rise_m: float) -> Array:
    angle = 2.0 * np.pi * turn
    return np.array([reach_m * np.cos(angle), reach_m * np.sin(angle), rise_m])


def _crown(builder: Builder, tips: Array, rng: np.random.Generator, detail: int) -> None:
    count, size = ((5, 0.48), (9, 0.37), (26, 0.21))[detail]
    middle = tips.mean(axis=0)
    for tip in tips:
        bunch = leaves(tip, np.array([0.75, 0.75, 0.6]), count, size, rng)
        outward = (bunch.position - middle) / np.array([1.7, 1.7, 1.4])
        depth = np.clip(0.35 + 0.5 * np.linalg.norm(outward, axis=-1), 0.3, 1.0)
        color = np.repeat(np.array(_LEAF) * rng.uniform(0.75, 1.25, (count, 1)), 4, axis=0)
        builder.part(bunch, "foliage", color, depth)


def traffic_sign(builder: Builder, x: float, y: float, kind: int) -> None:
    """A sign on a pole, facing down the street (-Y)."""
    path = np.array([[x, y, 0.1], [x, y, 2.75]])
    builder.part(tube(path, np.array([0.035, 0.035]), 6), "metal", acescg(0.55, 0.56, 0.56))
    facing = np.array([0.0, -1.0, 0.0])
    center = np.array([x, y - 0.045, 2.45])
    rim, face = (
        (acescg(0.62, 0.08, 0.07), acescg(0.86, 0.86, 0.84)),
        (acescg(0.86, 0.86, 0.84), acescg(0.10, 0.22, 0.52)),
    )[kind % 2]
    builder.part(disc(center, facing, 0.31, 18), "metal", rim)
    builder.part(disc(center + facing * 0.004, facing, 0.25 if kind % 2 == 0 else 0.285, 18), "metal", face)
    builder.part(disc(center - facing * 0.004, -facing, 0.31, 18), "metal", acescg(0.4, 0.4, 0.4))
    bar = Frame(x, y - 0.05, 2.45, 1.0, 0.0)
    if kind % 2 == 0:
        builder.box(bar, (-0.15, -0.045, 0.003), (0.15, 0.045, 0.003), "metal", _BLACK, FRONT)


def litter_bin(builder: Builder, x: float, y: float) -> None:
    path = np.array([[x, y, 0.14], [x, y, 0.22], [x, y, 0.95], [x, y, 1.02]])
    builder.part(tube(path, np.array([0.2, 0.23, 0.25, 0.27]), 10), "metal", acescg(0.16, 0.25, 0.20), 0.9)
    builder.part(disc(path[-1] - [0, 0, 0.05], np.array([0.0, 0.0, 1.0]), 0.26, 10), "rubber", scaled(_BLACK, 0.5), 0.5)


def bollard(builder: Builder, x: float, y: float) -> None:
    path = np.array([[x, y, 0.1], [x, y, 0.85], [x, y, 0.95]])
    builder.part(tube(path, np.array([0.07, 0.06, 0.03]), 8), "metal", _IRON)
    builder.part(disc(path[-1], np.array([0.0, 0.0, 1.0]), 0.03, 8), "metal", _IRON)
