"""The street's surfaces: seeded procedural pictures, one texture layer a material.

Each layer is (SIZE, SIZE, 4) uint8, row 0 at v = 0: RGB multiplies the albedo (128 is 1.0), A is how much it mirrors.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from vpengine.plates.street.builder import MATERIALS, PICTURED
from vpengine.view.glyphs import glyph

SIZE = 512
VARIANTS = {"window_casement": (2, 2), "window_sash": (2, 2), "shop_glass": (2, 2), "door": (1, 1), "sign": (1, 8)}
# How many metres one repeat of a layer covers; pictured layers cover their face once.
TILE_M = {
    "asphalt": 3.7, "paving": 2.4, "kerb": 3.0, "brick": 2.25, "plaster": 4.3, "ashlar": 2.4, "roof": 2.4,
    "metal": 1.3, "awning": 1.6, "foliage": 1.0, "bark": 0.8, "road_paint": 2.9, "car_paint": 2.0, "car_glass": 2.0,
    "rubber": 1.0, "wire": 1.0,
}  # fmt: skip

Array = NDArray[np.float64]
_WORDS = ("CAFE BAR", "BAKER", "HOTEL", "BOOKS", "FLORIST", "SHOES", "KIOSK", "TAILOR")


def layers(seed: int) -> NDArray[np.uint8]:
    """(materials, SIZE, SIZE, 4), the same bytes for the same seed."""
    out = np.empty((len(MATERIALS), SIZE, SIZE, 4), np.uint8)
    for number, name in enumerate(MATERIALS):
        rng = np.random.default_rng([seed, number])
        tone, mirror = _PAINTERS[name](rng)
        tone = tone if tone.ndim == 3 else tone[..., None]
        if name not in (*PICTURED, "facade"):
            tone = tone / tone.mean(axis=(0, 1))
        out[number, ..., :3] = np.clip(tone * 128.0 + 0.5, 0, 255)
        out[number, ..., 3] = np.clip(mirror * 255.0 + 0.5, 0, 255)
    return out


def fractal(rng: np.random.Generator, steepness: float, stretch: tuple[float, float] = (1.0, 1.0)) -> Array:
    """(SIZE, SIZE) periodic noise, mean 0, deviation 1; amplitude falls as frequency to the ``steepness``."""
    v = np.fft.fftfreq(SIZE)[:, None] * SIZE * stretch[1]
    u = np.fft.rfftfreq(SIZE)[None] * SIZE * stretch[0]
    frequency = np.hypot(u, v)
    frequency[0, 0] = np.inf
    spectrum = np.fft.rfft2(rng.standard_normal((SIZE, SIZE))) * frequency**-steepness
    noise = np.fft.irfft2(spectrum, s=(SIZE, SIZE))
    return (noise - noise.mean()) / noise.std()


def _coordinates() -> tuple[Array, Array]:
    at = (np.arange(SIZE) + 0.5) / SIZE
    u, v = np.meshgrid(at, at)
    return u, v


def _courses(
    columns: int, rows: int, joint_px: float, rng: np.random.Generator, stagger: float = 0.5
) -> tuple[Array, Array]:
    """A bond of blocks: (joint 0..1, a random tone per block)."""
    u, v = _coordinates()
    row = np.floor(v * rows).astype(int)
    along = u * columns + stagger * (row % 2)
    column = np.floor(along).astype(int) % columns
    edge_u = np.minimum(along % 1.0, 1.0 - along % 1.0) * SIZE / columns
    edge_v = np.minimum((v * rows) % 1.0, 1.0 - (v * rows) % 1.0) * SIZE / rows
    joint = np.clip(joint_px - np.minimum(edge_u, edge_v), 0.0, 1.0)
    return joint, rng.standard_normal((rows, columns))[row, column]


def _asphalt(rng: np.random.Generator) -> tuple[Array, Array]:
    grain = rng.standard_normal((SIZE, SIZE))
    crack = np.clip(1.0 - np.abs(fractal(rng, 1.7)) * 28.0, 0.0, 1.0) * (fractal(rng, 1.5) > 0.9)
    tone = 1.0 + 0.10 * fractal(rng, 1.2) + 0.13 * grain - 0.4 * crack
    return tone, np.full_like(tone, 0.02)


def _paving(rng: np.random.Generator) -> tuple[Array, Array]:
    joint, tone = _courses(4, 6, 1.6, rng)
    stone = 1.0 + 0.09 * tone + 0.06 * fractal(rng, 1.1) + 0.05 * rng.standard_normal((SIZE, SIZE))
    return stone * (1.0 - 0.5 * joint), np.full_like(stone, 0.03)


def _kerb(rng: np.random.Generator) -> tuple[Array, Array]:
    joint, tone = _courses(3, 1, 1.5, rng, 0.0)
    u, _ = _coordinates()
    joint = np.clip(1.5 - np.minimum((u * 3) % 1.0, 1 - (u * 3) % 1.0) * SIZE / 3, 0.0, 1.0)
    stone = 1.0 + 0.05 * tone + 0.08 * rng.standard_normal((SIZE, SIZE)) + 0.06 * fractal(rng, 1.2)
    return stone * (1.0 - 0.55 * joint), np.full_like(stone, 0.02)


def _brick(rng: np.random.Generator) -> tuple[Array, Array]:
    joint, tone = _courses(10, 30, 1.3, rng)
    face = 1.0 + 0.075 * tone + 0.08 * fractal(rng, 1.2) + 0.05 * rng.standard_normal((SIZE, SIZE))
    face = face[..., None] * (1.0 + tone[..., None] * np.array([0.0, 0.02, 0.03]))
    mortar = np.array([1.0, 1.12, 1.18]) * (1.0 + 0.05 * fractal(rng, 0.8))[..., None] * 0.9
    return face * (1.0 - joint[..., None]) + mortar * joint[..., None], np.zeros((SIZE, SIZE))


def _plaster(rng: np.random.Generator) -> tuple[Array, Array]:
    streak = fractal(rng, 1.3, (1.0, 5.0))
    tone = 1.0 + 0.045 * fractal(rng, 1.4) + 0.025 * streak + 0.02 * rng.standard_normal((SIZE, SIZE))
    return tone, np.zeros((SIZE, SIZE))


def _ashlar(rng: np.random.Generator) -> tuple[Array, Array]:
    joint, tone = _courses(3, 6, 1.3, rng)
    stone = 1.0 + 0.05 * tone + 0.05 * fractal(rng, 1.3) + 0.03 * rng.standard_normal((SIZE, SIZE))
    return stone * (1.0 - 0.4 * joint), np.zeros((SIZE, SIZE))


def _roof(rng: np.random.Generator) -> tuple[Array, Array]:
    joint, tone = _courses(8, 12, 1.8, rng)
    return (1.0 + 0.12 * tone + 0.06 * fractal(rng, 1.0)) * (1.0 - 0.5 * joint), np.full((SIZE, SIZE), 0.08)


def _plain(mirror: float, rough: float) -> Callable[[np.random.Generator], tuple[Array, Array]]:
    def paint(rng: np.random.Generator) -> tuple[Array, Array]:
        tone = 1.0 + rough * fractal(rng, 1.1)
        return tone, np.full_like(tone, mirror)

    return paint


def _awning(rng: np.random.Generator) -> tuple[Array, Array]:
    u, _ = _coordinates()
    stripe = (np.floor(u * 8) % 2)[..., None]
    cloth = (1.0 + 0.05 * fractal(rng, 1.0))[..., None]
    return cloth * (1.0 + stripe * np.array([0.9, 0.9, 0.9])), np.zeros((SIZE, SIZE))


def _foliage(rng: np.random.Generator) -> tuple[Array, Array]:
    tone = np.clip(1.0 + 0.28 * fractal(rng, 0.9), 0.3, 1.8)
    return tone[..., None] * (1.0 + fractal(rng, 1.2)[..., None] * np.array([0.08, 0.02, -0.05])), np.zeros(
        (SIZE, SIZE)
    )


def _bark(rng: np.random.Generator) -> tuple[Array, Array]:
    return np.clip(1.0 + 0.25 * fractal(rng, 1.0, (1.0, 6.0)), 0.3, 1.8), np.zeros((SIZE, SIZE))


def _road_paint(rng: np.random.Generator) -> tuple[Array, Array]:
    worn = np.clip(fractal(rng, 1.3) * 0.9 - 0.6, 0.0, 1.0)
    tone = (1.0 + 0.06 * rng.standard_normal((SIZE, SIZE))) * (1.0 - 0.65 * worn)
    return tone, np.full_like(tone, 0.02)


def _pane(variant: int, rng: np.random.Generator, n: int) -> Array:
    """What one sees behind a window: a dark room, curtains, a blind. (n, n, 3) modulation."""
    at = (np.arange(n) + 0.5) / n
    u, v = np.meshgrid(at, at)
    room = 0.10 + 0.06 * v + 0.03 * np.sin(u * 9.0 + variant)
    out = room[..., None] * np.array([1.0, 0.95, 0.9])
    folds = 0.9 + 0.12 * np.sin(u * 70.0 + 2.0 * np.sin(v * 3.0))
    cloth = folds[..., None] * np.array([0.62, 0.58, 0.52])
    drawn = (np.abs(u - 0.5) > (0.27, 0.36, 0.5, 0.18)[variant % 4] + 0.02 * np.sin(v * 5.0))[..., None]
    out = np.where(drawn, cloth, out)
    if variant % 4 == 2:
        slats = (0.55 + 0.12 * np.sign(np.sin(v * 95.0)))[..., None] * np.array([0.95, 0.92, 0.85])
        out = np.where((v > rng.uniform(0.35, 0.6))[..., None], slats, out)
    return out


def _framed(
    bars_u: tuple[float, ...], bars_v: tuple[float, ...], frame: float, bar: float, tone: float
) -> Callable[[np.random.Generator], tuple[Array, Array]]:
    """Windows: panes behind a frame with glazing bars, four variants in a square."""

    def paint(rng: np.random.Generator) -> tuple[Array, Array]:
        n = SIZE // 2
        at = (np.arange(n) + 0.5) / n
        u, v = np.meshgrid(at, at)
        wood = (np.minimum(u, 1 - u) < frame) | (np.minimum(v, 1 - v) < frame * 0.7)
        for position in bars_u:
            wood |= np.abs(u - position) < bar
        for position in bars_v:
            wood |= np.abs(v - position) < bar * 0.75
        tiles = []
        for variant in range(4):
            color = np.where(wood[..., None], tone * np.array([1.0, 0.98, 0.95]), _pane(variant, rng, n))
            tiles.append((color, np.where(wood, 0.06, 1.0)))
        return _four([tile[0] for tile in tiles]), _four([tile[1] for tile in tiles])

    return paint


def _four(tiles: list[Array]) -> Array:
    return np.concatenate([np.concatenate(tiles[:2], axis=1), np.concatenate(tiles[2:], axis=1)], axis=0)


def _shop_glass(rng: np.random.Generator) -> tuple[Array, Array]:
    """Show windows: a dim room with shelves and goods, four variants."""
    n = SIZE // 2
    at = (np.arange(n) + 0.5) / n
    u, v = np.meshgrid(at, at)
    tiles, mirrors = [], []
    for variant in range(4):
        out = (0.07 + 0.17 * v**2)[..., None] * np.array([1.0, 0.92, 0.8])
        for shelf in np.linspace(0.06, 0.6, 3 + variant % 2):
            for _ in range(16):
                left, width = rng.uniform(0, 0.92), rng.uniform(0.02, 0.07)
                height = rng.uniform(0.04, 0.15)
                goods = np.ix_((at > shelf) & (at < shelf + height), (at > left) & (at < left + width))
                out[goods] = rng.uniform(0.12, 0.5) * rng.uniform(0.7, 1.15, 3)
            out[np.abs(at - shelf) < 0.008] = 0.4
        frame = (np.minimum(u, 1 - u) < 0.02) | (np.minimum(v, 1 - v) < 0.02) | (np.abs(v - 0.80) < 0.012)
        tiles.append(np.where(frame[..., None], 0.22, out))
        mirrors.append(np.where(frame, 0.1, 0.9))
    return _four(tiles), _four(mirrors)


def _door(rng: np.random.Generator) -> tuple[Array, Array]:
    u, v = _coordinates()
    tone = 1.0 + 0.05 * fractal(rng, 1.1, (1.0, 4.0))
    for v0, v1 in ((0.06, 0.36), (0.44, 0.92)):
        for u0, u1 in ((0.12, 0.46), (0.54, 0.88)):
            edge = np.maximum(np.maximum(u0 - u, u - u1) * 1.2, np.maximum(v0 - v, v - v1) * 2.2)
            tone = np.where(np.abs(edge) < 0.012, tone * (0.55 + 0.7 * (v > (v0 + v1) / 2)), tone)
    knob = np.hypot(u - 0.93, (v - 0.42) * 1.8) < 0.022
    return np.where(knob, 1.9, tone), np.where(knob, 0.8, 0.12)


def _sign(rng: np.random.Generator) -> tuple[Array, Array]:
    """Eight lettered boards above each other."""
    height = SIZE // len(_WORDS)
    tone = np.full((SIZE, SIZE), 1.0)
    ink = np.zeros((SIZE, SIZE))
    for board, word in enumerate(_WORDS):
        glyphs = [glyph(letter).astype(int) for letter in word]
        text = np.concatenate([np.pad(letter, ((0, 0), (0, 2))) for letter in glyphs], axis=1)[::-1]
        big = np.kron(text, np.ones((5, 7)))
        top, left = board * height + (height - big.shape[0]) // 2, (SIZE - big.shape[1]) // 2
        ink[top : top + big.shape[0], left : left + big.shape[1]] = big
    tone = tone * (1.0 + 0.04 * fractal(rng, 1.1))
    return tone[..., None] * (0.12 + 1.6 * ink[..., None]), np.full((SIZE, SIZE), 0.15)


def _facade(rng: np.random.Generator) -> tuple[Array, Array]:
    """One bay of one storey, for houses too far away to be built: a wall with its window, sill and lintel."""
    u, v = _coordinates()
    wall = 1.0 + 0.03 * fractal(rng, 1.3)
    window = (np.abs(u - 0.5) < 0.21) & (v > 0.25) & (v < 0.84)
    bars = (np.abs(u - 0.5) > 0.185) | (np.abs(u - 0.5) < 0.012) | (v > 0.82) | (v < 0.27) | (np.abs(v - 0.66) < 0.01)
    trim = (np.abs(u - 0.5) < 0.25) & (np.abs(v - 0.545) < 0.335)
    tone = np.where(trim & ~window, np.where(v > 0.5, 1.15, 0.8), wall)
    shade = 0.16 + 0.3 * (np.abs(u - 0.5) > 0.13)
    tone = np.where(window, np.where(bars, 1.1, shade * np.where(v > 0.78, 0.5, 1.0)), tone)
    return tone, np.where(window & ~bars, 0.9, 0.0)


_PAINTERS: dict[str, Callable[[np.random.Generator], tuple[Array, Array]]] = {
    "asphalt": _asphalt, "paving": _paving, "kerb": _kerb, "brick": _brick, "plaster": _plaster, "ashlar": _ashlar,
    "roof": _roof, "window_casement": _framed((0.5,), (0.72,), 0.07, 0.035, 0.95),
    "window_sash": _framed((0.5,), (0.25, 0.5, 0.75), 0.07, 0.022, 1.0), "shop_glass": _shop_glass, "door": _door,
    "metal": _plain(0.12, 0.04), "awning": _awning, "foliage": _foliage, "bark": _bark, "sign": _sign,
    "road_paint": _road_paint, "car_paint": _plain(0.55, 0.01), "car_glass": _plain(1.0, 0.05),
    "rubber": _plain(0.05, 0.08), "wire": _plain(0.0, 0.02),
    "facade": _facade,
}  # fmt: skip
