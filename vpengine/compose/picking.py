"""What an operator picks from a camera's own picture: the screen's colour, or a grey card that sets its gains."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from vpengine.control.key import GAINS
from vpengine.control.messages import ControlChange
from vpengine.control.triggers import PickTrigger
from vpengine.errors import UserError
from vpengine.frames.captured import CapturedFrame, cropped, rgb_of
from vpengine.gpu.input_space import space_of

GREY = 0.18  # of a card's light
DARKEST, BRIGHTEST = 0.005, 8.0  # light of a card that is one
Rgb = tuple[float, float, float]


def picked(
    trigger: PickTrigger, frame: CapturedFrame, color_space: str, controls: Mapping[str, float | bool | str]
) -> Iterable[ControlChange]:
    """The changes that a pick makes: each channel's median, so that a speck of dust does not count.

    controls: as they are. Raises UserError for a card that is too dark or too bright to be one.
    """
    light = measured(trigger, frame, color_space)
    if trigger.what == "screen":
        gained = [part * float(controls[address]) for part, address in zip(light, GAINS, strict=True)]
        return [ControlChange(f"/vp/key/screen/{name}", part) for name, part in zip("rgb", gained, strict=True)]
    if min(light) < DARKEST or max(light) > BRIGHTEST:
        shown = ", ".join(f"{part:.3f}" for part in light)
        raise UserError(f"/vp/picture/grey: ({shown}) of white is no grey card; pick one that is lit as the actor is")
    return [ControlChange(address, GREY / part) for address, part in zip(GAINS, light, strict=True)]


def measured(trigger: PickTrigger, frame: CapturedFrame, color_space: str) -> Rgb:
    """Scene-linear ACEScg in the box, without gains."""
    width, height = frame.size
    box = cropped(frame, *_edges(trigger.x, trigger.width, width, trigger.y, trigger.height, height))
    acescg = space_of(color_space, frame.tags.transfer, frame.matrix).acescg(rgb_of(box))
    red, green, blue = np.median(acescg.reshape(-1, 3), axis=0)
    return float(red), float(green), float(blue)


def _edges(x: float, wide: float, width: int, y: float, high: float, height: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom in pixels; at least one pixel lies between them, within the picture."""
    left, right = _span(x, wide, width)
    top, bottom = _span(y, high, height)
    return left, top, right, bottom


def _span(middle: float, share: float, pixels: int) -> tuple[int, int]:
    first = min(max(int((middle - 0.5 * share) * pixels), 0), pixels - 1)
    return first, min(max(round((middle + 0.5 * share) * pixels), first + 1), pixels)
