"""A running show in one line, what is said when it changes for the worse, and a terminal that may be held or gone."""

from __future__ import annotations

import io
import logging
import os
import struct
import sys
import threading
from dataclasses import replace

import pytest

if sys.platform != "win32":
    import fcntl
    import termios

from tests.waiting import never_waiting, until, waited_s, waits_here
from vpengine.cli import streams
from vpengine.cli.streams import WAIT_S, echo
from vpengine.cli.terminal import Terminal, fitting
from vpengine.takes.status import CameraStatus, CaptureStatus, Status, Watch

pytestmark = pytest.mark.alone

CAMERA = CameraStatus("A", "tracked", "10.0.0.7:5000", (0.25, -1.0, 1.5), (12.3, -4.0, 0.1), 35.0, True, 3.0)
GOOD = Status(23.98, 24.0, 0.4, (CAMERA,), "snow-night", "weather 8.3 images/s")


def test_the_line() -> None:
    assert GOOD.text() == (
        "24.0/s, late 0 % | snow-night | weather 8.3 images/s | camera A tracked from 10.0.0.7:5000, 0.25 -1.00 1.50 "
        "m, pan 12 tilt -4, 35 mm"
    )
    lost = replace(CAMERA, state="held", pan_tilt_roll_deg=(0.0, 0.0, 90.0), sees_wall=False)
    assert lost.text() == (
        "camera A LOST, SEES NO WALL, was tracked from 10.0.0.7:5000, 0.25 -1.00 1.50 m, pan 0 tilt 0 roll 90, 35 mm"
    )


def test_what_is_wrong_stands_in_the_first_columns() -> None:
    """Of two cameras the second is lost, in a scene with a long name; a terminal has 80 columns."""
    lost = replace(CAMERA, id="B", state="held", sees_wall=False)
    status = replace(
        GOOD, cameras=(CAMERA, lost), scene="a-scene-with-a-name-of-sixty-letters-as-some-people-give-them"
    )
    assert status.text()[:80].startswith(
        "24.0/s, late 0 % | camera B LOST, SEES NO WALL, was tracked from 10.0.0.7:5000"
    )


def test_a_cameras_own_picture_stands_in_the_line_and_one_that_waits_is_told_once() -> None:
    well, silent = CaptureStatus("a", "running", 23.98), CaptureStatus("b", "silent", 0.0, "no picture for 3.2 s")
    status = replace(GOOD, captures=(well, silent))
    assert status.text().startswith("24.0/s, late 0 % | capture b SILENT | snow-night | ")
    assert status.text().endswith(" | capture a 24.0 pictures/s")
    watch = Watch()
    told = [said for tenths in range(200) for said in watch.poll(status, tenths / 10.0)]
    assert told == ["capture b: no picture for 3.2 s"]
    assert CaptureStatus("a", "lost", 0.0).text() == "capture a LOST", "its reader says why"


FAULTS = [
    (replace(CAMERA, position_m=(0.0, 0.0, -0.4)), "camera A is 0.40 m under the floor"),
    (replace(CAMERA, far_m=80.0), "camera A is 80 m from the nearest wall: does its tracker send metres?"),
    (replace(CAMERA, sees_wall=False), "camera A at 0.25 -1.00 1.50 m sees no wall"),
    (
        replace(CAMERA, pan_tilt_roll_deg=(0.0, 90.0, 0.0), sees_wall=False),
        "it looks steeply up or down: does its tracker send a quaternion as x y z w?",
    ),
    (replace(CAMERA, pan_tilt_roll_deg=(0.0, 0.0, 178.0)), "does its tracker send a quaternion as x y z w?"),
    (
        replace(CAMERA, state="untracked", source=""),
        "no tracker has sent a pose for it; the engine listens on UDP 9",
    ),
]


@pytest.mark.parametrize(("camera", "sentence"), FAULTS)
def test_what_changes_for_the_worse_is_told_once(camera: CameraStatus, sentence: str) -> None:
    """When it lasts for three seconds; and again only after it was well for ten."""
    watch, bad = Watch(["UDP 9"]), replace(GOOD, cameras=(camera,))

    def told(status: Status, start_s: float, end_s: float) -> list[str]:
        steps = int((end_s - start_s) * 2)
        return [line for step in range(steps) for line in watch.poll(status, start_s + step / 2)]

    assert told(GOOD, 0.0, 5.0) == []
    assert told(bad, 5.0, 7.0) == []
    assert told(GOOD, 7.0, 8.0) == []
    (line,) = told(bad, 8.0, 60.0)
    assert sentence in line
    assert told(GOOD, 60.0, 65.0) == told(bad, 65.0, 80.0) == []
    assert told(GOOD, 80.0, 91.0) == []
    assert len(told(bad, 91.0, 100.0)) == 1


def test_what_tracking_tells_is_not_said_again() -> None:
    """Of a camera that is very far away it says, at once, which unit that looks like."""
    far = replace(GOOD, cameras=(replace(CAMERA, position_m=(0.0, 1500.0, 300.0), far_m=1300.0, sees_wall=False),))
    watch = Watch()
    assert [line for step in range(20) for line in watch.poll(far, step / 2)] == []


def test_late_frames_are_told() -> None:
    watch, late = Watch(), replace(GOOD, late_percent=100.0, rate_hz=11.5)
    lines = [line for step in range(20) for line in watch.poll(late, step / 2)]
    assert lines == [
        "100 % of the frames are late (11.5 a second, wanted 24): this machine is too slow for this stage; make its "
        "pictures smaller"
    ]


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_it_redraws_in_place_and_log_lines_stand_above(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    screen = Screen()
    with Terminal(screen, columns=lambda: 12) as terminal:
        terminal.status("24.0/s, late 0 %")
        logging.getLogger("x").warning("lost")
        terminal.status("23.9/s, late 1 %")
    assert screen.getvalue() == "\r\x1b[K24.0/s, lat\r\x1b[Klost\n24.0/s, lat\r\x1b[K23.9/s, lat\n"


@pytest.mark.parametrize(
    ("text", "cells", "shown"),
    [
        ("scene 雪夜 | 24.0/s", 11, "scene 雪夜 "),
        ("scene 雪夜 | 24.0/s", 9, "scene 雪"),
        ("scene ｶﾀｶﾅ", 8, "scene ｶﾀ"),
        ("cafe\u0301 au lait", 6, "cafe\u0301 a"),
        ("stopped: no\nsuch\r\nfile", 30, "stopped: no such file"),
        ("narrow", 0, ""),
    ],
)
def test_the_line_fits_into_one(text: str, cells: int, shown: str) -> None:
    assert fitting(text, cells) == shown


def test_a_dumb_terminal_gets_no_escapes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    screen = Screen()
    with Terminal(screen) as terminal:
        terminal.status("24.0/s")
        terminal.say("lost")
    assert screen.getvalue() == "24.0/s\nlost\n"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such terminals")
def test_its_width_is_that_of_its_own_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    try:
        reader, writer = os.openpty()
    except OSError:
        pytest.skip("this system has no pseudo terminals to give")
    fcntl.ioctl(writer, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 21, 0, 0))
    with os.fdopen(writer, "w") as out, Terminal(out) as terminal:
        terminal.status("x" * 100)
    assert os.read(reader, 1000).count(b"x") == 20
    os.close(reader)


def test_where_it_cannot_redraw_it_says_a_line_every_ten_seconds() -> None:
    out, now_s = io.StringIO(), [0.0]
    with Terminal(out, clock=lambda: now_s[0]) as terminal:
        for number in range(50):
            now_s[0] = number / 2
            terminal.status(f"line {number}")
    assert out.getvalue().splitlines() == ["line 0", "line 20", "line 40"]


MORE_THAN_A_PIPE = "x" * (8 << 20)


def test_a_terminal_that_is_held_holds_nothing_up() -> None:
    """A pipe that nobody reads blocks who writes more than it holds."""
    read, write = os.pipe()
    out = os.fdopen(write, "w")
    before = _writers()
    with waits_here() as waits:
        with Terminal(out) as terminal:
            with never_waiting():
                terminal.say(MORE_THAN_A_PIPE)
            assert terminal._writer is not None
            until(terminal._writer._words.empty)  # its thread has taken it, and is held
            with never_waiting():
                for _ in range(1000):  # more than the queue takes, also of what says that no more comes
                    terminal.say("x")
            waits.clear()
        assert 0.0 < waited_s(waits) <= WAIT_S
    assert _writers() - before, "it is still held: its thread waits where nobody else does"
    os.close(read)
    for thread in _writers() - before:  # let go, it ends by itself
        thread.join(30.0)
    assert not _writers() - before


def test_a_line_that_nobody_reads_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a command says at its beginning and at its end."""
    read, write = os.pipe()
    before = _writers()
    monkeypatch.setattr("sys.stdout", os.fdopen(write, "w"))
    with waits_here() as waits:
        echo(MORE_THAN_A_PIPE)
    assert 0.0 < waited_s(waits) <= 2.0 * WAIT_S  # for room in the queue, and for the thread
    held = _writers() - before
    assert held
    os.close(read)
    for thread in held:
        thread.join(30.0)
    assert not _writers() - before


def _writers() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "words for a terminal"}


def test_a_terminal_that_is_gone_is_borne(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is raised and nothing waits; and the log goes where it went before."""
    before, threads = logging.getLogger().handlers, _writers()
    monkeypatch.setattr(streams, "WAIT_S", 60.0)
    read, write = os.pipe()
    os.close(read)
    with waits_here() as waits:
        with Terminal(os.fdopen(write, "w")) as terminal:
            for number in range(100):
                terminal.say(f"nobody reads this {number}")
            terminal.status("24.0/s")
            assert not waits
        assert waited_s(waits) < 30.0
    assert logging.getLogger().handlers is before
    assert not _writers() - threads


def test_no_console_is_borne(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", None)
    before = logging.getLogger().handlers
    with Terminal() as terminal:
        terminal.status("24.0/s")
        logging.getLogger("x").warning("nobody sees this")
        assert logging.getLogger().handlers == [terminal]
    assert logging.getLogger().handlers is before
