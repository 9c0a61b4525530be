"""What compose needs of a plate. ``plates`` and ``compose`` may not import each other; this is the seam's shape."""

from __future__ import annotations

from fractions import Fraction
from typing import Protocol

from vpengine.gpu.target import Target
from vpengine.view.light import DAY, Light
from vpengine.view.view import View, in_plate


class Plates(Protocol):
    """Plates by the name of their location; KeyError for one that is not loaded."""

    def __getitem__(self, name: str, /) -> Drawable: ...


class Drawable(Protocol):
    """A class may say ``moves = True``: what it draws depends on the View's time; ``relights = True``: on its light;
    ``antialiases = True``: it has edges that several samples a pixel smooth; ``exact = True``: it is a chart, whose
    values must arrive on the walls as they are; ``flat``: it is a picture on a card, whose depth is the card's. One
    that plays a clip has a ``since(playhead)``: the playhead from which on it draws what it draws then.
    """

    def draw(self, target: Target, view: View) -> None:
        """Fill colour (scene-linear ACEScg) and depth (metres along the view axis, +inf for sky)."""


def draw_placed(plate: Drawable, target: Target, view: View) -> None:
    """Draw a plate where its world stands on the stage: the only way in which ``compose`` draws one."""
    plate.draw(target, in_plate(view))


def moves(plates: Plates, location: str) -> bool:
    """Whether the plate of a location does; False where it is not loaded."""
    return _says(plates, location, "moves")


def moment(plates: Plates, location: str, playhead: Fraction) -> Fraction:
    """Since when the plate of a location has shown what it shows at ``playhead``: its clip has a rate of its own."""
    try:
        since = getattr(plates[location], "since", None)
    except KeyError:
        return playhead
    return since(playhead) if since is not None else playhead


def light_on(plates: Plates, location: str, light: Light) -> Light:
    """What the plate of a location is drawn under: ``light`` where it knows its own, and else always the same."""
    return light if _says(plates, location, "relights") else DAY


def antialiases(plates: Plates, location: str) -> bool:
    """Whether the plate of a location has edges to be smoothed by several samples a pixel."""
    return _says(plates, location, "antialiases")


def exact(plates: Plates, location: str) -> bool:
    """Whether the plate of a location is a chart; False where it is not loaded."""
    return _says(plates, location, "exact")


def _says(plates: Plates, location: str, what: str) -> bool:
    try:
        return bool(getattr(plates[location], what, False))
    except KeyError:
        return False
