"""What a MIDI controller's messages ask for: pure, from whole messages as bytes to changes and triggers. No device."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from vpengine.control.buttons import Button
from vpengine.control.controls import Control, parse
from vpengine.control.messages import ControlChange, ControlToggle, OperatorMessage
from vpengine.osc import Message
from vpengine.remote.osc_buttons import button_message
from vpengine.stage.midi import FINE_FROM, SCENE, Kind, MidiMapping

HALF = 64  # of a control change, from which on a button or switch is on
_NOTE_OFF, _NOTE_ON, _CONTROL_CHANGE = 0x80, 0x90, 0xB0


class Played(NamedTuple):
    """A note, or a control change. value: 0 to 127; 0 is a note's release."""

    message: Kind
    channel: int
    number: int
    value: int


class Asked(NamedTuple):
    """What is asked for. address: of the button, scene or control."""

    address: str
    message: OperatorMessage


def played(data: bytes) -> Played | None:
    """What a whole MIDI message says; None for what is neither note nor control change, or is broken."""
    if len(data) != 3 or data[1] > 0x7F or data[2] > 0x7F:
        return None
    status, channel = data[0] & 0xF0, data[0] & 0x0F
    if status == _CONTROL_CHANGE:
        return Played("control_change", channel, data[1], data[2])
    if status in (_NOTE_ON, _NOTE_OFF):
        return Played("note", channel, data[1], data[2] if status == _NOTE_ON else 0)
    return None


@dataclass
class _Knob:
    """A mapping, and where its knob stands: 7 bits, or 14.

    high: seven bits that came, of which the low seven are waited for. has_low: whether any came yet.
    """

    mapping: MidiMapping
    position: int = 0
    high: int | None = None
    has_low: bool = False

    @property
    def is_down(self) -> bool:
        return self.share >= HALF / 127.0

    @property
    def share(self) -> float:
        """Of its way, 0 to 1."""
        return self.position / (127.0 if self.mapping.bits == 7 else 16383.0)

    def hears(self, heard: Played) -> bool:
        """Moves to what is heard, if it is this knob's and whole."""
        mapping = self.mapping
        if (heard.message, heard.channel) != (mapping.message, mapping.channel):
            return False
        if heard.number == mapping.number:
            if mapping.bits == 7:
                self.position = heard.value
                return True
            self.high = heard.value
            return not self.has_low and self.settles()
        if mapping.bits == 14 and heard.number == mapping.number + FINE_FROM:
            high = self.position >> 7 if self.high is None else self.high
            self.position, self.high, self.has_low = high << 7 | heard.value, None, True
            return True
        return False

    def settles(self) -> bool:
        """Moves to the high bits that came alone. MIDI 1.0: of others the low ones are 0."""
        if self.high is None:
            return False
        if self.high != self.position >> 7:
            self.position = self.high << 7
        self.high = None
        return True


class Surface:
    """One controller, as its mappings see it. It knows where its knobs are, and nothing of where the engine stands."""

    def __init__(self, mappings: Iterable[MidiMapping]) -> None:
        self._knobs = [_Knob(mapping) for mapping in mappings]

    def take(self, data: bytes) -> Iterator[Asked]:
        """What a whole message asks for; nothing for what is not mapped. Raises nothing, whatever the bytes."""
        heard = played(data)
        if heard is None:
            return
        for knob in self._knobs:
            was_down = knob.is_down
            if knob.hears(heard):
                pressed = heard.value > 0 if heard.message == "note" else knob.is_down and not was_down
                yield from _asked_by(knob, pressed)

    @property
    def waits(self) -> bool:
        """Whether low bits are waited for; ``settle`` ends that."""
        return any(knob.high is not None for knob in self._knobs)

    def settle(self) -> Iterator[Asked]:
        """What high bits ask for whose low ones did not come."""
        for knob in self._knobs:
            was_down = knob.is_down
            if knob.settles():
                yield from _asked_by(knob, knob.is_down and not was_down)


def _asked_by(knob: _Knob, pressed: bool) -> Iterator[Asked]:
    asked = _asked(knob, pressed)
    if asked is not None:
        yield asked


def _asked(knob: _Knob, pressed: bool) -> Asked | None:
    target = knob.mapping.target
    if isinstance(target, Button):
        arguments = (knob.mapping.argument,) if target.argument != "press" else ()
        message = button_message(Message(target.address, arguments)) if pressed else None
        return Asked(target.address, message) if message is not None else None
    if not isinstance(target, Control):
        return Asked(SCENE + (target.name or target.action), target) if pressed else None
    if knob.mapping.message == "note":
        return Asked(target.address, ControlToggle(target.address)) if pressed else None
    value = knob.is_down if target.kind == "bool" else target.low + knob.share * (target.high - target.low)
    return Asked(target.address, ControlChange(target.address, parse(target, value)))
