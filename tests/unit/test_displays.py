"""What a frame shows of itself and of the desk, at declared addresses."""

from __future__ import annotations

from fractions import Fraction

from vpengine.control.approvals import Approvals
from vpengine.control.controls import Control, Controls
from vpengine.control.cues import Cue, CueEdits, CueList
from vpengine.control.declared import ENGINE_CONTROLS, INNER_EXPOSURE
from vpengine.control.desk import Desk
from vpengine.control.displays import DISPLAYS, Displays, Shown
from vpengine.control.gate import Gate
from vpengine.control.looks import Looks, look_address
from vpengine.control.messages import ControlChange
from vpengine.control.scenes import SceneEntry, Scenes
from vpengine.control.transitions import Transition
from vpengine.control.triggers import CueTrigger, SafeTrigger, SceneTrigger, TakeTrigger
from vpengine.frames.frame_input import Tick
from vpengine.mailbox import Board

SNOW = look_address("snow")
RATE = Fraction(24)


def make_desk() -> Desk:
    own = (Control(SNOW, "float", 0.0, "Snow."),)
    scenes = [SceneEntry("street", "a", 0.0), SceneEntry("dome", "b", 2.0), SceneEntry("ice", "b", 2.0, ((SNOW, 1.0),))]
    cues = [
        Cue("1", "the street", "street", notes="wait for the actor"),
        Cue("1.5", "the dome", "dome", ((INNER_EXPOSURE, 1.0),), Transition("dissolve", 4.0)),
    ]
    looks = Looks("weather", own, lambda values: not values["snow"])
    controls = Controls((*ENGINE_CONTROLS, *own))
    return Desk(controls, Scenes(scenes), Gate(Approvals()), looks, cues=CueEdits(CueList.of(cues)))


def test_words_of_a_frame() -> None:
    desk, displays, shown = make_desk(), Displays(), {}
    desk.apply([CueTrigger("go"), TakeTrigger("slate", "12B")])
    desk.settle(99.9, lambda _: True)  # the cue has begun
    desk.apply([TakeTrigger("roll")])
    for number in range(0, 96, 2):  # every other frame is left out
        time_s = 100.0 + number / 24
        shown = displays.at(
            desk, desk.settle(time_s, lambda _: True), Tick(number, time_s, RATE), "the tracker is silent"
        )
    assert shown == {
        "/vp/state/cue": "1 the street",
        "/vp/state/next": "1.5 the dome",
        "/vp/state/notes": "wait for the actor",
        "/vp/state/progress": 1.0,
        "/vp/state/paused": False,
        "/vp/state/scene": "street",
        "/vp/state/preview": "dome",
        "/vp/state/safe": False,
        "/vp/state/lock": True,
        "/vp/state/rolling": True,
        "/vp/state/take": "12B take 1",
        "/vp/state/gate": "program: approved; preview: approved",
        "/vp/state/refused": "",
        "/vp/state/health": "the tracker is silent",
        "/vp/state/timecode": "00:00:03:22",
        "/vp/state/fps": "12.0 of 24",
    }
    assert set(shown) == {display.address for display in DISPLAYS}


def test_what_is_under_way_refused_and_safe() -> None:
    desk, displays = make_desk(), Displays()
    desk.settle(0.0, lambda _: True)
    desk.apply([CueTrigger("goto", "1.5"), SceneTrigger("goto", "ice", "preview"), SafeTrigger(True)])
    desk.apply([SceneTrigger("goto", "ice"), ControlChange(INNER_EXPOSURE, -2.0)])
    desk.settle(1.0, lambda _: True)
    settled = desk.settle(2.0, lambda _: True)
    shown = displays.at(desk, settled, Tick(0, 2.0, RATE))
    assert (shown["/vp/state/progress"], shown["/vp/state/safe"]) == (0.25, True)
    assert "nobody has approved it" in str(shown["/vp/state/refused"])
    assert shown["/vp/state/gate"] == "program: approved; preview: nobody has approved it"
    assert settled.values["/vp/neural/amount"] == 1.0, "a fader shows what operators set, not what safe makes of it"
    desk.apply([CueTrigger("pause")])
    assert displays.at(desk, desk.settle(3.0, lambda _: True), Tick(1, 3.0, RATE))["/vp/state/paused"] is True


def test_a_board_keeps_what_was_put_last() -> None:
    board: Board[Shown] = Board()
    assert board.read() is None
    first, second = Shown({"/a": 1.0}), Shown({"/a": 2.0})
    board.put(first)
    board.put(second)
    assert board.read() is second
    assert board.read() is second
