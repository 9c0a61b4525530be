"""Live controls, each declared once: address, type, range, unit and sentence; and the values they hold."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

from vpengine.control.transitions import EASINGS, smooth
from vpengine.errors import UserError, did_you_mean
from vpengine.frames.look import Blend

Value = float | bool | str  # an int is a float to the type checker
Kind = Literal["float", "int", "bool", "text"]


MOST_BLENDED = 3  # texts that a fade begins from, where several were interrupted
LONGEST_TEXT = 1000  # characters; what a person types is shorter


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
        return _text(control, value)
    if not isinstance(value, bool | int | float) or not abs(value) < math.inf:  # isfinite raises for huge ints
        raise ControlError(f"{control.address}: {value!r}, expected {_expected(control)}")
    if control.kind == "bool":
        return value > 0.5
    clamped = float(min(max(value, control.low), control.high))
    return round(clamped) if control.kind == "int" else clamped


def _text(control: Control, value: Any) -> str:
    if not isinstance(value, str):
        raise ControlError(f"{control.address}: {value!r}, expected text")
    if len(value) > LONGEST_TEXT:
        raise ControlError(f"{control.address}: a text of {len(value)} characters, allowed up to {LONGEST_TEXT}")
    return value


def typed(control: Control, text: str) -> Value:
    """What a person typed, as the control's type. Raises ControlError, also beyond the range: a fader's end stop is for
    hands, and a number that was typed is a mistake.
    """
    if control.kind == "text":
        return _text(control, text)
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
    """held_s: since when it stands still."""

    start: float
    end: float
    start_s: float
    duration_s: float
    ease: Callable[[float], float] = smooth
    held_s: float | None = None

    def at(self, time_s: float) -> float:
        time_s = time_s if self.held_s is None else self.held_s
        t = min(max((time_s - self.start_s) / self.duration_s, 0.0), 1.0)
        return self.start + (self.end - self.start) * self.ease(t)

    def done(self, time_s: float) -> bool:
        return self.held_s is None and time_s >= self.start_s + self.duration_s

    def going_on(self, time_s: float) -> Self:
        return self if self.held_s is None else replace(self, start_s=self.start_s + time_s - self.held_s, held_s=None)


@dataclass(frozen=True)
class _TextFade(_Fade):
    """From a blend of texts to one; the fader of its share goes from 0 to 1."""

    before: Blend = ()
    text: str = ""

    def blend(self, time_s: float) -> Blend:
        share = self.at(time_s)
        shares = {text: part * (1.0 - share) for text, part in self.before}
        shares[self.text] = shares.get(self.text, 0.0) + share
        return tuple(shares.items())


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

    def fade(self, address: str, value: Any, start_s: float, duration_s: float, easing: str = "smooth") -> None:
        """Move to ``value`` over ``duration_s`` from where the control stands. A text is the new one at once, and has
        a blend with what it was; what is neither a number nor a text jumps. easing: of ``transitions.EASINGS``.
        """
        ease = EASINGS[easing]
        control = self.find(address)
        end, start = parse(control, value), self.at(address, start_s)
        if control.kind == "text" and duration_s > 0.0 and end != start:
            before = self._blend(address, start_s)
            self._values[address] = end
            self._fades[address] = _TextFade(0.0, 1.0, start_s, duration_s, ease, None, before, str(end))
            return
        if control.kind == "text" and end == start:  # where it is, or is going already
            return
        if control.kind != "float" or duration_s <= 0.0:
            self.set(address, end)
            return
        self._fades[address] = _Fade(float(start), float(end), start_s, duration_s, ease)

    def stop(self, address: str, time_s: float) -> None:
        """What is on its way stays where it is now; a text is the one that it was going to."""
        self.set(address, self.at(address, time_s))

    def hold(self, address: str, time_s: float) -> None:
        """What is on its way stands still, until ``go_on``; where it rests at last is as it was."""
        fade = self._fades.get(address)
        if fade is not None and fade.held_s is None:
            self._fades[address] = replace(fade, held_s=time_s)

    def go_on(self, time_s: float) -> None:
        """What was held goes on from where it stands."""
        self._fades = {address: fade.going_on(time_s) for address, fade in self._fades.items()}

    def targets(self) -> Mapping[str, Value]:
        """Where every control rests, or will when its fade has ended."""
        ends = {address: fade.end for address, fade in self._fades.items() if not isinstance(fade, _TextFade)}
        return {**self._values, **ends}

    def at(self, address: str, time_s: float) -> Value:
        fade = self._fades.get(address)
        return self._values[address] if fade is None or isinstance(fade, _TextFade) else fade.at(time_s)

    def blends(self, time_s: float) -> Mapping[str, Blend]:
        """Of the texts that are on their way to another one, by address: the texts and their shares of 1."""
        return {
            address: fade.blend(time_s)
            for address, fade in self._fades.items()
            if isinstance(fade, _TextFade) and not fade.done(time_s)
        }

    def _blend(self, address: str, time_s: float) -> Blend:
        """What a text is now; of many that were interrupted the strongest."""
        fade = self._fades.get(address)
        if not isinstance(fade, _TextFade):
            return ((str(self._values[address]), 1.0),)
        kept = sorted(fade.blend(time_s), key=lambda part: -part[1])[:MOST_BLENDED]
        total = sum(share for _, share in kept)
        return tuple((text, share / total) for text, share in kept)

    def freeze(self, time_s: float) -> Mapping[str, Value]:
        """Every control's value at ``time_s``, for one frame; fades that have ended are settled."""
        for address, fade in list(self._fades.items()):
            if fade.done(time_s):
                if not isinstance(fade, _TextFade):
                    self._values[address] = fade.end
                del self._fades[address]
        return {address: self.at(address, time_s) for address in self._values}
