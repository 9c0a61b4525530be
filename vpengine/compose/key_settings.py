"""What an operator asks of the keyer, in one frame; and the screen's colour picked from a picture."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vpengine.control.key import COLOR, GREEN, LUMA, SETTINGS, WORLD
from vpengine.errors import UserError

Rgb = tuple[float, float, float]
LEAST_CHROMA = 0.05  # of a screen's light: what is nearer to grey than this cannot be told from a foreground
SKIN = np.array([0.346, 0.253, 0.174])  # the synthetic camera's skin in ACEScg; faces of all tones share its hue
# Half the hues about the screen's that spill has, and how much of the way to skin's. At 60 degrees green's limit is the
# greater of red and blue, at 90 their mean: this lies between.
WIDEST, NEAREST = math.radians(74.0), 0.8


@dataclass(frozen=True)
class KeySettings:
    """Light is scene-linear ACEScg; lengths are in the picture's pixels. As ``control.key`` says of each."""

    screen: Rgb = GREEN
    clip_black: float = 0.01
    clip_white: float = 0.92
    shrink_px: float = 0.0
    feather_px: float = 0.0
    refine: float = 0.5
    despill: float = 1.0
    despill_choice: int = LUMA
    despill_color: Rgb = (0.5, 0.5, 0.5)
    shadow: float = 0.0
    extend: float = 0.5
    wrap: float = 0.0
    wrap_radius_px: float = 16.0
    grain: float = 0.0
    black: float = 0.0
    clean_plate: bool = True

    def __post_init__(self) -> None:
        """Raises UserError for a screen that has no colour, and for a white that is not above the black."""
        if chroma_of(self.screen) < LEAST_CHROMA:
            shown = ", ".join(f"{light:g}" for light in self.screen)
            raise UserError(f"/vp/key/screen: ({shown}) has no colour to key by: pick it from the lit screen")
        if self.clip_white <= self.clip_black:
            raise UserError(f"/vp/key/clip/white: {self.clip_white:g}, expected more than black ({self.clip_black:g})")

    @property
    def to_world(self) -> bool:
        """Spill is replaced by the world's light."""
        return self.despill_choice == WORLD

    @property
    def to_color(self) -> bool:
        return self.despill_choice == COLOR


def key_settings(controls: Mapping[str, float | bool | str]) -> KeySettings:
    """From the controls' values by address, as ``Controls.freeze`` has them; those that are not there rest."""
    values = {one.address.removeprefix("/vp/key/"): controls.get(one.address, one.default) for one in SETTINGS}

    def number(name: str) -> float:
        return float(values[name])

    def rgb(name: str) -> Rgb:
        return number(f"{name}/r"), number(f"{name}/g"), number(f"{name}/b")

    return KeySettings(
        screen=rgb("screen"),
        clip_black=number("clip/black"),
        clip_white=number("clip/white"),
        shrink_px=number("shrink"),
        feather_px=number("feather"),
        refine=number("refine"),
        despill=number("despill/amount"),
        despill_choice=int(number("despill/choice")),
        despill_color=rgb("despill"),
        shadow=number("shadow"),
        extend=number("extend"),
        wrap=number("wrap/amount"),
        wrap_radius_px=number("wrap/radius"),
        grain=number("grain"),
        black=number("black"),
        clean_plate=bool(values["clean_plate"]),
    )


def chroma_of(color: Rgb) -> float:
    """How far from grey, as a part of its mean: 0 is grey."""
    light = np.asarray(color, np.float64)
    mean = light.mean()
    return float(np.linalg.norm(light - mean) / mean) if mean > 1e-4 else 0.0


def key_axes(screen: Rgb) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(3,) along and (3,) across: a colour's chroma by the screen's own hue, 1 and 0 at the screen, 0 for every grey.

    The opponent axes of the screen's hue, whatever it is: with them blue and yellow-green are keyed as green is.
    """
    light, grey = np.asarray(screen, np.float64), np.full(3, 3**-0.5)
    chroma = light - (light @ grey) * grey
    length = float(np.linalg.norm(chroma))
    along = chroma / length
    return along / length, np.cross(grey, along) / length


def spill_slope(screen: Rgb) -> float:
    """The cotangent of half the angle of hues that spill has (S. van den Bergh, V. Lalioti, Software chroma keying in
    an immersive virtual environment, 1999); less where hues are skin's.
    """
    along, across = key_axes(screen)
    to_skin = math.atan2(abs(float(across @ SKIN)), float(along @ SKIN))
    return 1.0 / math.tan(min(WIDEST, NEAREST * to_skin))


def pick(picture: NDArray[np.floating], x: int, y: int, size: int = 9) -> Rgb:
    """The screen's colour in the box of ``size`` pixels about column x and row y of (height, width, 3 or more): each
    channel's median, so that a speck of dust or a strand of hair does not count. Raises UserError outside the picture.
    """
    height, width = picture.shape[:2]
    if not (0 <= x < width and 0 <= y < height):
        raise UserError(f"pick: ({x}, {y}) is not in the picture of {width} x {height} pixels")
    half = size // 2
    box = picture[max(y - half, 0) : y + half + 1, max(x - half, 0) : x + half + 1, :3]
    red, green, blue = np.median(box.reshape(-1, 3).astype(np.float64), axis=0)
    return float(red), float(green), float(blue)
