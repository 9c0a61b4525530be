"""What operators press: events that are never merged and keep their order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vpengine.frames.feed import PROGRAM

RESERVED = ("next", "previous", "go", "back", "safe")  # no scene may have such a slug


@dataclass(frozen=True)
class SceneTrigger:
    """Go to the scene ``name`` (its slug), to a neighbour in the show's order, or to what the preview shows ("take").

    bus: on the walls, or in the preview alone, where an empty name shows nothing.
    """

    action: Literal["goto", "next", "previous", "take"]
    name: str = ""
    bus: str = PROGRAM


@dataclass(frozen=True, slots=True)
class CueTrigger:
    """Playback of the cue list. number: of "goto" and "standby"."""

    action: Literal["go", "back", "goto", "standby", "pause"]
    number: str = ""


@dataclass(frozen=True, slots=True)
class CueEdit:
    """A change of the cue list. number: of "record" and "delete". name: of a cue that is recorded."""

    action: Literal["record", "update", "delete", "undo", "redo"]
    number: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class SafeTrigger:
    """The safe picture, or back from it."""

    on: bool


@dataclass(frozen=True, slots=True)
class TakeTrigger:
    """Takes: they begin and end, what they are called, and the lock on looks. text: of the three that name."""

    action: Literal["roll", "cut", "slate", "scene", "number", "lock", "unlock"]
    text: str = ""


@dataclass(frozen=True, slots=True)
class LookTrigger:
    """Of the preview's look, or of the moment that went by ("keep"). text: a name for "keep" and "candidate", else who
    decides.
    """

    action: Literal["keep", "candidate", "approve", "temporary", "revoke"]
    text: str = ""


@dataclass(frozen=True, slots=True)
class RefreshTrigger:
    """Make all generated pictures anew."""


@dataclass(frozen=True, slots=True)
class ClipTrigger:
    """The clips of the plates on the walls: from their beginning, or stopped where they are and on again."""

    action: Literal["restart", "pause"]


@dataclass(frozen=True, slots=True)
class PickTrigger:
    """Measure a camera's own picture: its screen's colour ("screen"), or a grey card ("grey").

    x, y: the middle of what is measured, width, height: its size, in shares of the picture from its upper left corner.
    """

    what: Literal["screen", "grey"]
    x: float
    y: float
    width: float = 0.02
    height: float = 0.02


@dataclass(frozen=True, slots=True)
class CameraTrigger:
    """Recentre a camera's tracker: what it says now is the camera's own resting pose; or take the last one back."""

    action: Literal["recentre", "undo"]
    camera: str
