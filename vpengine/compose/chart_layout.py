"""What stands where on a wall's line-up chart, in the wall's own pixels. Pure; ``chart_paint`` paints it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from vpengine.stage.walls import WallSettings
from vpengine.view.color import srgb_encoded
from vpengine.view.glyphs import HEIGHT, text_width

Tile = tuple[int, int]  # column from the left and row from the bottom, from 1 on, as the stage file counts them

BITS, PLACES = 24, 8  # of the counter: eight days of 24 frames a second
MOST_STEPS = 12
GRID_STEPS_M = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
GRID_APART = 26  # dots at least, for the numbers between two lines
PRIMARIES = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255))


@dataclass(frozen=True)
class Rect:
    """Pixels from the left and from the top; ``width`` and ``height`` of them."""

    x: int
    y: int
    width: int
    height: int

    def overlaps(self, other: Rect) -> bool:
        across = self.x < other.x + other.width and other.x < self.x + self.width
        return across and self.y < other.y + other.height and other.y < self.y + self.height

    def holds(self, other: Rect) -> bool:
        across = self.x <= other.x and other.x + other.width <= self.x + self.width
        return across and self.y <= other.y and other.y + other.height <= self.y + self.height

    def within(self, margin: int) -> Rect:
        return Rect(self.x + margin, self.y + margin, self.width - 2 * margin, self.height - 2 * margin)


@dataclass(frozen=True)
class Label:
    """A line of text, its upper left pixel, and how many pixels a dot of it is wide."""

    text: str
    x: int
    y: int
    dot_px: int

    @property
    def rect(self) -> Rect:
        return Rect(self.x, self.y, text_width(self.text, self.dot_px), HEIGHT * self.dot_px)

    @property
    def box(self) -> Rect:
        """With a dot's margin."""
        return self.rect.within(-self.dot_px)


@dataclass(frozen=True)
class Step:
    """A grey: its code value in all three channels, and beside it the nits that this code value is."""

    rect: Rect
    code: int
    label: Label


@dataclass(frozen=True)
class Counter:
    """The frame's number: BITS cells, the highest bit on the left, and PLACES digits below."""

    panel: Rect
    bar: Rect
    digits: Label


def code_of_nits(nits: float, wall: WallSettings) -> int:
    """The wall's 8 bit code value of a luminance: sRGB's curve (IEC 61966-2-1) between its black and its peak."""
    level = np.clip((nits - wall.black_nits) / (wall.peak_nits - wall.black_nits), 0.0, 1.0)
    return round(255.0 * float(srgb_encoded(np.asarray(level))))


def levels_of_code(code: NDArray[np.integer]) -> NDArray[np.float64]:
    """Code values 0 to 255 as light in 0..1: the inverse of ``srgb_encoded``."""
    encoded = np.asarray(code, float) / 255.0
    return np.where(encoded <= 12.92 * 0.0031308, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def nits_of_code(code: int, wall: WallSettings) -> float:
    return wall.black_nits + (wall.peak_nits - wall.black_nits) * float(levels_of_code(np.asarray(code)))


def in_words(nits: float) -> str:
    """Three digits of it."""
    return f"{nits:.0f}" if nits >= 100.0 else f"{nits:.3g}"


@dataclass(frozen=True)
class ChartLayout:
    """A wall's chart. All sizes follow from ``dot_px``, the width of the dots that letters are made of."""

    wall: WallSettings

    @property
    def size(self) -> tuple[int, int]:
        return self.wall.resolution

    @cached_property
    def dot_px(self) -> int:
        return max(min(min(self.size) // 270, min(self.wall.tile_px) // 40), 1)

    @property
    def line_px(self) -> int:
        return max(self.dot_px // 2, 1)

    @cached_property
    def tiles(self) -> dict[Tile, Rect]:
        width, height = self.wall.tile_px
        return {
            (column + 1, row + 1): Rect(column * width, self.size[1] - (row + 1) * height, width, height)
            for row in range(self.wall.rows)
            for column in range(self.wall.columns)
        }

    @cached_property
    def grid_step_m(self) -> float:
        """The distance of the grid's lines: a metre, where numbers have room between them and a wall has some."""
        px_per_m = min(px / metres for px, metres in zip(self.size, self.wall.size_m, strict=True))
        apart_m = GRID_APART * self.dot_px / px_per_m
        wanted_m = 1.0 if min(self.wall.size_m) >= 1.5 else min(self.wall.size_m) / 3.0
        steps = [step for step in GRID_STEPS_M if step >= apart_m]
        return max((step for step in steps if step <= wanted_m), default=steps[0] if steps else GRID_STEPS_M[-1])

    @cached_property
    def columns_m(self) -> dict[float, int]:
        """Metres along the tiles from the left edge, and the first pixel column of the line there."""
        return {at_m: _line(at_m, self.wall.size_m[0], self.size[0], self.line_px) for at_m in self._lines_m(0)}

    @cached_property
    def rows_m(self) -> dict[float, int]:
        """Metres above the lower edge, and the first pixel row, from the top, of the line there."""
        height = self.size[1]
        up = {at_m: _line(at_m, self.wall.size_m[1], height, self.line_px) for at_m in self._lines_m(1)}
        return {at_m: height - line - self.line_px for at_m, line in up.items()}

    def _lines_m(self, axis: int) -> list[float]:
        step_m, size_m = self.grid_step_m, self.wall.size_m[axis]
        return [number * step_m for number in range(1, int(size_m / step_m) + 1) if number * step_m < size_m - 1e-6]

    @cached_property
    def grid_labels(self) -> list[Label]:
        """Beside the lines, along the lower and the left edge; where something else stands there is none."""
        dot, edge = self.dot_px, 1 + 2 * self.dot_px
        below = self.size[1] - edge - HEIGHT * dot
        labels = [Label(f"{m:g}", x + self.line_px + 2 * dot, below, dot) for m, x in self.columns_m.items()]
        labels += [Label(f"{m:g}", edge, y - (HEIGHT + 2) * dot, dot) for m, y in self.rows_m.items()]
        inside, kept = Rect(1, 1, self.size[0] - 2, self.size[1] - 2), list[Label]()
        for label in labels:
            free = not any(label.box.overlaps(other) for other in (*self.panels, *(each.box for each in kept)))
            if free and inside.holds(label.rect):
                kept.append(label)
        return kept

    def _band(self, low: float, high: float, wanted_px: int, least_px: int) -> tuple[int, int]:
        """First row and height, up to ``wanted_px``, of what is to stand between ``low`` and ``high``, shares of the
        height from the top: in one row of tiles, below their numbers. Where none has room for ``least_px``, over them.
        """
        height, head = self.size[1], 2 + (HEIGHT + 2) * self.dot_px
        first, last = round(low * height), round(high * height)
        rows = [self.tiles[1, row] for row in range(self.wall.rows, 0, -1)]
        spans = [(max(tile.y + head, first), min(tile.y + tile.height - 1, last)) for tile in rows]
        top, end = max(spans, key=lambda span: min(span[1] - span[0], wanted_px))
        return (top, min(end - top, wanted_px)) if end - top >= least_px else (first, wanted_px)

    @property
    def cross(self) -> tuple[Rect, Rect]:
        """Its arms, as wide to either side of the picture's very middle."""
        (width, height), half = self.size, self.line_px
        arm = min(max(height // 16, 3), width // 2, height // 2)  # of a column no wider than that is
        long, thick = (2 * arm + width % 2, 2 * arm + height % 2), (2 * half + width % 2, 2 * half + height % 2)
        across = Rect(width // 2 - arm, height // 2 - half, long[0], thick[1])
        return across, Rect(width // 2 - half, height // 2 - arm, thick[0], long[1])

    @cached_property
    def name(self) -> Label | None:
        """The wall's id, as large as there is room for."""
        width, height = self.size
        for dot_px in (4 * self.dot_px, 2 * self.dot_px, self.dot_px):
            tall, across = (HEIGHT + 2) * dot_px, text_width(self.wall.id, dot_px)
            top, _ = self._band(1 / 32, 0.22, tall, tall)
            label = Label(self.wall.id, (width - across) // 2, top + dot_px, dot_px)
            if label.box.width < width * 3 // 4 and label.box.y + tall <= 0.22 * height:
                return label
        return None

    @cached_property
    def _upper(self) -> tuple[int, int]:
        """First row and height of what stands above the middle."""
        height = self.size[1]
        return self._band(0.23, 0.43, height * 4 // 25, 18 * self.dot_px)

    @cached_property
    def counter(self) -> Counter | None:
        """Above the middle, where a camera looks. None on a wall that is too small for it."""
        width, height = self.size
        dot, cell_px = self.dot_px, min(8 * self.dot_px, width * 9 // 20 // BITS)
        top, room = self._upper
        bar_px = max(min(2 * cell_px, room - (HEIGHT + 5) * dot), 4 * dot)
        inner = max(BITS * cell_px, text_width("0" * PLACES, dot))
        panel = Rect(0, 0, inner + 4 * dot, bar_px + (HEIGHT + 5) * dot)
        if cell_px == 0 or panel.width > width - 4 - 2 * dot or panel.height > height // 4:
            return None
        x = (width - panel.width) // 2
        bar = Rect(x + 2 * dot, top + 2 * dot, BITS * cell_px, bar_px)
        digits = Label("0" * PLACES, x + 2 * dot, bar.y + bar_px + dot, dot)
        return Counter(Rect(x, top, panel.width, panel.height), bar, digits)

    @cached_property
    def patches(self) -> list[tuple[Rect, tuple[int, int, int]]]:
        """Red, green, blue and white at peak, on the left, above the middle."""
        width, (top, tall) = self.size[0], self._upper
        left, gap = width // 16 + 8 * self.dot_px, 2 * self.dot_px
        right = self.counter.panel.x if self.counter else width - left
        side = min(tall, (right - left) // len(PRIMARIES) - gap)
        if side < 4:
            return []
        places = [Rect(left + number * (side + gap), top, side, side) for number in range(len(PRIMARIES))]
        return list(zip(places, PRIMARIES, strict=True))

    @cached_property
    def steps(self) -> list[Step]:
        """Greys from peak down, a stop each, and black; below the middle. None on a wall that is too low for them."""
        (width, height), dot = self.size, self.dot_px
        texts = {code: in_words(nits_of_code(code, self.wall)) for code in self._step_codes}
        across = max(text_width(text, dot) for text in texts.values()) + 4 * dot
        room, strip = width * 9 // 10, (HEIGHT + 4) * dot
        codes = [*self._step_codes[: min(room // across, len(texts)) - 1], 0] if room >= 2 * across else []
        side = min(room // max(len(codes), 1), max(height // 4, across))
        top, tall = self._band(0.58, 0.9, height * 7 // 50 + strip, strip + 12 * dot)
        if top + tall > height or tall <= strip:
            return []
        left = (width - side * len(codes)) // 2
        return [
            Step(
                Rect(left + number * side, top, side, tall - strip),
                code,
                Label(texts[code], left + number * side + 2 * dot, top + tall - strip + 2 * dot, dot),
            )
            for number, code in enumerate(codes)
        ]

    @cached_property
    def _step_codes(self) -> list[int]:
        """Of every stop down to the last that is another code value, and of black."""
        codes = [code_of_nits(self.wall.peak_nits * 0.5**stop, self.wall) for stop in range(MOST_STEPS - 1)]
        return [code for code, below in pairwise([*codes, 0]) if code > below] + [0]

    @cached_property
    def step_panel(self) -> Rect | None:
        """The steps and the strip with their nits."""
        if not self.steps:
            return None
        first, last = self.steps[0], self.steps[-1]
        wide, tall = last.rect.x + last.rect.width - first.rect.x, first.rect.height + (HEIGHT + 4) * self.dot_px
        return Rect(first.rect.x, first.rect.y, wide, tall)

    @cached_property
    def panels(self) -> list[Rect]:
        """What nothing else is drawn over."""
        found = [rect for rect, _ in self.patches]
        found += [self.name.box] if self.name else []
        found += [self.counter.panel] if self.counter else []
        return [*found, *([self.step_panel] if self.step_panel else [])]

    @cached_property
    def tile_labels(self) -> dict[Tile, Label]:
        """column.row of each; where tiles are too small a running number from the lower left, or none.

        Small tiles that something else stands on have none; those of 40 dots a side all have theirs.
        """
        columns, room = self.wall.columns, self.wall.tile_px[0] - 2 - 2 * self.dot_px
        for form in ("{0}.{1}", "{2}"):
            texts = {tile: form.format(*tile, (tile[1] - 1) * columns + tile[0]) for tile in self.tiles}
            widest = max(text_width(text, self.dot_px) for text in texts.values())
            if widest <= room and HEIGHT * self.dot_px <= self.wall.tile_px[1] - 2 - 2 * self.dot_px:
                placed = {tile: self._in_tile(texts[tile], rect) for tile, rect in self.tiles.items()}
                return {tile: label for tile, label in placed.items() if label}
        return {}

    def _in_tile(self, text: str, tile: Rect) -> Label | None:
        """In the first of its corners where nothing stands; None where there is none."""
        edge, size = 1 + self.dot_px, Label(text, 0, 0, self.dot_px).rect
        right, low = tile.x + tile.width - edge - size.width, tile.y + tile.height - edge - size.height
        places = [(x, y) for y in (tile.y + edge, low) for x in (tile.x + edge, right)]
        taken = [*self.panels, *self.cross, *(label.box for label in self.grid_labels)]
        labels = [Label(text, x, y, self.dot_px) for x, y in places]
        return next((label for label in labels if not any(label.box.overlaps(other) for other in taken)), None)


def _line(at_m: float, size_m: float, size_px: int, line_px: int) -> int:
    return int(np.floor(at_m / size_m * size_px + 1e-6)) - line_px // 2
