"""Words on pictures: labels in a corner of a film's frame, insets, and contact sheets."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Corner = Literal["top left", "top right", "bottom left", "bottom right"]
Picture = NDArray[np.uint8]

LABEL_PART = 0.026  # a label's type size, of the picture's height
PLATE = (10, 10, 12, 150)
INK = (238, 238, 232, 235)
SHEET = (18, 18, 20)
SHEET_GAP_PX = 10


def label(image: Picture, text: str, corner: Corner = "bottom left") -> Picture:
    """A copy of (height, width, 3) with a small line of text on a translucent plate."""
    picture = Image.fromarray(image[..., :3]).convert("RGBA")
    font = _font(max(round(picture.height * LABEL_PART), 10))
    left, _, right, _ = font.getbbox(text)
    pad_px = max(round(font.size * 0.55), 4)
    margin_px = max(round(font.size * 0.9), 6)
    width = round(right - left) + 2 * pad_px
    ascent, descent = font.getmetrics()
    height = ascent + descent + pad_px
    x = margin_px if "left" in corner else picture.width - margin_px - width
    y = margin_px if "top" in corner else picture.height - margin_px - height
    layer = Image.new("RGBA", picture.size)
    draw = ImageDraw.Draw(layer)
    draw.rounded_rectangle((x, y, x + width, y + height), radius=pad_px // 2 + 1, fill=PLATE)
    draw.text((x + pad_px - left, y + pad_px / 2), text, font=font, fill=INK)
    return np.asarray(Image.alpha_composite(picture, layer).convert("RGB"))


def inset(image: Picture, small: Picture, part: float = 0.3, corner: Corner = "bottom right") -> Picture:
    """A copy with ``small`` in a corner, ``part`` of the picture's width wide, in a thin frame."""
    picture = Image.fromarray(image[..., :3])
    width = round(picture.width * part)
    height = round(width * small.shape[0] / small.shape[1])
    margin_px = max(round(picture.height * LABEL_PART * 0.9), 6)
    x = margin_px if "left" in corner else picture.width - margin_px - width
    y = margin_px if "top" in corner else picture.height - margin_px - height
    picture.paste((200, 200, 196), (x - 1, y - 1, x + width + 1, y + height + 1))
    picture.paste(Image.fromarray(small[..., :3]).resize((width, height), Image.Resampling.LANCZOS), (x, y))
    return np.asarray(picture)


def contact_sheet(images: Sequence[Picture], captions: Sequence[str], columns: int) -> Picture:
    """Pictures of one size in rows from the left, each with its caption below; a caption may be empty."""
    if len(images) != len(captions) or not images:
        raise ValueError(f"contact sheet: {len(images)} images, {len(captions)} captions")
    height, width = images[0].shape[:2]
    font = _font(max(round(height * 0.075), 11))
    strip = round(font.size * 1.7) if any(captions) else 0
    rows = -(-len(images) // columns)
    cell_width, cell_height = width + SHEET_GAP_PX, height + strip + SHEET_GAP_PX
    sheet = Image.new("RGB", (columns * cell_width + SHEET_GAP_PX, rows * cell_height + SHEET_GAP_PX), SHEET)
    draw = ImageDraw.Draw(sheet)
    for index, (image, caption) in enumerate(zip(images, captions, strict=True)):
        row, column = divmod(index, columns)
        x, y = SHEET_GAP_PX + column * cell_width, SHEET_GAP_PX + row * cell_height
        cell = Image.fromarray(image[..., :3])
        sheet.paste(cell if cell.size == (width, height) else cell.resize((width, height)), (x, y))
        draw.text((x + 2, y + height + font.size * 0.25), caption, font=font, fill=INK[:3])
    return np.asarray(sheet)


@cache
def _font(size_px: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size_px)
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font
