"""Live controls, each declared once: address, type, range, unit and sentence; and the values they hold."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from vpengine.errors import UserError, did_you_mean

Value = float | bool | str  # an int is a float to the type checker
Kind = Literal["float", "int", "bool", "text"]


@dataclass(frozen=True)
class Control:
    """address: where OSC, the web and files find it, ``/vp/…``. low, high: for floats, in ``unit``."""

    address: str
    kind: Kind
    default: Value
    sentence: str
    low: float = 0.0
    high: float = 1.0
    unit: str = ""


class ControlError(UserError):
    """A value that a control does not take: its address, the value, what is allowed."""


def parse(control: Control, value: Any) -> Value:
    """``value`` as the control's type, floats clamped to the range as a fader's end stop does; else ControlError."""
    if control.kind == "text":
        if isinstance(value, str):
            return value
        raise ControlError(f"{control.address}: {value!r}, expected text")
    if not isinstance(value, bool | int | float) or not abs(value) < math.inf:  # isfinite raises for huge ints
        raise ControlError(f"{control.address}: {value!r}, expected {_expected(control)}")
    if control.kind == "bool":
        return value > 0.5
    clamped = float(min(max(value, control.low), control.high))
    return round(clamped) if control.kind == "int" else clamped


def typed(control: Control, text: str) -> Value:
    """What a person typed, as the control's type. Raises ControlError, also beyond the range: a fader's end stop is for
    hands, and a number that was typed is a mistake.
    """
    if control.kind == "text":
        return text
    if control.kind == "bool" and text.lower() in ("true", "false", "on", "off"):
        return text.lower() in ("true", "on")
    low, high = (0.0, 1.0) if control.kind == "bool" else (control.low, control.high)
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not low <= number <= high:
        raise ControlError(f"{control.address}: {text!r}, expected {_expected(control)}")
    return number


def _expected(control: Control) -> str:
    if control.kind == "bool":
        return "true or false"
    return f"a number from {control.low:g} to {control.high:g} {control.unit}".rstrip()


@dataclass(frozen=True)
class _Fade:
    start: float
    end: float
    start_s: float
    duration_s: float

    def at(self, time_s: float) -> float:
        t = min(max((time_s - self.start_s) / self.duration_s, 0.0), 1.0)
        return self.start + (self.end - self.start) * t * t * (3.0 - 2.0 * t)

    def done(self, time_s: float) -> bool:
        return time_s >= self.start_s + self.duration_s


class Controls:
    """Every control that was declared, and its value now. A hand on a fader ends that fader's fade."""

    def __init__(self, declared: Iterable[Control]) -> None:
        self.declared: dict[str, Control] = {}
        for control in declared:
            if control.address in self.declared:
                raise KeyError(f"control {control.address} is declared twice")
            self.declared[control.address] = control
        self._values = {address: control.default for address, control in self.declared.items()}
        self._fades: dict[str, _Fade] = {}

    def find(self, address: str) -> Control:
        """Raises ControlError with a did-you-mean."""
        if address not in self.declared:
            raise ControlError(f"no control {address!r}{did_you_mean(address, self.declared)}")
        return self.declared[address]

    def set(self, address: str, value: Any) -> None:
        self._values[address] = parse(self.find(address), value)
        self._fades.pop(address, None)

    def fade(self, address: str, value: Any, start_s: float, duration_s: float) -> None:
        """Move to ``value`` over ``duration_s`` from where the control stands; what is not a number jumps."""
        control = self.find(address)
        end, start = parse(control, value), self.at(address, start_s)
        if control.kind != "float" or duration_s <= 0.0:
            self.set(address, end)
            return
        self._fades[address] = _Fade(float(start), float(end), start_s, duration_s)

    def at(self, address: str, time_s: float) -> Value:
        fade = self._fades.get(address)
        return fade.at(time_s) if fade else self._values[address]

    def freeze(self, time_s: float) -> Mapping[str, Value]:
        """Every control's value at ``time_s``, for one frame; fades that have ended are settled."""
        for address, fade in list(self._fades.items()):
            if fade.done(time_s):
                self._values[address] = fade.end
                del self._fades[address]
        return {address: self.at(address, time_s) for address in self._values}
