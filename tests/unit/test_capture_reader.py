"""The reader: each kind of fault named, within a second, and what comes back by itself."""

from __future__ import annotations

import threading
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from tests.capturing import Told, VirtualPace, grey
from tests.waiting import until, waited_s, waits_here
from vpengine.capture.health import NOTED_S, SILENT_S, Book
from vpengine.capture.none import NoSource
from vpengine.capture.pace import Pace
from vpengine.capture.reader import JOIN_S, LAST_AGAIN_S, Reader
from vpengine.capture.readers import stop_all
from vpengine.capture.source import EndedError
from vpengine.capture.tags import tag_faults
from vpengine.frames.captured import FORMATS, CapturedFrame, Tags
from vpengine.media.decoding import BrokenError, LostError
from vpengine.view.yuv import Matrix, Range

pytestmark = pytest.mark.alone


def told(*does: object, **options: Any) -> tuple[Reader, Told, list[str]]:
    """A reader that has run to the end of what its source was told."""
    pace, said = VirtualPace(), list[str]()
    source = Told(pace, does)
    reader = Reader("a", source, pace, say=said.append, **options)
    reader.run()
    return reader, source, said


def test_pictures_are_numbered_and_laid_on_the_clock() -> None:
    reader, source, said = told(grey(1000.0), None, grey(1000.04), latency_s=0.1)
    frames = [reader.ring.at(time_s) for time_s in (999.9, 999.94)]
    assert [frame and frame.number for frame in frames] == [0, 1]
    health = reader.health()
    assert (health.frames, health.missed, health.broken, health.opened, health.faults) == (2, 0, 0, 1, ())
    assert (health.good, said, source.closed) == (True, [], 1)
    assert health.line().startswith("told: running; 16 x 16 yuv420p BT.709 limited; 25.00 of 25 a second; 2 pictures")


def test_a_lost_source_is_named_once_opened_again_and_back() -> None:
    gone = LostError("told: nothing came")
    reader, source, said = told(grey(1000.0), gone, gone, gone, grey(1003.0))
    assert source.opened == 4
    assert said == ["capture a: told: nothing came", "capture a: told: is back"]
    assert reader.health().state == "running"


def test_it_is_tried_less_and_less_often_and_at_most_every_few_seconds() -> None:
    pace, opened = VirtualPace(), list[float]()

    class Never(Told):
        def open(self) -> Fraction | None:
            opened.append(pace.time_s)
            if len(opened) == 12:
                pace.stop()
            raise LostError("told: no such device")

    reader = Reader("a", Never(pace, ()), pace, say=lambda _: None)
    reader.run()
    waits = np.diff(opened)
    assert waits[0] <= 0.5
    assert (np.diff(waits) >= -1e-9).all()
    assert waits[-1] == pytest.approx(LAST_AGAIN_S)
    health = reader.health()
    assert (health.state, health.faults) == ("lost", ("told: no such device",))


def test_broken_pictures_are_counted_told_and_passed_over() -> None:
    bad = BrokenError("told: a picture cannot be decoded")
    reader, source, _ = told(grey(1000.0), bad, bad, grey(1000.12))
    health = reader.health()
    assert (health.frames, health.broken, health.missed, source.opened) == (2, 2, 2, 1)
    assert health.faults == ("told: a picture cannot be decoded; 2 broken so far, the last good picture is shown",)


def test_a_change_of_size_is_told_and_shown() -> None:
    reader, _, said = told(grey(1000.0), grey(1000.04, (32, 18)))
    change = "its picture changed from 16 x 16 yuv420p to 32 x 18 yuv420p"
    assert said == [f"capture a: told: {change}"]
    assert change in reader.health().faults
    newest = reader.ring.newest()
    assert newest is not None
    assert newest.size == (32, 18)


def test_what_has_passed_is_forgotten() -> None:
    book = Book("told", 0.0)
    book.opened(Fraction(25))
    book.frame(grey(0.0), 0.0)
    book.frame(grey(0.04, (32, 18)), 0.04)
    assert book.health(1.0).faults
    book.frame(grey(NOTED_S + 1.0, (32, 18)), NOTED_S + 1.0)
    assert book.health(NOTED_S + 1.0).faults == ()


def test_a_source_that_says_nothing_is_named_within_a_second() -> None:
    """Found by whoever asks, since its own thread may be waiting in a driver."""
    book = Book("told", 0.0)
    assert book.health(0.5).faults == ()
    assert book.health(0.9).faults == ("no picture yet, after 0.9 s",)
    book.opened(Fraction(25))
    book.frame(grey(2.0), 2.0)
    assert book.health(2.0 + SILENT_S).state == "running"
    silent = book.health(3.0)
    assert (silent.state, silent.faults, silent.good) == ("silent", ("no picture for 1.0 s",), False)


def test_a_source_that_is_slower_than_it_says_is_named() -> None:
    book = Book("told", 0.0)
    book.opened(Fraction(50))
    for number in range(150):
        book.frame(grey(number / 25), number / 25)
    health = book.health(6.0)
    assert health.faults == ("25.0 pictures come a second, 50 were said",)
    assert (health.rate, health.missed) == (pytest.approx(25.0), 149)


def test_an_end_is_an_end() -> None:
    reader, source, said = told(grey(1000.0), EndedError("told: has ended"), grey(1000.1))
    assert (reader.health().state, source.opened, said) == ("ended", 1, ["capture a: told: has ended"])


def test_a_fault_of_a_library_ends_no_show() -> None:
    reader, source, said = told(grey(1000.0), ZeroDivisionError("in a driver"), grey(1001.0))
    assert source.opened == 2
    assert said[0] == "capture a: told: ZeroDivisionError: in a driver"
    assert reader.health().state == "running"


def test_the_last_good_picture_stays_then_the_world_is_alone() -> None:
    reader, _, _ = told(grey(1000.0), hold_s=2.0, latency_s=0.5)
    assert reader.shown(999.0) is None
    for time_s in (999.5, 1000.0, 1001.9):
        assert reader.shown(time_s) is not None
    assert reader.shown(1002.1) is None


def test_the_stage_files_tags_count() -> None:
    wrong = Tags("bt601", "limited", "bt709")
    reader, _, _ = told(grey(1000.0, (1920, 1080), wrong), tags=Tags(matrix="bt709"))
    newest = reader.ring.newest()
    assert newest is not None
    assert newest.tags == Tags("bt709", "limited", "bt709")
    assert reader.health().faults == ()


@pytest.mark.parametrize(
    ("size", "matrix", "range_", "words"),
    [
        ((1920, 1080), "bt601", "limited", "says BT.601 at 1080 lines; BT.709 is usual"),
        ((1920, 1080), None, "limited", "no matrix tag: taken for BT.709, as is usual at 1080 lines"),
        ((640, 480), None, "limited", "no matrix tag: taken for BT.601, as is usual at 480 lines"),
        ((720, 576), "bt709", "limited", "says BT.709 at 576 lines; BT.601 is usual"),
        ((1920, 1080), "bt2020", "limited", "says BT.2020 in 8 bits"),
        ((1920, 1080), "bt709", None, "no range tag: taken for limited"),
        ((1920, 1080), "bt709", "limited", None),
        ((640, 360), "bt709", "full", None),
    ],
)
def test_tags_are_held_against_what_is_usual(
    size: tuple[int, int], matrix: Matrix | None, range_: Range | None, words: str | None
) -> None:
    found = list(tag_faults(grey(0.0, size, Tags(matrix, range_, "bt709"))))
    assert len(found) == (words is not None)
    assert words is None or found[0].startswith(words)


def test_a_full_range_picture_that_says_limited_is_found_out() -> None:
    """By what it shows: blacks below limited range's black."""
    rng = np.random.default_rng(1)
    luma = rng.integers(0, 256, (360, 640)).astype(np.uint8)
    frame = grey(0.0, (640, 360))
    wrong = replace(frame, planes=(luma, *frame.planes[1:]))
    (found,) = tag_faults(wrong)
    assert "percent of its picture is blacker than black" in found
    assert list(tag_faults(replace(wrong, tags=Tags("bt709", "full")))) == []


@pytest.mark.parametrize(("transfer", "told"), [("arib-std-b67", 0), ("smpte2084", 0), ("gamma28", 0), ("log316", 1)])
def test_a_curve_that_is_not_known_is_told(transfer: str, told: int) -> None:
    found = list(tag_faults(grey(0.0, (1920, 1080), Tags("bt709", "limited", transfer))))
    assert len(found) == told
    assert all("tagged log316, which is not known here" in each for each in found)


def test_interlaced_pictures_are_told() -> None:
    (found,) = tag_faults(replace(grey(0.0, (1920, 1080)), interlaced=True))
    assert found.startswith("interlaced: ")


def test_rgb_of_limited_range_is_told() -> None:
    kind = FORMATS["rgb24"]
    frame = CapturedFrame((np.zeros((4, 4, 3), np.uint8),), kind, (4, 4), Tags(None, "limited"), 0.0)
    assert len(list(tag_faults(frame))) == 1


def test_a_reader_ends_within_a_second_whatever_its_source_does() -> None:
    release = threading.Event()

    class Stuck(Told):
        def read(self) -> CapturedFrame | None:
            release.wait(60.0)
            return None

    pace = Pace()
    for source, stuck in ((NoSource(NoSource.Settings(), pace), False), (Stuck(pace, ()), True)):
        reader = Reader("a", source, pace, say=lambda _: None)
        reader.start()
        until(lambda reader=reader: reader.health().opened == 1)  # type: ignore[misc]
        with waits_here() as waits:
            reader.stop(JOIN_S if stuck else 60.0)
        assert waited_s(waits) <= (1.0 if stuck else 30.0)
        assert reader._thread.is_alive() == stuck
        reader.stop()
        pace = Pace()
    release.set()


def test_four_readers_that_do_not_answer_are_waited_for_together() -> None:
    release = threading.Event()

    class Stuck(Told):
        def read(self) -> CapturedFrame | None:
            release.wait(60.0)
            return None

    paces = [Pace() for _ in range(4)]
    readers = [Reader(str(number), Stuck(pace, ()), pace, say=lambda _: None) for number, pace in enumerate(paces)]
    for reader in readers:
        reader.start()
    until(lambda: all(reader.health().opened == 1 for reader in readers))
    with waits_here() as waits:
        stop_all(readers)
    assert 0.5 < waited_s(waits) < 1.5
    release.set()
    stop_all(readers)
