"""What a frame shows of itself: scenes, timecode and frames a second, at declared addresses."""

from __future__ import annotations

from fractions import Fraction

from vpengine.control.buttons import DISPLAYS
from vpengine.control.displays import Displays, Shown
from vpengine.frames.frame_input import BusState, Tick
from vpengine.mailbox import Board


def test_words_of_a_frame() -> None:
    displays, rate = Displays(), Fraction(24)
    buses = {"program": BusState("street", "a"), "preview": BusState("dome", "b")}
    shown = {}
    for number in range(0, 96, 2):  # every other frame is left out
        shown = displays.at(buses, Tick(number, 100.0 + number / 24, rate))
    assert shown == {
        "/vp/state/scene": "street",
        "/vp/state/preview": "dome",
        "/vp/state/timecode": "00:00:03:22",
        "/vp/state/fps": "12.0 of 24",
    }
    assert set(shown) <= {display.address for display in DISPLAYS}
    assert displays.at({"program": BusState("street", "a")}, Tick(96, 104.0, rate))["/vp/state/preview"] == ""


def test_a_board_keeps_what_was_put_last() -> None:
    board: Board[Shown] = Board()
    assert board.read() is None
    first, second = Shown({"/a": 1.0}), Shown({"/a": 2.0})
    board.put(first)
    board.put(second)
    assert board.read() is second
    assert board.read() is second
