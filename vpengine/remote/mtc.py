"""MIDI timecode (MTC): quarter frames and full frames in, the label of any moment out. No device, no clock.

MIDI 1.0's MTC: F1 nd, n the piece and d four bits of it, four a frame, eight for a whole label, which is that of the
moment of piece 0; played backward they come in reverse. F0 7F id 01 01 hh mm ss ff F7 is a place that was gone to.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from vpengine.view.timecode import DROP_RATES, Timecode, called_at, frames_a_day, number_of

RATES = (Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(30))  # by the two bits that say it
SILENT_S = 0.5  # after which it is no timecode any more
PIECES = 8  # of a label; they take two frames
CYCLES = 2  # that follow from one another, before a label is believed
SMOOTH = 0.1  # of a deviation, how much is followed: MIDI comes with a jitter of a millisecond or two

_STEPS = {1: 1, PIECES - 1: -1}  # from one piece to the next, forward and backward
_QUARTER_FRAME = 0xF1
_REAL_TIME, _FULL_FRAME, _END = b"\xf0\x7f", b"\x01\x01", 0xF7


def _number(hours: int, minutes: int, seconds: int, frames: int, rate: Fraction) -> int:
    return number_of(Timecode(hours, minutes, seconds, frames, rate in DROP_RATES), rate)


_FRAMES_A_DAY = {rate: frames_a_day(rate) for rate in RATES}


@dataclass(frozen=True, slots=True)
class _Stand:
    """Where the tape was at ``time_s``. quarters: of frames, from 00:00:00:00. speed: 1 forward, -1 backward, or 0."""

    quarters: float
    time_s: float
    rate: Fraction
    speed: int

    def at(self, time_s: float) -> float:
        return self.quarters + self.speed * 4.0 * float(self.rate) * (time_s - self.time_s)

    def moved(self, quarters: int, time_s: float, speed: int) -> _Stand:
        """To where a piece says it is now; jitter is smoothed, a jump is followed."""
        deviation = quarters - self.at(time_s)
        smoothed = quarters - (1.0 - SMOOTH) * deviation if self.speed == speed and abs(deviation) < 1.0 else quarters
        return _Stand(smoothed, time_s, self.rate, speed)


class MtcReader:
    """Fed by one thread, asked by any. Locked after two cycles of quarter frames that follow from one another, forward
    or backward; it runs on where a piece is lost, and is dropped half a second after the last that it could follow. A
    full frame is believed at once, and stands still.
    """

    def __init__(self) -> None:
        self._bits = [0] * PIECES
        self._last = -1  # piece
        self._step = 0
        self._run = 0  # pieces in a row, in one direction
        self._before: tuple[int, Fraction] | None = None  # frame and rate of the cycle before, of this run
        self._cycles = 0  # that followed from one another
        self._quarters: int | None = None  # where the newest piece was, while every piece is known to follow
        self._stand: _Stand | None = None  # replaced whole, so that another thread never reads half of it
        self._heard_s = -math.inf

    def take(self, message: bytes, time_s: float) -> None:
        """One whole MIDI message that came at ``time_s``; what is no timecode, or a broken one, is passed over."""
        if len(message) == 2 and message[0] == _QUARTER_FRAME and message[1] < 0x80:
            self._take_piece(message[1] >> 4, message[1] & 0x0F, time_s)
        elif len(message) == 10 and message[:2] == _REAL_TIME and message[3:5] == _FULL_FRAME and message[9] == _END:
            self._locate(message[5:9], time_s)

    def timecode(self, time_s: float, rate: Fraction | None = None) -> Timecode | None:
        """The label at ``time_s``, by the clock of ``take``; None while it is not locked, or silent. rate: of the
        frames that are called by it, the timecode's own where it is None.
        """
        stand = self._standing(time_s)
        if stand is None:
            return None
        return called_at(stand.at(time_s) / 4.0 % _FRAMES_A_DAY[stand.rate], stand.rate, rate or stand.rate)

    def rate(self, time_s: float) -> Fraction | None:
        """A second: 24 (also for 23.976), 25, 30000/1001 with drop-frame labels, 30. None as for ``timecode``."""
        stand = self._standing(time_s)
        return stand.rate if stand is not None else None

    def _standing(self, time_s: float) -> _Stand | None:
        stand = self._stand
        return stand if stand is not None and time_s - stand.time_s < SILENT_S else None

    def _locate(self, fields: bytes, time_s: float) -> None:
        rate = RATES[fields[0] >> 5 & 0x03]
        try:
            frame = _number(fields[0] & 0x1F, fields[1], fields[2], fields[3], rate)
        except ValueError:  # no such label
            return
        self._break()
        self._stand = _Stand(4 * frame, time_s, rate, 0)

    def _break(self) -> None:
        """What comes does not follow from what was before."""
        self._run = self._step = self._cycles = 0
        self._before = self._quarters = None

    def _take_piece(self, piece: int, bits: int, time_s: float) -> None:
        step = _STEPS.get((piece - self._last) % PIECES, 0) if self._last >= 0 else 0
        if step == 0 or time_s - self._heard_s >= SILENT_S:
            self._break()
        elif step != self._step:  # it turned: the piece before is the first of this run
            self._run, self._cycles, self._before = 1, 0, None
        self._last, self._step, self._heard_s = piece, step, time_s
        self._bits[piece] = bits
        self._run += 1
        if self._quarters is not None and self._stand is not None:
            self._quarters += step
            self._stand = self._stand.moved(self._quarters, time_s, step)
        if self._run >= PIECES and piece == (PIECES - 1 if step > 0 else 0):
            self._close_cycle(piece, time_s)

    def _close_cycle(self, piece: int, time_s: float) -> None:
        """Every piece of a label is there."""
        try:
            frame, rate = self._whole()
        except ValueError:  # no such label
            self._break()
            return
        day = _FRAMES_A_DAY[rate]
        expected = None if self._before is None else ((self._before[0] + 2 * self._step) % day, self._before[1])
        self._cycles = self._cycles + 1 if expected == (frame, rate) else 1
        self._before = (frame, rate)
        quarters = 4 * frame + piece
        if self._quarters is not None and (self._quarters - quarters) % (4 * day):
            self._quarters = self._stand = None  # it jumped
        if self._cycles >= CYCLES and self._quarters is None:
            self._quarters = quarters
            self._stand = _Stand(quarters, time_s, rate, self._step)

    def _whole(self) -> tuple[int, Fraction]:
        """The frame's number, and its rate. Raises ValueError."""
        low, high = self._bits[0::2], self._bits[1::2]
        frames, seconds, minutes, hours = (a | b << 4 for a, b in zip(low, high, strict=True))
        rate = RATES[hours >> 5 & 0x03]
        return _number(hours & 0x1F, minutes, seconds, frames, rate), rate
