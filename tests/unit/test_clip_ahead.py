"""Decoding ahead: what is wanted is there, what is not comes as soon as it can, and no frame waits for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import pytest

from tests.capturing import counted_film, shown_number
from tests.waiting import until
from vpengine.frames.captured import CapturedFrame
from vpengine.media.ahead import MOST_AHEAD, Ahead
from vpengine.media.clips import Clip, VideoClip
from vpengine.media.decoding import BrokenError, LostError

pytestmark = pytest.mark.alone

LENGTH = 10
LONG_S = 5.0


class Counted:
    """A clip of LENGTH numbers. ``broken``: places whose picture cannot be decoded. ``gate``: pictures wait for it."""

    rate, length, aspect = Fraction(25), LENGTH, 1.0

    def __init__(self) -> None:
        self.broken: set[int] = set()
        self.lost = False
        self.gate = threading.Event()
        self.gate.set()
        self.read: list[int] = []
        self.place = 0
        self.closed = False

    def seek(self, place: int) -> None:
        self.place = place

    def next(self) -> tuple[int, int] | None:
        self.gate.wait(LONG_S)
        place, self.place = self.place, self.place + 1
        if self.lost:
            raise LostError("the disk is gone")
        if place >= LENGTH:
            return None
        self.read.append(place)
        if place in self.broken:
            raise BrokenError("a picture cannot be decoded")
        return place, place

    def close(self) -> None:
        self.closed = True


@contextmanager
def ahead_of(clip: Clip[int]) -> Iterator[Ahead[int]]:
    ahead = Ahead(clip, "clip", lambda _: 1)
    try:
        yield ahead
    finally:
        ahead.close()


def test_it_runs_ahead_through_loops_and_stops_when_the_ring_is_full() -> None:
    clip = Counted()
    with ahead_of(clip) as ahead:
        assert ahead.wait_for(0, LONG_S)
        until(lambda: ahead.has(MOST_AHEAD))
        time.sleep(0.05)
        assert len(clip.read) == MOST_AHEAD + 1
        for place in range(35):
            assert ahead.wait_for(place, LONG_S)
            assert ahead.shown(place) == (place, place % LENGTH)
    until(lambda: clip.closed)


def test_a_jump_is_sought_and_meanwhile_nothing_is_said_to_be_right() -> None:
    clip = Counted()
    with ahead_of(clip) as ahead:
        ahead.wait_for(0, LONG_S)
        until(lambda: ahead.has(MOST_AHEAD))
        clip.gate.clear()
        ahead.follow(1003)
        assert not ahead.has(1003)
        assert ahead.shown(1003) is None
        clip.gate.set()
        assert ahead.wait_for(1003, LONG_S)
        assert ahead.shown(1003) == (1003, 3)
        assert ahead.wait_for(2, LONG_S)  # back again
        assert ahead.shown(2) == (2, 2)


def test_a_clip_that_is_too_slow_shows_the_newest_there_is() -> None:
    clip = Counted()
    with ahead_of(clip) as ahead:
        ahead.wait_for(0, LONG_S)
        until(lambda: ahead.has(MOST_AHEAD))
        clip.gate.clear()
        ahead.follow(MOST_AHEAD + 5)
        assert not ahead.has(MOST_AHEAD + 5)
        assert ahead.shown(MOST_AHEAD + 5) == (MOST_AHEAD, MOST_AHEAD % LENGTH)
        clip.gate.set()


def test_a_broken_picture_leaves_the_one_before_and_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    clip = Counted()
    clip.broken = {3}
    with ahead_of(clip) as ahead:
        for place in range(25):
            assert ahead.wait_for(place, LONG_S)
            expected = place - 1 if place % LENGTH == 3 else place
            assert ahead.shown(place) == (expected, expected % LENGTH)
    assert [record.getMessage() for record in caplog.records] == [
        "a picture cannot be decoded; the picture before it stays."
    ]


def test_a_loop_whose_first_picture_is_broken_goes_on_with_the_second() -> None:
    """The beginning is sought once for each loop, and the last picture stays over the broken one."""
    clip = Counted()
    with ahead_of(clip) as ahead:
        assert ahead.wait_for(0, LONG_S)
        clip.broken = {0}
        assert ahead.wait_for(5, LONG_S)
        for place in range(2 * LENGTH, 4 * LENGTH):
            assert ahead.wait_for(place, LONG_S)
            expected = place - 1 if place % LENGTH == 0 else place
            assert ahead.shown(place) == (expected, expected % LENGTH)
        time.sleep(0.05)
        assert clip.read.count(0) <= 6
        assert ahead.broken is None


def test_a_clip_of_which_nothing_can_be_read_any_more_does_not_spin() -> None:
    clip = Counted()
    with ahead_of(clip) as ahead:
        assert ahead.wait_for(0, LONG_S)
        clip.broken = set(range(LENGTH))
        ahead.follow(1000)
        until(lambda: ahead.broken is not None)
        time.sleep(0.3)
        assert not ahead.has(1000)
        assert ahead.broken == "a picture cannot be decoded"
        assert len(clip.read) < 100


def test_closing_waits_for_no_decoder_and_the_clip_is_closed_by_its_thread() -> None:
    clip = Counted()
    ahead = Ahead(clip, "clip", lambda _: 1)
    assert ahead.wait_for(0, LONG_S)
    clip.gate.clear()
    ahead.follow(1000)
    began_s = time.monotonic()
    ahead.close()
    assert time.monotonic() - began_s < 1.0
    assert not clip.closed
    clip.gate.set()
    until(lambda: clip.closed)


def test_a_file_that_is_lost_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vpengine.media.ahead.AGAIN_S", 0.02)
    clip = Counted()
    with ahead_of(clip) as ahead:
        ahead.wait_for(0, LONG_S)
        until(lambda: ahead.has(MOST_AHEAD))
        clip.lost = True
        ahead.follow(9)
        until(lambda: ahead.lost is not None)
        assert ahead.lost == "the disk is gone"
        assert ahead.shown(9) == (9, 9)
        clip.lost = False
        ahead.follow(25)
        until(lambda: ahead.has(25) and ahead.lost is None)
        assert ahead.shown(25) == (25, 5)


def test_two_films_are_locked_to_the_frame(tmp_path: Path) -> None:
    """Of different codecs, over three loops, each place shows the same number in both."""
    films = [
        Ahead[CapturedFrame](VideoClip(counted_film(tmp_path / name, 9, codec=codec)), name, lambda frame: frame.nbytes)
        for name, codec in (("a.mkv", "ffv1"), ("b.mp4", "mpeg4"))
    ]
    for place in range(27):
        assert all(film.wait_for(place, LONG_S) for film in films)
        found = [film.shown(place) for film in films]
        assert [shown_number(each[1]) for each in found if each is not None] == [place % 9] * 2
    for film in films:
        film.close()
