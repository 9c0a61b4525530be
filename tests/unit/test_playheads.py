"""Where clips stand: exact cadences for ten minutes, and when they begin, stop and stand by."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import pytest

from vpengine.control.playheads import Playheads
from vpengine.control.triggers import ClipTrigger
from vpengine.frames.feed import PREVIEW, PROGRAM
from vpengine.frames.frame_input import BusState, Tick

NTSC = Fraction(1000, 1001)
TICKS = [24 * NTSC, Fraction(24), Fraction(25), 30 * NTSC, Fraction(50), Fraction(60)]
CLIPS = [Fraction(24), Fraction(25), Fraction(30), Fraction(60), 24 * NTSC]


def on(*shown: str, preview: str | None = None) -> dict[str, BusState]:
    """Of two locations a dissolve is under way from the first to the second."""
    program = BusState("a", shown[0], *(shown[1:2]), mix=0.5 if len(shown) > 1 else 0.0)
    return {PROGRAM: program, **({PREVIEW: BusState("b", preview)} if preview else {})}


def tick(number: int, rate: Fraction = Fraction(25)) -> Tick:
    return Tick(number, 1000.0 + number / float(rate), rate)


@pytest.mark.parametrize("clip", CLIPS)
@pytest.mark.parametrize("rate", TICKS)
def test_cadences_are_even_for_ten_minutes(rate: Fraction, clip: Fraction) -> None:
    """Each of a clip's pictures is shown for the ticks that begin within it: so many, or one more, and never off by one
    at the end. 24 on 60 is 2:3, 25 on 50 is 2:2.
    """
    heads, buses = Playheads({"a"}), on("a")
    count = math.ceil(600 * rate)
    places = [math.floor(heads.at(tick(number, rate), buses)["a"] * clip) for number in range(count)]
    assert places[0] == 0
    assert places[-1] == math.floor((count - 1) / rate * clip)
    if clip <= rate:
        shown = [places.count(place) for place in range(50)]
        assert set(shown) <= {math.floor(rate / clip), math.ceil(rate / clip)}
    steps = {after - before for before, after in itertools.pairwise(places)}
    assert steps <= {math.floor(clip / rate), math.ceil(clip / rate)}


def test_24_on_60_is_2_3_and_25_on_50_is_2_2() -> None:
    for rate, clip, expected in ((60, 24, [3, 2] * 6), (50, 25, [2] * 12), (60, 30, [2] * 12)):
        heads = Playheads({"a"})
        places = [math.floor(heads.at(tick(n, Fraction(rate)), on("a"))["a"] * clip) for n in range(60)]
        assert [places.count(place) for place in range(12)] == expected


def test_a_clip_begins_with_its_scene_and_stands_by_at_its_beginning() -> None:
    heads = Playheads({"a", "b"})
    assert heads.at(tick(100), on("a", preview="b")) == {"a": 0, "b": 0}
    assert heads.at(tick(110), on("a", preview="b")) == {"a": Fraction(10, 25), "b": 0}
    assert heads.at(tick(120), on("a", "b")) == {"a": Fraction(20, 25), "b": 0}
    assert heads.at(tick(125), on("b")) == {"b": Fraction(5, 25)}
    assert heads.at(tick(130), on("b", "a")) == {"a": 0, "b": Fraction(10, 25)}


def test_a_still_has_no_playhead() -> None:
    assert Playheads({"b"}).at(tick(7), on("a")) == {}


def test_frames_that_were_left_out_are_left_out_of_the_clip() -> None:
    heads = Playheads({"a"})
    heads.at(tick(0), on("a"))
    assert heads.at(tick(7), on("a")) == {"a": Fraction(7, 25)}


def test_restart_is_of_all_in_one_frame() -> None:
    heads = Playheads({"a", "b"})
    heads.at(tick(0), on("a"))
    heads.at(tick(5), on("a", "b"))
    heads.press(ClipTrigger("restart"))
    assert heads.at(tick(9), on("a", "b")) == {"a": 0, "b": 0}
    assert heads.at(tick(12), on("a", "b")) == {"a": Fraction(3, 25), "b": Fraction(3, 25)}


def test_pause_stops_clips_where_they_are_and_again_goes_on() -> None:
    heads = Playheads({"a"})
    heads.at(tick(0), on("a"))
    heads.at(tick(10), on("a"))
    heads.press(ClipTrigger("pause"))
    assert [heads.at(tick(n), on("a"))["a"] for n in (11, 15, 40)] == [Fraction(10, 25)] * 3
    heads.press(ClipTrigger("pause"))
    assert heads.at(tick(41), on("a")) == {"a": Fraction(11, 25)}
