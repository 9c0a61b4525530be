"""What operators want in one frame: what the desk settles, and the frame's plan begins with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from vpengine.control.controls import Value
from vpengine.frames.frame_input import BusState


@dataclass(frozen=True)
class Settled:
    """What operators want in one frame. epoch: of what the program asks of the generator. refresh: all of it anew.

    locked: the surround stays as it is. closed: the gate lets nothing through, and the plate is shown. values: of the
    controls as operators have them, whatever gate, chance and the safe picture make of them in this frame.
    """

    buses: Mapping[str, BusState]
    controls: Mapping[str, Value]
    epoch: int
    refresh: bool = False
    locked: bool = False
    closed: bool = False
    values: Mapping[str, Value] = field(default_factory=dict)
