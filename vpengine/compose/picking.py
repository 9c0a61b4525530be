"""What an operator picks from a camera's own picture: the screen's colour, or a grey card that sets its gains."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from vpengine.control.key import GAINS, GREEN, LEAST_GAIN, MOST_GAIN, SCREEN
from vpengine.control.messages import ControlChange
from vpengine.control.triggers import PickTrigger
from vpengine.errors import UserError
from vpengine.frames.captured import CapturedFrame, cropped, rgb_of
from vpengine.gpu.input_space import space_of

GREY = 0.18  # of a card's light
DARKEST, BRIGHTEST = 0.005, 8.0  # light of a card that is one
PATCHES, PATCH_PX = 4, 16  # of a large box, on each of its sides
Rgb = tuple[float, float, float]


def picked(
    trigger: PickTrigger, frame: CapturedFrame, color_space: str, controls: Mapping[str, float | bool | str]
) -> Iterable[ControlChange]:
    """The changes that a pick makes: each channel's median, so that a speck of dust does not count.

    controls: as they are; the screen's colour goes with the gains of a grey card, whichever is picked first.

    Raises UserError for a card that is too dark or too bright to be one.
    """
    light = measured(trigger, frame, color_space)
    if trigger.what == "screen":
        return _changes(SCREEN, (part * gain for part, gain in zip(light, _now(GAINS, controls), strict=True)))
    if min(light) < DARKEST or max(light) > BRIGHTEST:
        shown = ", ".join(f"{part:.3f}" for part in light)
        raise UserError(f"/vp/picture/grey: ({shown}) of white is no grey card; pick one that is lit as the actor is")
    gains = [min(max(GREY / part, LEAST_GAIN), MOST_GAIN) for part in light]
    return [*_changes(GAINS, gains), *_changes(SCREEN, _screen_with(gains, controls))]


def _screen_with(gains: Sequence[float], controls: Mapping[str, float | bool | str]) -> Rgb:
    """The screen's colour under other gains: it was picked from the picture with those that were. The one that nobody
    picked is that of a picture which is balanced already.
    """
    red, green, blue = screen = _now(SCREEN, controls)
    if screen == GREEN:
        return screen
    others = [new / old for new, old in zip(gains, _now(GAINS, controls), strict=True)]
    return red * others[0], green * others[1], blue * others[2]


def _now(addresses: tuple[str, str, str], controls: Mapping[str, float | bool | str]) -> Rgb:
    red, green, blue = (float(controls[address]) for address in addresses)
    return red, green, blue


def _changes(addresses: tuple[str, str, str], values: Iterable[float]) -> list[ControlChange]:
    return [ControlChange(address, value) for address, value in zip(addresses, values, strict=True)]


def measured(trigger: PickTrigger, frame: CapturedFrame, color_space: str) -> Rgb:
    """Scene-linear ACEScg in the box, without gains; of a large one a grid of patches, for the frame waits for it."""
    width, height = frame.size
    space = space_of(color_space, frame.tags.transfer, frame.matrix)
    across, down = _span(trigger.x, trigger.width, width), _span(trigger.y, trigger.height, height)
    patches = [
        space.acescg(rgb_of(cropped(frame, left, top, right, bottom))).reshape(-1, 3)
        for top, bottom in _patches(*down)
        for left, right in _patches(*across)
    ]
    red, green, blue = np.median(np.concatenate(patches), axis=0)
    return float(red), float(green), float(blue)


def _patches(first: int, end: int) -> Iterable[tuple[int, int]]:
    """Of a span of pixels all, or the middles of its PATCHES equal parts, PATCH_PX wide."""
    if end - first <= PATCHES * PATCH_PX:
        return [(first, end)]
    part = (end - first) / PATCHES
    starts = [first + round((number + 0.5) * part - 0.5 * PATCH_PX) for number in range(PATCHES)]
    return [(start, start + PATCH_PX) for start in starts]


def _span(middle: float, share: float, pixels: int) -> tuple[int, int]:
    first = min(max(int((middle - 0.5 * share) * pixels), 0), pixels - 1)
    return first, min(max(round((middle + 0.5 * share) * pixels), first + 1), pixels)
