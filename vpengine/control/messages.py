"""What operators say, as it reaches the desk: faders moved and buttons pressed, in one order of arrival."""

from __future__ import annotations

from dataclasses import dataclass

from vpengine.control.controls import Value
from vpengine.control.triggers import (
    CameraTrigger,
    ClipTrigger,
    CueEdit,
    CueTrigger,
    LookTrigger,
    PickTrigger,
    RefreshTrigger,
    SafeTrigger,
    SceneTrigger,
    TakeTrigger,
)
from vpengine.frames.feed import PROGRAM


@dataclass(frozen=True, slots=True)
class ControlChange:
    """A hand on the control at ``address``. Of changes between two triggers of a frame the newest of an address wins.

    bus: PREVIEW for a look's control, which then moves for what stands by alone.
    """

    address: str
    value: Value
    bus: str = PROGRAM


@dataclass(frozen=True, slots=True)
class ControlToggle:
    """The switch at ``address`` goes the other way. Every press counts, so that two of them leave it as it was."""

    address: str


OperatorMessage = (
    ControlChange
    | ControlToggle
    | SceneTrigger
    | CueTrigger
    | CueEdit
    | SafeTrigger
    | TakeTrigger
    | LookTrigger
    | CameraTrigger
    | PickTrigger
    | ClipTrigger
    | RefreshTrigger
)
