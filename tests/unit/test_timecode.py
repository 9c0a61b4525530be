"""Timecode: known labels, both ways, and what drop-frame is for."""

from __future__ import annotations

from fractions import Fraction

import pytest

from vpengine.view.timecode import Timecode, called_at, label_rate, number_of, parsed, timecode_of

NTSC, FILM, PAL = Fraction(30000, 1001), Fraction(24000, 1001), Fraction(25)


def frame_of(timecode: Timecode, rate: Fraction) -> int:
    """The number of the frame that has this label on the first day. Raises ValueError for a label that is dropped."""
    nominal = -(-rate.numerator // rate.denominator)
    minutes = timecode.hours * 60 + timecode.minutes
    label = (minutes * 60 + timecode.seconds) * nominal + timecode.frames
    if not timecode.drop:
        return label
    dropped = nominal // 15
    if timecode.seconds == 0 and timecode.frames < dropped and timecode.minutes % 10:
        raise ValueError(f"{timecode}: this label is dropped")
    return label - dropped * (minutes - minutes // 10)


@pytest.mark.parametrize(
    ("number", "rate", "label"),
    [
        (107892, NTSC, "01:00:00;00"),  # as OpenTimelineIO's to_timecode says
        (1799, NTSC, "00:00:59;29"),
        (1800, NTSC, "00:01:00;02"),
        (17982, NTSC, "00:10:00;00"),
        (3600, Fraction(60000, 1001), "00:01:00;04"),
        (215784, Fraction(60000, 1001), "01:00:00;00"),
        (90000, PAL, "01:00:00:00"),
        (86400, FILM, "01:00:00:00"),
        (86399, Fraction(24), "00:59:59:23"),
        (24 * 3600 * 25, PAL, "00:00:00:00"),
    ],
)
def test_known_labels(number: int, rate: Fraction, label: str) -> None:
    assert str(timecode_of(number, rate)) == label


@pytest.mark.parametrize("rate", [NTSC, Fraction(60000, 1001), FILM, Fraction(24), PAL, Fraction(30), Fraction(60)])
def test_both_ways_and_no_label_twice(rate: Fraction) -> None:
    numbers = [*range(40_000), *range(0, 24 * 3600 * 20, 997)]
    for number in numbers:
        label = timecode_of(number, rate)
        assert frame_of(label, rate) == number_of(label, rate) == number
    labels = [str(timecode_of(number, rate)) for number in range(40_000)]
    assert labels == sorted(set(labels))


def test_an_hour_of_drop_frame_labels_is_an_hour() -> None:
    """To 4 ms; without dropping it would be 3.6 s off."""
    assert frame_of(Timecode(1, 0, 0, 0, drop=True), NTSC) / NTSC == pytest.approx(3600.0, abs=0.004)
    with pytest.raises(ValueError, match="00:01:00;01: this label is dropped"):
        frame_of(Timecode(0, 1, 0, 1, drop=True), NTSC)


@pytest.mark.parametrize(
    ("label", "rate"),
    [
        (Timecode(0, 1, 0, 1, drop=True), NTSC),
        (Timecode(0, 0, 0, 25), PAL),
        (Timecode(24, 0, 0, 0), PAL),
        (Timecode(0, 60, 0, 0), PAL),
        (Timecode(0, 0, 0, -1), PAL),
        (Timecode(1, 0, 0, 0), NTSC),
        (Timecode(1, 0, 0, 0, drop=True), PAL),
    ],
)
def test_labels_that_no_frame_has(label: Timecode, rate: Fraction) -> None:
    with pytest.raises(ValueError, match=str(label)):
        number_of(label, rate)


def test_a_label_is_read_as_it_is_written() -> None:
    for label in (Timecode(1, 2, 3, 4), Timecode(23, 59, 59, 29, drop=True)):
        assert parsed(str(label)) == label
    for text in ("", "1:2:3:4", "01:02:03", "01:02:03:04:05", "aa:bb:cc:dd", "01;02;03;04"):
        with pytest.raises(ValueError, match="timecode"):
            parsed(text)


@pytest.mark.parametrize(
    ("frame", "counted", "rate", "label"),
    [
        (12, PAL, Fraction(50), "00:00:00:24"),
        (90012.5, PAL, Fraction(50), "01:00:00:25"),
        (29, Fraction(30), Fraction(24), "00:00:00:23"),
        (23, Fraction(24), Fraction(60), "00:00:00:57"),
        (86400, Fraction(24), FILM, "01:00:00:00"),  # a timecode of 24 is that of 23.976 too
        (86400, Fraction(24), Fraction(48000, 1001), "01:00:00:00"),
        (107892, NTSC, Fraction(24), "00:59:59:23"),  # an hour of drop-frame labels is 3.6 ms short
        (107892, NTSC, NTSC, "01:00:00;00"),
        (108000, Fraction(30), NTSC, "01:00:00;00"),
        (24 * 3600 * 25, PAL, Fraction(50), "00:00:00:00"),
    ],
)
def test_a_moment_in_frames_of_another_rate(frame: float, counted: Fraction, rate: Fraction, label: str) -> None:
    assert str(called_at(frame, counted, rate)) == label


def test_what_drops_no_labels_is_counted_so() -> None:
    first = parsed("01:00:59:29")
    rate = label_rate(first, NTSC)
    assert str(timecode_of(number_of(first, rate) + 1, rate)) == "01:01:00:00"
    assert label_rate(parsed("01:00:59;29"), NTSC) == NTSC
    assert label_rate(parsed("01:00:59:23"), FILM) == FILM
