"""Buildings of the street: facades with openings cut out of the wall, shops, cornices, balconies, roofs."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from vpengine.plates.street.builder import (
    ALL,
    BACK,
    BOTTOM,
    FRONT,
    LEFT,
    RIGHT,
    TOP,
    Builder,
    Color,
    Frame,
    Part,
    acescg,
    scaled,
)
from vpengine.plates.street.style import STONE, Style

_SHOP_PAINT = (
    acescg(0.16, 0.24, 0.22),
    acescg(0.34, 0.13, 0.12),
    acescg(0.15, 0.19, 0.30),
    acescg(0.22, 0.20, 0.19),
    acescg(0.52, 0.46, 0.36),
    acescg(0.20, 0.28, 0.18),
)
_AWNING = (
    acescg(0.62, 0.20, 0.17),
    acescg(0.20, 0.36, 0.28),
    acescg(0.78, 0.70, 0.55),
    acescg(0.22, 0.28, 0.44),
    acescg(0.72, 0.48, 0.18),
)
_SIGN = (acescg(0.74, 0.66, 0.46), acescg(0.70, 0.70, 0.68), acescg(0.72, 0.58, 0.30))
_IRON = acescg(0.13, 0.13, 0.14)
_ROOF = (acescg(0.34, 0.35, 0.38), acescg(0.45, 0.30, 0.25), acescg(0.36, 0.33, 0.30))
_GLASS = acescg(0.80, 0.80, 0.80)
_SIDE_WALL = acescg(0.56, 0.46, 0.40)
_LIT_SHARE = 0.16  # of windows, by day too

FRONT_EDGES = FRONT | LEFT | RIGHT | TOP | BOTTOM


def building(
    builder: Builder, frame: Frame, width_m: float, depth_m: float, style: Style, seed: int, blind: int = LEFT | RIGHT
) -> None:
    """A whole building; ``frame`` is the front's lower left corner at pavement level. blind: its windowless sides."""
    rng = np.random.default_rng(seed)
    height = style.height_m
    # Behind the cut-out wall stands a whole one: a crack between two abutting quads shows wall, never sky.
    shell = blind | BACK
    builder.box(frame, (0.0, -0.3, -depth_m), (width_m, height, -0.05), "brick", _SIDE_WALL, shell, (0.9, 1.0))
    # The foot goes below the ground, so that no ray finds its way under the wall.
    builder.box(frame, (0.0, -2.0, -0.06), (width_m, 0.05, -0.06), "ashlar", scaled(style.trim, 0.6), FRONT, (0.5, 0.6))
    facade(builder, frame, width_m, style, rng)
    _roof(builder, frame, width_m, depth_m, style, rng)


def facade(builder: Builder, frame: Frame, width_m: float, style: Style, rng: np.random.Generator) -> None:
    """One dressed wall of a building."""
    offset = float(rng.uniform(0.0, 10.0))
    if style.detail < 0:
        _painted(builder, frame, width_m, style, rng)
        return
    core = scaled(style.color, 0.7)
    builder.box(frame, (0.0, 0.0, -0.5), (width_m, style.height_m, -0.31), style.wall, core, FRONT)
    _upper_storeys(builder, frame, width_m, style, rng, offset)
    _ground_floor(builder, frame, width_m, style, rng, offset)
    _bands(builder, frame, width_m, style)


def _painted(builder: Builder, frame: Frame, width_m: float, style: Style, rng: np.random.Generator) -> None:
    """A dressed wall too far away to be built: a picture of its windows, flat shops, one cornice."""
    low, high = style.ground_m, style.height_m
    corners = np.array([frame.at(u, v, 0.0) for u, v in ((0.0, low), (width_m, low), (width_m, high), (0.0, high))])
    uv = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]) * [style.bays, style.storeys]
    normal = np.tile([frame.uy, -frame.ux, 0.0], (4, 1))
    builder.part(Part(corners, normal, uv, np.array([[0, 1, 2], [0, 2, 3]])), "facade", style.color)
    _wall(builder, frame, 0.0, width_m, 3.05, low, style, 0.0)
    shops = max(1, round(width_m / 6.5))
    for shop in range(shops):
        u0, u1 = (shop + 0.06) * width_m / shops, (shop + 0.94) * width_m / shops
        paint = _SHOP_PAINT[int(rng.integers(len(_SHOP_PAINT)))]
        builder.box(frame, (u0, 0.55, -0.05), (u1, 3.05, -0.05), "shop_glass", _GLASS, FRONT, (0.9, 0.6), 0.3)
        builder.box(frame, (u0, 0.0, -0.05), (u1, 0.55, -0.05), "metal", paint, FRONT, (0.5, 0.9))
        builder.box(frame, (u0, 3.05, 0.0), (u1, 3.8, 0.1), "metal", paint, FRONT | BOTTOM, (0.7, 0.95))
        _wall(builder, frame, u1, (shop + 1.06) * width_m / shops, 0.0, 3.05, style, 0.0, (0.55, 1.0))
    _wall(builder, frame, 0.0, 0.06 * width_m / shops, 0.0, 3.05, style, 0.0, (0.55, 1.0))
    reach = style.cornice_m
    builder.box(frame, (0.0, high - 0.25, 0.0), (width_m, high + 0.1, reach), "ashlar", style.trim, FRONT_EDGES)
    builder.box(frame, (0.0, low - 0.12, 0.0), (width_m, low + 0.16, 0.16), "ashlar", style.trim, FRONT | BOTTOM)


def _upper_storeys(
    builder: Builder, frame: Frame, width_m: float, style: Style, rng: np.random.Generator, offset: float
) -> None:
    bay = width_m / style.bays
    opening_width, opening_height = style.opening_m
    lower = style.ground_m
    for storey in range(style.storeys):
        v0 = style.ground_m + storey * style.storey_m
        full = storey in style.balconies
        bottom = v0 + (0.12 if full else style.sill_m)
        top = v0 + style.sill_m + opening_height
        _wall(builder, frame, 0.0, width_m, lower, bottom, style, offset)
        edge = 0.0
        for i in range(style.bays):
            left = (i + 0.5) * bay - opening_width / 2.0
            _wall(builder, frame, edge, left, bottom, top, style, offset)
            edge = left + opening_width
            _window(builder, frame, (left, edge, bottom, top), style, rng)
        _wall(builder, frame, edge, width_m, bottom, top, style, offset)
        if full:
            _balcony(builder, frame, bay * 0.12, width_m - bay * 0.12, v0, style)
        lower = top
    _wall(builder, frame, 0.0, width_m, lower, style.height_m, style, offset, (1.0, 0.72))


def _wall(
    builder: Builder,
    frame: Frame,
    u0: float,
    u1: float,
    v0: float,
    v1: float,
    style: Style,
    offset: float,
    occlusion: tuple[float, float] = (1.0, 1.0),
) -> None:
    builder.box(frame, (u0, v0, 0.0), (u1, v1, 0.0), style.wall, style.color, FRONT, occlusion, uv_offset=offset)


def _window(
    builder: Builder,
    frame: Frame,
    opening: tuple[float, float, float, float],
    style: Style,
    rng: np.random.Generator,
) -> None:
    u0, u1, v0, v1 = opening
    depth = 0.2 if style.detail else 0.14
    draw = float(rng.random())
    lit = 0.5 + 0.5 * draw / _LIT_SHARE if draw < _LIT_SHARE else 0.0
    shade = scaled(_GLASS, float(rng.uniform(0.85, 1.0)))
    reveal = (style.wall, scaled(style.trim, 0.9) if style.surround else style.color)
    inner = LEFT | RIGHT | BOTTOM | TOP
    _reveal(builder, frame, opening, depth, reveal, inner if style.detail else LEFT | RIGHT)
    builder.box(frame, (u0, v0, -depth), (u1, v1, -depth), style.window, shade, FRONT, (0.9, 0.6), lit)
    if style.detail == 0:
        return
    sides = FRONT_EDGES if style.detail == 2 else FRONT | TOP
    builder.box(frame, (u0 - 0.1, v0 - 0.1, 0.0), (u1 + 0.1, v0, 0.12), "ashlar", style.trim, sides, (0.8, 1.0))
    if style.surround:
        builder.box(frame, (u0 - 0.12, v1, 0.0), (u1 + 0.12, v1 + 0.24, 0.07), "ashlar", style.trim, FRONT | BOTTOM)
    if style.surround == 2 and style.detail == 2:
        for a, b in ((u0 - 0.12, u0), (u1, u1 + 0.12)):
            builder.box(frame, (a, v0, 0.0), (b, v1, 0.05), "ashlar", style.trim, FRONT | LEFT | RIGHT)
        builder.box(frame, (u0 - 0.2, v1 + 0.24, 0.0), (u1 + 0.2, v1 + 0.34, 0.18), "ashlar", style.trim, FRONT_EDGES)


def _reveal(
    builder: Builder,
    frame: Frame,
    opening: tuple[float, float, float, float],
    depth_m: float,
    surface: tuple[str, Color],
    sides: int,
) -> None:
    """The inner sides of an opening, as faces of boxes without thickness."""
    u0, u1, v0, v1 = opening
    material, color = surface
    for face, low, high in (
        (RIGHT, (u0, v0, -depth_m), (u0, v1, 0.0)),
        (LEFT, (u1, v0, -depth_m), (u1, v1, 0.0)),
        (TOP, (u0, v0, -depth_m), (u1, v0, 0.0)),
        (BOTTOM, (u0, v1, -depth_m), (u1, v1, 0.0)),
    ):
        if sides & face:
            builder.box(frame, low, high, material, color, face, (0.75, 0.6))


def _balcony(builder: Builder, frame: Frame, u0: float, u1: float, v: float, style: Style) -> None:
    depth = 0.85
    builder.box(frame, (u0, v - 0.14, 0.0), (u1, v + 0.04, depth), "ashlar", style.trim, FRONT_EDGES, (0.7, 1.0))
    rail_top = v + 1.02
    rails = [(rail_top - 0.05, rail_top), (v + 0.12, v + 0.16)]
    for low, high in rails if style.detail else rails[:1]:
        builder.box(frame, (u0, low, depth - 0.09), (u1, high, depth - 0.04), "metal", _IRON, FRONT_EDGES)
        for u in (u0, u1 - 0.05):
            builder.box(frame, (u, low, 0.0), (u + 0.05, high, depth - 0.05), "metal", _IRON, LEFT | RIGHT | TOP)
    gap = {2: 0.2, 1: 0.5, 0: 2.5}[style.detail]
    for u in np.linspace(u0 + 0.04, u1 - 0.04, max(2, int((u1 - u0) / gap))):
        builder.box(
            frame,
            (u - 0.014, v, depth - 0.08),
            (u + 0.014, rail_top, depth - 0.05),
            "metal",
            _IRON,
            FRONT | LEFT | RIGHT,
        )
    for u in np.linspace(u0 + 0.3, u1 - 0.3, max(2, int((u1 - u0) / 1.8))) if style.detail else ():
        builder.box(frame, (u - 0.09, v - 0.5, 0.0), (u + 0.09, v - 0.14, 0.45), "ashlar", style.trim, FRONT_EDGES)


def _ground_floor(
    builder: Builder, frame: Frame, width_m: float, style: Style, rng: np.random.Generator, offset: float
) -> None:
    plinth = scaled(style.trim, 0.75)
    if style.ground == "house":
        _house_front(builder, frame, width_m, style, rng, offset)
        builder.box(frame, (0.0, -0.1, 0.0), (width_m, 0.5, 0.06), "ashlar", plinth, FRONT_EDGES, (0.5, 0.9))
        return
    shops = max(1, round(width_m / 6.5))
    for shop in range(shops):
        u0, u1 = shop * width_m / shops, (shop + 1) * width_m / shops
        _shop(builder, frame, u0, u1, style, rng, offset)


def _house_front(
    builder: Builder, frame: Frame, width_m: float, style: Style, rng: np.random.Generator, offset: float
) -> None:
    bay = width_m / style.bays
    door = int(rng.integers(0, style.bays))
    opening_width, _ = style.opening_m
    edge, top = 0.0, 3.0
    for i in range(style.bays):
        half = 0.62 if i == door else opening_width / 2.0
        left, right = (i + 0.5) * bay - half, (i + 0.5) * bay + half
        _wall(builder, frame, edge, left, 0.0, top, style, offset, (0.6, 1.0))
        if i == door:
            _door(builder, frame, left, right, top, style, rng)
        else:
            _wall(builder, frame, left, right, 0.0, 1.05, style, offset, (0.6, 1.0))
            _window(builder, frame, (left, right, 1.05, top), style, rng)
        edge = right
    _wall(builder, frame, edge, width_m, 0.0, top, style, offset, (0.6, 1.0))
    _wall(builder, frame, 0.0, width_m, top, style.ground_m, style, offset)


def _door(
    builder: Builder, frame: Frame, u0: float, u1: float, top: float, style: Style, rng: np.random.Generator
) -> None:
    paint = scaled(_SHOP_PAINT[int(rng.integers(len(_SHOP_PAINT)))], 2.2)
    _reveal(builder, frame, (u0, u1, 0.0, top), 0.3, (style.wall, style.trim), LEFT | RIGHT | BOTTOM)
    builder.box(frame, (u0, 0.16, -0.28), (u1, 2.35, -0.28), "door", paint, FRONT, (0.6, 0.8))
    builder.box(frame, (u0, 2.35, -0.28), (u1, top, -0.28), "shop_glass", _GLASS, FRONT, (0.8, 0.6))
    builder.box(frame, (u0 - 0.1, -0.1, -0.3), (u1 + 0.1, 0.16, 0.3), "kerb", style.trim, FRONT_EDGES, (0.6, 1.0))
    for a, b in ((u0 - 0.22, u0), (u1, u1 + 0.22)):
        builder.box(frame, (a, 0.0, 0.0), (b, top, 0.14), "ashlar", style.trim, FRONT | LEFT | RIGHT, (0.6, 1.0))
    builder.box(frame, (u0 - 0.35, top, 0.0), (u1 + 0.35, top + 0.3, 0.4), "ashlar", style.trim, FRONT_EDGES)


def _shop(
    builder: Builder, frame: Frame, u0: float, u1: float, style: Style, rng: np.random.Generator, offset: float
) -> None:
    """Piers, a door beside a show window above a painted stall riser, a sign board, perhaps an awning."""
    paint = _SHOP_PAINT[int(rng.integers(len(_SHOP_PAINT)))]
    pier, top = 0.38, 3.05
    for a, b in ((u0, u0 + pier), (u1 - pier, u1)):
        builder.box(frame, (a, 0.0, -0.3), (b, top, 0.0), style.wall, style.color, FRONT | LEFT | RIGHT, (0.55, 1.0))
    a, b = u0 + pier, u1 - pier
    door_left = rng.random() < 0.5
    split = a + 1.15 if door_left else b - 1.15
    door, show = ((a, split), (split, b)) if door_left else ((split, b), (a, split))
    lit = float(rng.uniform(0.35, 0.8)) if rng.random() < 0.6 else 0.1
    builder.box(frame, (door[0], 0.06, -0.28), (door[1], top, -0.28), "shop_glass", _GLASS, FRONT, (0.6, 0.6), lit)
    builder.box(frame, (door[0], -0.1, -0.3), (door[1], 0.06, 0.0), "kerb", style.trim, FRONT | TOP)
    panes = max(1, round((show[1] - show[0]) / 2.0)) if style.detail else 1
    edges = np.linspace(show[0], show[1], panes + 1)
    for left, right in pairwise(edges):
        builder.box(frame, (left, 0.55, -0.14), (right, top, -0.14), "shop_glass", _GLASS, FRONT, (0.9, 0.6), lit)
    builder.box(frame, (show[0], -0.1, -0.2), (show[1], 0.55, -0.06), "metal", paint, FRONT_EDGES, (0.5, 0.9))
    if style.detail:
        for u in (*edges, door[0] if door_left else door[1]):
            builder.box(
                frame, (u - 0.05, 0.0, -0.28), (u + 0.05, top, -0.04), "metal", paint, FRONT | LEFT | RIGHT, (0.6, 0.8)
            )
    builder.box(frame, (a, top - 0.12, -0.3), (b, top, -0.02), "metal", paint, FRONT | BOTTOM, (0.7, 0.7))
    _fascia(builder, frame, u0, u1, top, paint, rng)
    _wall(builder, frame, u0, u1, top, style.ground_m, style, offset)
    if rng.random() < 0.55:
        _awning(builder, frame, show[0] - 0.15, show[1] + 0.15, top - 0.1, rng)


def _fascia(
    builder: Builder, frame: Frame, u0: float, u1: float, top: float, paint: Color, rng: np.random.Generator
) -> None:
    """The lettered board over a shop."""
    builder.box(frame, (u0 + 0.1, top, 0.0), (u1 - 0.1, top + 0.72, 0.14), "metal", paint, FRONT_EDGES, (0.7, 0.95))
    builder.box(
        frame,
        (u0 + 0.5, top + 0.08, 0.146),
        (u1 - 0.5, top + 0.64, 0.146),
        "sign",
        _SIGN[int(rng.integers(len(_SIGN)))],
        FRONT,
    )
    builder.box(
        frame, (u0 + 0.1, top + 0.72, 0.0), (u1 - 0.1, top + 0.84, 0.24), "metal", paint, FRONT_EDGES, (0.8, 1.0)
    )


def _awning(builder: Builder, frame: Frame, u0: float, u1: float, v: float, rng: np.random.Generator) -> None:
    """A sloping cloth, seen from above and from below, with a hanging edge."""
    color = _AWNING[int(rng.integers(len(_AWNING)))]
    reach, drop = 1.25, 0.75
    builder.sheet(frame, (u0, u1), (v, 0.14), (v - drop, reach), "awning", color)
    builder.box(frame, (u0, v - drop - 0.26, reach), (u1, v - drop, reach), "awning", color, FRONT | BACK)


def _bands(builder: Builder, frame: Frame, width_m: float, style: Style) -> None:
    """String courses and the cornice."""
    trim, height = style.trim, style.height_m
    reach = style.cornice_m
    builder.box(
        frame, (0.0, style.ground_m - 0.12, 0.0), (width_m, style.ground_m + 0.16, 0.16), "ashlar", trim, FRONT_EDGES
    )
    if style.detail and style.surround != 1:
        for storey in range(1, style.storeys, 2 if style.surround else 1):
            v = style.ground_m + storey * style.storey_m
            if storey not in style.balconies:
                builder.box(frame, (0.0, v - 0.08, 0.0), (width_m, v + 0.1, 0.07), "ashlar", trim, FRONT_EDGES)
    for low, high, out in ((-0.75, -0.55, 0.12), (-0.3, -0.12, 0.6 * reach), (-0.12, 0.1, reach)):
        builder.box(
            frame, (0.0, height + low, 0.0), (width_m, height + high, out), "ashlar", trim, FRONT_EDGES, (0.85, 1.0)
        )
    if style.detail == 2:
        for u in np.linspace(0.15, width_m - 0.15, max(2, int(width_m / 0.7))):
            builder.box(
                frame,
                (u - 0.09, height - 0.52, 0.0),
                (u + 0.09, height - 0.3, 0.5 * reach),
                "ashlar",
                trim,
                FRONT | LEFT | RIGHT,
                (0.7, 0.7),
            )


def _roof(
    builder: Builder, frame: Frame, width_m: float, depth_m: float, style: Style, rng: np.random.Generator
) -> None:
    height = style.height_m
    roof = _ROOF[int(rng.integers(len(_ROOF)))]
    builder.box(frame, (0.0, height, -depth_m), (width_m, height, 0.0), "roof", roof, TOP)
    if style.roof == "mansard":
        rise = 2.6
        builder.box(frame, (0.3, height, -depth_m), (width_m - 0.3, height + rise, -1.7), "brick", _SIDE_WALL, ALL)
        builder.sheet(frame, (0.0, width_m), (height + rise, -1.7), (height + 0.1, -0.15), "roof", roof)
        for i in range(style.bays if style.detail >= 0 else 0):
            u = (i + 0.5) * width_m / style.bays
            builder.box(
                frame, (u - 0.75, height + 0.25, -1.7), (u + 0.75, height + 2.1, -0.35), "plaster", style.trim, ALL
            )
            builder.box(
                frame, (u - 0.5, height + 0.6, -0.34), (u + 0.5, height + 1.9, -0.34), style.window, _GLASS, FRONT
            )
    else:
        builder.box(
            frame, (0.0, height + 0.1, -0.3), (width_m, height + 0.8, 0.06), style.wall, style.color, ALL ^ BOTTOM
        )
        builder.box(frame, (0.0, height + 0.8, -0.36), (width_m, height + 0.92, 0.12), "ashlar", style.trim, ALL)
    for _ in range(int(rng.integers(1, 3))):
        u, w = float(rng.uniform(0.6, width_m - 1.6)), -float(rng.uniform(2.5, depth_m - 2.0))
        top = height + (4.0 if style.roof == "mansard" else 2.2)
        builder.box(frame, (u, height, w - 0.7), (u + 1.3, top, w), "brick", _SIDE_WALL, ALL ^ BOTTOM)
        builder.box(frame, (u - 0.06, top, w - 0.76), (u + 1.36, top + 0.12, w + 0.06), "ashlar", STONE, ALL)
        for k in range(3):
            builder.box(
                frame, (u + 0.15 + 0.4 * k, top + 0.12, w - 0.46), (u + 0.38 + 0.4 * k, top + 0.5, w - 0.22),
                "brick", _ROOF[1], ALL ^ BOTTOM,
            )  # fmt: skip
