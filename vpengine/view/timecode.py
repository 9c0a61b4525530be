"""Timecode: a frame's number as hours, minutes, seconds and frames, exact, with drop-frame (SMPTE ST 12-1)."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction

DROP_RATES = (Fraction(30000, 1001), Fraction(60000, 1001))
DROPPED_A_MINUTE = Fraction(1, 15)  # of the nominal rate: 2 at 29.97, 4 at 59.94
_WRITTEN = re.compile(r"([0-9]{2}):([0-9]{2}):([0-9]{2})([:;])([0-9]{2,3})")


@dataclass(frozen=True)
class Timecode:
    """A label for a frame. drop: numbers are left out, so that a day of labels is a day of time (but for 86 ms)."""

    hours: int
    minutes: int
    seconds: int
    frames: int
    drop: bool = False

    def __str__(self) -> str:
        last = ";" if self.drop else ":"
        return f"{self.hours:02}:{self.minutes:02}:{self.seconds:02}{last}{self.frames:02}"


def parsed(text: str) -> Timecode:
    """A label as ``str`` writes it. Raises ValueError."""
    found = _WRITTEN.fullmatch(text)
    if found is None:
        raise ValueError(f"{text[:20]!r} is no timecode, expected one such as 01:02:03:04")
    hours, minutes, seconds, last, frames = found.groups()
    return Timecode(int(hours), int(minutes), int(seconds), int(frames), last == ";")


def timecode_of(number: int, rate: Fraction) -> Timecode:
    """The label of frame ``number``, counted from 0 at 00:00:00:00; it begins again after 24 hours.

    At 29.97 and 59.94 labels are dropped: at the start of every minute but each tenth.
    """
    nominal = math.ceil(rate)  # 24000/1001 counts to 24
    drop = rate in DROP_RATES
    label = _with_dropped(number, nominal) if drop else number
    seconds, frames = divmod(label, nominal)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    return Timecode(hours % 24, minute, second, frames, drop)


def _with_dropped(number: int, nominal: int) -> int:
    dropped = int(nominal * DROPPED_A_MINUTE)
    minute = 60 * nominal - dropped  # frames of a minute that drops
    ten_minutes = 10 * minute + dropped
    tens, rest = divmod(number, ten_minutes)
    minutes_dropping = max(rest - dropped, 0) // minute
    return number + dropped * (9 * tens + minutes_dropping)


def number_of(timecode: Timecode, rate: Fraction) -> int:
    """The number of the frame that has this label on the first day. Raises ValueError for a label that no frame has."""
    nominal = math.ceil(rate)
    hours, minutes, seconds, frames = timecode.hours, timecode.minutes, timecode.seconds, timecode.frames
    if not (0 <= hours < 24 and 0 <= minutes < 60 and 0 <= seconds < 60 and 0 <= frames < nominal):
        raise ValueError(f"{timecode}: no such time at {rate} frames a second")
    if timecode.drop != (rate in DROP_RATES):
        raise ValueError(f"{timecode}: labels are dropped at 29.97 and 59.94, and at no other rate")
    minutes += 60 * hours
    label = (60 * minutes + seconds) * nominal + frames
    if not timecode.drop:
        return label
    dropped = int(nominal * DROPPED_A_MINUTE)
    if seconds == 0 and frames < dropped and minutes % 10:
        raise ValueError(f"{timecode}: this label is dropped")
    return label - dropped * (minutes - minutes // 10)


def frames_a_day(rate: Fraction) -> int:
    """After which labels begin again."""
    return number_of(Timecode(23, 59, 59, math.ceil(rate) - 1, rate in DROP_RATES), rate) + 1


def label_rate(timecode: Timecode, rate: Fraction) -> Fraction:
    """By which labels such as this one are counted, at ``rate`` frames a second: 29.97 may be counted without drops."""
    return Fraction(math.ceil(rate)) if rate in DROP_RATES and not timecode.drop else rate


def called_at(frame: float, counted: Fraction, rate: Fraction) -> Timecode:
    """What a moment is called in frames of ``rate``, that is ``frame`` of those of ``counted``, which may be a part of
    one more. Labels that drop none agree in their seconds, whatever the time that these take; else time counts.
    """
    drops = rate in DROP_RATES or counted in DROP_RATES
    ratio = rate / counted if drops else Fraction(math.ceil(rate), math.ceil(counted))
    return timecode_of(math.floor(frame * float(ratio) + 1e-6) % frames_a_day(rate), rate)
