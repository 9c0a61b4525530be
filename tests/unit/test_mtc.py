"""MIDI timecode: the specification's example, every rate, both ways, and what a cable does to it."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from fractions import Fraction

import pytest

from vpengine.remote.mtc import RATES, SILENT_S, MtcReader
from vpengine.view.timecode import Timecode, timecode_of

# MIDI 1.0 Detailed Specification, MIDI Time Code: 01:37:52:16 at 30 frames a second, non-drop.
EXAMPLE = bytes.fromhex("F1 00 F1 11 F1 24 F1 33 F1 45 F1 52 F1 61 F1 76")
NTSC = Fraction(30000, 1001)


def by_hand(label: str, code: int) -> list[bytes]:
    """The eight pieces of a label, forward, from its digits; it shares nothing with the engine."""
    hours, minutes, seconds, frames = map(int, label.replace(";", ":").split(":"))
    values = (frames, seconds, minutes, hours | code << 5)
    return [bytes((0xF1, n << 4 | values[n // 2] >> 4 * (n % 2) & 0x0F)) for n in range(8)]


def pieces(first: int, count: int, rate: Fraction, step: int = 1) -> Iterator[bytes]:
    """Quarter frames of ``count`` cycles, from the cycle of frame ``first``."""
    for n in range(count):
        yield from by_hand(str(timecode_of(first + 2 * step * n, rate)), RATES.index(rate))[::step]


class Tape:
    """Plays messages into a reader, a quarter frame apart."""

    def __init__(self, rate: Fraction = Fraction(30)) -> None:
        self.reader = MtcReader()
        self.now_s, self.quarter_s = 100.0, float(1 / (4 * rate))
        self.shown = ""

    def play(self, messages: Iterable[bytes]) -> list[str]:
        """What is shown as each comes."""
        shown = []
        for message in messages:
            self.now_s += self.quarter_s
            self.reader.take(message, self.now_s)
            shown.append(self.label())
        return shown

    def label(self, after_s: float = 0.0) -> str:
        return str(self.reader.timecode(self.now_s + after_s) or "")


def test_the_specification_s_example() -> None:
    example = [EXAMPLE[n : n + 2] for n in range(0, 16, 2)]
    assert by_hand("01:37:52:16", 3) == example
    tape = Tape()
    assert tape.play(example) == [""] * 8
    following = tape.play(by_hand("01:37:52:18", 3))
    assert following == [""] * 7 + ["01:37:52:19"]  # of the moment of piece 7, a quarter before :20
    assert tape.label(tape.quarter_s) == "01:37:52:20"
    assert tape.reader.rate(tape.now_s) == 30


def test_a_full_frame_is_believed_at_once_and_stands() -> None:
    tape = Tape()
    tape.play([bytes.fromhex("F0 7F 7F 01 01 61 25 34 10 F7")])
    assert tape.label() == tape.label(SILENT_S - 0.01) == "01:37:52:16"
    assert tape.label(SILENT_S) == ""
    tape.play([bytes.fromhex("F0 7F 03 01 01 41 00 00 00 F7")])  # to one device, drop-frame
    assert tape.label() == "01:00:00;00"


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("step", [1, -1])
def test_every_frame_of_a_minute_in_both_directions(rate: Fraction, step: int) -> None:
    """From before a minute that drops labels, at every quarter frame, once it is locked."""
    tape, first = Tape(rate), (1798 if step > 0 else 1802) + 2 * (rate == NTSC)
    shown = tape.play(pieces(first, 900, rate, step))
    places = [4 * (first + 2 * step * n) + piece for n in range(900) for piece in range(8)[::step]]
    expected = [str(timecode_of(place // 4, rate)) for place in places]
    assert shown[:15] == [""] * 15
    assert shown[15:] == expected[15:]
    assert tape.reader.rate(tape.now_s) == rate


def test_drop_frame_labels_at_a_minute() -> None:
    tape = Tape(NTSC)
    shown = tape.play(
        [*by_hand("00:00:59;26", 2), *by_hand("00:00:59;28", 2), *by_hand("00:01:00;02", 2), *by_hand("00:01:00;04", 2)]
    )
    assert shown[15:] == [
        *["00:00:59;29"],
        *["00:01:00;02"] * 4,
        *["00:01:00;03"] * 4,
        *["00:01:00;04"] * 4,
        *["00:01:00;05"] * 4,
    ]


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("step", [1, -1])
def test_over_midnight(rate: Fraction, step: int) -> None:
    day = {24: 2073600, 25: 2160000, 30: 2592000}.get(int(rate), 2589408)
    tape = Tape(rate)
    first = (day - 4) if step > 0 else 4
    frames = [(first + 2 * step * n) % day for n in range(6)]
    tape.play(message for frame in frames for message in pieces(frame, 1, rate, step))
    last = frames[-1] + 1 if step > 0 else frames[-1]
    assert tape.label() == str(timecode_of(last, rate))


def test_it_is_locked_wherever_one_tunes_in() -> None:
    for begin in range(8):
        tape = Tape()
        shown = tape.play(list(pieces(3000, 4, Fraction(30)))[begin:])
        locked = next(n for n, label in enumerate(shown) if label)
        assert locked == (15 if begin == 0 else 23 - begin)


def test_silence_and_what_comes_after_it() -> None:
    tape = Tape(Fraction(25))
    tape.play(pieces(500, 3, Fraction(25)))
    assert tape.label(SILENT_S - 0.01) != ""
    assert tape.label(SILENT_S) == ""
    tape.now_s += 1.0
    shown = tape.play(pieces(1000, 2, Fraction(25)))
    assert shown == [""] * 15 + ["00:00:40:03"]


def test_a_lost_piece_does_not_end_it() -> None:
    messages = list(pieces(500, 6, Fraction(25)))
    lost = {19}
    tape, shown = Tape(Fraction(25)), []
    for n, message in enumerate(messages):
        if n in lost:
            tape.now_s += tape.quarter_s
        else:
            shown.append(tape.play([message])[0])
    assert shown[19:] == [str(timecode_of(500 + n // 4, Fraction(25))) for n in range(20, 48)]


def test_a_tape_that_turns_stays_locked() -> None:
    rate = Fraction(24)
    forward, tape = list(pieces(100, 3, rate)), Tape(rate)
    tape.play(forward[:20])
    shown = tape.play(forward[18::-1])
    assert shown == [str(timecode_of(100 + n // 4, rate)) for n in range(18, -1, -1)]


def test_a_jump_is_no_timecode_until_it_is_sure() -> None:
    rate = Fraction(24)
    tape = Tape(rate)
    tape.play(pieces(100, 3, rate))
    shown = tape.play(pieces(5000, 3, rate))
    assert shown[7:15] == [""] * 8
    assert shown[15:17] == [str(timecode_of(5003, rate)), str(timecode_of(5004, rate))]


@pytest.mark.parametrize("label", ["24:00:00:00", "01:60:00:00", "01:00:60:00", "01:00:00:30"])
def test_labels_that_no_frame_has(label: str) -> None:
    tape = Tape()
    tape.play(by_hand(label, 3) * 3)
    hours, minutes, seconds, frames = map(int, label.split(":"))
    tape.play([bytes((0xF0, 0x7F, 0x7F, 1, 1, 0x60 | hours, minutes, seconds, frames, 0xF7))])
    assert tape.label() == ""


def test_the_same_label_again_and_again_is_no_tape() -> None:
    tape = Tape()
    assert set(tape.play(by_hand("01:00:00:00", 3) * 5)) == {""}


def test_jitter_is_smoothed() -> None:
    """Two milliseconds of it move the labels at a frame's middle nowhere, and its boundary by less than one."""
    rate, dice = Fraction(25), random.Random(1)
    reader, quarter_s = MtcReader(), 0.01
    for n, message in enumerate(pieces(0, 100, rate)):
        reader.take(message, n * quarter_s + dice.uniform(0.0, 0.002))
        if n > 100:
            frame = n // 4
            assert reader.timecode(frame * 0.04 + 0.02) == timecode_of(frame, rate)
            assert reader.timecode(frame * 0.04 + 0.003) == timecode_of(frame, rate)


def test_noise_raises_nothing() -> None:
    dice, reader = random.Random(2), MtcReader()
    for n in range(20_000):
        message = dice.choice([bytes((0xF1, dice.randrange(256))), dice.randbytes(dice.randrange(12))])
        if dice.random() < 0.3:
            message = bytes((0xF0, 0x7F, 0x7F, 1, 1, *dice.randbytes(4), 0xF7))
        reader.take(message, n * 0.01)
        found = reader.timecode(n * 0.01)
        assert found is None or found.hours < 24


def test_an_independent_encoder_agrees() -> None:
    """mido's messages, where it is installed: quarter frames and a full frame, from their fields to bytes."""
    mido = pytest.importorskip("mido", reason="mido is not installed: a second opinion on the bytes")
    fields = (4, 1, 0, 2, 3, 0, 1, 6)  # 01:03:32:20... by nibbles: frames 0x14, seconds 0x20, minutes 0x03, hours 1
    tape = Tape()
    messages = [mido.Message("quarter_frame", frame_type=n, frame_value=value) for n, value in enumerate(fields)]
    tape.play(bytes(message.bytes()) for message in messages)
    full = mido.Message("sysex", data=(0x7F, 0x7F, 1, 1, 0x61, 3, 32, 20))
    tape.play([bytes(full.bytes())])
    assert tape.reader.timecode(tape.now_s) == Timecode(1, 3, 32, 20)
