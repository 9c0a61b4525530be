"""Timecode: a frame's number as hours, minutes, seconds and frames, exact, with drop-frame (SMPTE ST 12-1)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

DROP_RATES = (Fraction(30000, 1001), Fraction(60000, 1001))
DROPPED_A_MINUTE = Fraction(1, 15)  # of the nominal rate: 2 at 29.97, 4 at 59.94


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


def timecode_of(number: int, rate: Fraction) -> Timecode:
    """The label of frame ``number``, counted from 0 at 00:00:00:00; it begins again after 24 hours.

    At 29.97 and 59.94 labels are dropped: at the start of every minute but each tenth.
    """
    nominal = -(-rate.numerator // rate.denominator)  # 24000/1001 counts to 24
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
