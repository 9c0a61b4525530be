"""What operators press: events that are never merged and keep their order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vpengine.frames.feed import PROGRAM

RESERVED = ("next", "previous", "go", "back", "safe")  # no scene may have such a slug


@dataclass(frozen=True)
class SceneTrigger:
    """Go to the scene ``name`` (its slug), or to a neighbour in the show's order.

    bus: on the walls, or in the preview alone, where an empty name shows nothing.
    """

    action: Literal["goto", "next", "previous"]
    name: str = ""
    bus: str = PROGRAM


@dataclass(frozen=True, slots=True)
class RefreshTrigger:
    """Make all generated pictures anew."""


@dataclass(frozen=True, slots=True)
class CameraTrigger:
    """Recentre a camera's tracker: what it says now is the camera's own resting pose; or take the last one back."""

    action: Literal["recentre", "undo"]
    camera: str
