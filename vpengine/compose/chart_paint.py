"""Paints what of a line-up chart stands still: code values for every pixel of a wall, by numpy, once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vpengine.compose.chart_layout import ChartLayout, Label, Rect
from vpengine.view.glyphs import dots

Image = NDArray[np.uint8]
Color = tuple[int, int, int]

FRAME = (255, 0, 255)  # the outermost pixels: one that is missing is seen from afar
TILES = ((28, 28, 32), (44, 44, 50))  # in turn
OUTLINE = (80, 92, 124)
TILE_INK = (150, 168, 210)
GRID = (168, 168, 168)
CROSS = (0, 255, 255)
INK = (255, 255, 255)
PAPER = (0, 0, 0)
RIM = (128, 128, 128)


def chart_image(layout: ChartLayout) -> Image:
    """(height, width, 4) uint8, row 0 at the top. Alpha 255: circles are drawn over it; 0: they are not."""
    width, height = layout.size
    image = np.full((height, width, 4), 255, np.uint8)
    for (column, row), tile in layout.tiles.items():
        _fill(image, tile, OUTLINE)
        _fill(image, tile.within(1), TILES[(column + row) % 2])
    _grid(image, layout)
    for arm in layout.cross:
        _fill(image, arm, CROSS)
    for label in layout.grid_labels:
        _write(image, label, INK)
    for panel in layout.panels:
        _fill(image, panel, PAPER, 0)
    _panels(image, layout)
    for label in layout.tile_labels.values():
        _write(image, label, TILE_INK)
    image[[0, -1]] = image[:, [0, -1]] = (*FRAME, 0)
    return image


def _grid(image: Image, layout: ChartLayout) -> None:
    for x in layout.columns_m.values():
        image[:, x : x + layout.line_px, :3] = GRID
    for y in layout.rows_m.values():
        image[y : y + layout.line_px, :, :3] = GRID


def _panels(image: Image, layout: ChartLayout) -> None:
    if layout.name:
        _write(image, layout.name, INK)
    for rect, color in layout.patches:
        _fill(image, rect, color, 0)
    for step in layout.steps:
        _fill(image, step.rect, (step.code,) * 3, 0)
        _write(image, step.label, INK)
    if layout.counter:
        _fill(image, layout.counter.panel, RIM, 0)
        _fill(image, layout.counter.panel.within(layout.dot_px), PAPER, 0)


def _fill(image: Image, rect: Rect, color: Color, alpha: int = 255) -> None:
    image[rect.y : rect.y + rect.height, rect.x : rect.x + rect.width] = (*color, alpha)


def _write(image: Image, label: Label, color: Color) -> None:
    """On paper, a dot wider on every side; alpha stays."""
    box, rect = label.box, label.rect
    image[max(box.y, 0) : box.y + box.height, max(box.x, 0) : box.x + box.width, :3] = PAPER
    part = image[rect.y : rect.y + rect.height, rect.x : rect.x + rect.width]
    part[dots(label.text, label.dot_px), :3] = color
