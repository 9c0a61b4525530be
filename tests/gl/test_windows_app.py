"""The whole app in real windows on a virtual X display: what they show, and what becomes of one that is taken away."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ImageGrab

from tests.cases import slow_but
from tests.gl.test_watch_run import crew
from vpengine.app import App, RunOptions
from vpengine.control.displays import SCENE
from vpengine.gpu import gpu as gpu_module
from vpengine.gpu import window as window_module
from vpengine.gpu.transfer import download

pytestmark = pytest.mark.alone

PLACES = {"wall:main": (20, 30), "wall:side": (420, 30), "world:1": (20, 300), "stage": (420, 300)}
SIZES = {"wall:main": (192, 96), "wall:side": (64, 96), "world:1": (145, 82), "stage": (640, 360)}


@pytest.fixture
def windows_stage(small_stage: Path) -> Path:
    """Two walls; a window for each, and for what the camera must see and the stage from above."""
    text = small_stage.read_text(encoding="utf-8").replace("port = 9000", "port = 0").replace("= 9001", "= 0")
    side = (
        '[[wall]]\nid = "side"\nkind = "flat"\ntile_mm = [500.0, 500.0]\ntile_px = [16, 16]\ncolumns = 4\nrows = 6\n'
        "position_m = [-4.0, 2.0, 0.0]\npan_deg = 60.0\n"
    )
    outputs = "".join(
        f'[[output]]\nkind = "window"\nfeed = "{feed}"\nposition = [{left}, {top}]\n'
        for feed, (left, top) in PLACES.items()
    )
    text = text.replace('[[output]]\nkind = "headless"\nwall = "main"\n', side + outputs)
    small_stage.write_text(text.replace("rate = 24", "rate = 15"), encoding="utf-8")
    return small_stage


class ClientMessage(ctypes.Structure):
    """Xlib's XClientMessageEvent."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("serial", ctypes.c_ulong),
        ("send_event", ctypes.c_int),
        ("display", ctypes.c_void_p),
        ("window", ctypes.c_ulong),
        ("message_type", ctypes.c_ulong),
        ("format", ctypes.c_int),
        ("data", ctypes.c_long * 5),
        ("room", ctypes.c_long * 24),
    )


class Key(ctypes.Structure):
    """Xlib's XKeyEvent."""

    _fields_ = (
        *ClientMessage._fields_[:5],
        ("root", ctypes.c_ulong),
        ("subwindow", ctypes.c_ulong),
        ("time", ctypes.c_ulong),
        ("places", ctypes.c_int * 4),
        ("state", ctypes.c_uint),
        ("keycode", ctypes.c_uint),
        ("same_screen", ctypes.c_int),
        ("room", ctypes.c_long * 24),
    )


ESCAPE, SAFE_KEY = 0xFF1B, ord("s")


class Screen:
    """What another program sees of a display: windows by their titles, and pixels."""

    def __init__(self, display: str) -> None:
        self.name = display
        self._x = ctypes.CDLL("libX11.so.6")
        self._x.XOpenDisplay.restype = ctypes.c_void_p
        self._display = ctypes.c_void_p(self._x.XOpenDisplay(display.encode()))
        assert self._display

    def close(self) -> None:
        self._x.XCloseDisplay(self._display)

    def windows(self) -> dict[str, int]:
        self._x.XDefaultRootWindow.restype = ctypes.c_ulong
        root = ctypes.c_ulong(self._x.XDefaultRootWindow(self._display))
        parent, children, count = ctypes.c_ulong(), ctypes.POINTER(ctypes.c_ulong)(), ctypes.c_uint()
        refs = map(ctypes.byref, (ctypes.c_ulong(), parent, children, count))
        self._x.XQueryTree(self._display, root, *refs)
        return {self._title(children[number]): children[number] for number in range(count.value)}

    def _title(self, window: int) -> str:
        text = ctypes.c_char_p()
        self._x.XFetchName(self._display, ctypes.c_ulong(window), ctypes.byref(text))
        return (text.value or b"").decode()

    def destroy(self, window: int) -> None:
        """Without asking who owns it."""
        self._x.XDestroyWindow(self._display, ctypes.c_ulong(window))
        self._x.XSync(self._display, 0)

    def press_close(self, window: int) -> None:
        """A window's close button, as a window manager tells of it."""
        atoms = [self._x.XInternAtom(self._display, name, 0) for name in (b"WM_PROTOCOLS", b"WM_DELETE_WINDOW")]
        data = (ctypes.c_long * 5)(atoms[1])
        self._send(ClientMessage(type=33, window=window, message_type=atoms[0], format=32, data=data))

    def press(self, window: int, key: int = ESCAPE, shift: bool = False) -> None:
        """key: X's keysym."""
        self._x.XKeysymToKeycode.argtypes = [ctypes.c_void_p, ctypes.c_ulong]
        code = self._x.XKeysymToKeycode(self._display, key) & 0xFF
        for kind in (2, 3):  # down and up
            at, state = int(1e3 * time.monotonic()), int(shift)
            self._send(Key(type=kind, window=window, keycode=code, time=at, state=state, same_screen=1))

    def _send(self, event: ctypes.Structure) -> None:
        event.display = self._display
        self._x.XSendEvent(self._display, ctypes.c_ulong(event.window), 0, ctypes.c_long(0), ctypes.byref(event))
        self._x.XSync(self._display, 0)

    def pixels(self) -> NDArray[np.uint8]:
        return np.asarray(ImageGrab.grab(xdisplay=self.name).convert("RGB"))

    def of(self, feed: str) -> NDArray[np.uint8]:
        """The pixels at a feed's place on the screen."""
        (left, top), (width, height) = PLACES[feed], SIZES[feed]
        return self.pixels()[top : top + height, left : left + width]


@pytest.fixture
def screen(display: str) -> Iterator[Screen]:
    screen = Screen(display)
    yield screen
    screen.close()


@contextmanager
def engine(display: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "vpengine", "run", *arguments]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env={**os.environ, "DISPLAY": display}, **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


def until(true: Callable[[], bool], seconds: float = 60.0) -> None:
    end_s = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end_s, "it never came true"
        time.sleep(0.05)


@pytest.mark.parametrize("lost", slow_but("wall:main", ["wall:main", "wall:side"]))
def test_a_window_that_is_taken_away_comes_back_and_the_others_go_on(
    windows_stage: Path, screen: Screen, lost: str
) -> None:
    """The first one paces: another does meanwhile. Nobody is asked, as by a window manager that kills it."""
    report = windows_stage.parent / "report.json"
    title, other = f"vpengine: {lost}", next(f"vpengine: {feed}" for feed in PLACES if feed != lost)
    with engine(screen.name, str(windows_stage), "--report", str(report)) as running:
        until(lambda: len([name for name in screen.windows() if name.startswith("vpengine: ")]) == len(PLACES))
        until(lambda: bool(screen.of(lost).any()))
        before = screen.windows()
        screen.destroy(before[title])
        until(lambda: screen.windows().get(title) not in (None, before[title]))
        until(lambda: bool(screen.of(lost).any()))
        assert screen.windows()[other] == before[other]
        assert running.poll() is None
        running.send_signal(signal.SIGINT)
        _, told = running.communicate(timeout=60.0)
    assert running.returncode == 0, told
    said = [line for line in told.splitlines() if "failed" in line]
    assert len(said) == 1, told
    assert f"window {lost} failed" in said[0]
    assert "the other outputs go on" in said[0]
    figures = json.loads(report.read_text(encoding="utf-8"))
    assert list(figures["failures"]) == [f"window {lost}"]


def follow(running: subprocess.Popen[str]) -> list[str]:
    """Its lines of the log, as they come."""
    lines: list[str] = []
    assert running.stderr is not None
    threading.Thread(target=lambda: lines.extend(running.stderr or ()), daemon=True).start()
    return lines


def test_one_press_only_warns_and_two_end_the_show(windows_stage: Path, screen: Screen) -> None:
    """The close button of one window, and three seconds later Esc in another, are mistakes; Esc and Esc is a will."""
    with engine(screen.name, str(windows_stage)) as running:
        lines = follow(running)
        until(lambda: {f"vpengine: {feed}" for feed in PLACES} <= set(screen.windows()))
        windows = screen.windows()
        screen.press_close(windows["vpengine: wall:side"])
        until(lambda: sum("Once more" in line for line in lines) == 1)
        time.sleep(2.5)
        screen.press(windows["vpengine: stage"])
        until(lambda: sum("Once more" in line for line in lines) == 2)
        assert screen.windows() == windows
        assert running.poll() is None
        screen.press(windows["vpengine: stage"])
        assert running.wait(timeout=60.0) == 0


def test_keys_in_any_window_press_the_desk_s_buttons(windows_stage: Path, screen: Screen) -> None:
    """SAFE covers the walls, and its release uncovers them; R and C are a take."""
    show = windows_stage.parent / "show.toml"
    show.write_text(show.read_text("utf-8").replace('name = "Test"', 'name = "Test"\nsafe = "black"'), encoding="utf-8")
    takes = windows_stage.parent / "takes"
    with engine(screen.name, str(windows_stage), "--takes", str(takes)) as running:
        until(lambda: {f"vpengine: {feed}" for feed in PLACES} <= set(screen.windows()))
        windows = screen.windows()
        until(lambda: bool(screen.of("wall:main").any()))
        screen.press(windows["vpengine: wall:side"], SAFE_KEY)
        until(lambda: not screen.of("wall:main").any() and not screen.of("wall:side").any())
        screen.press(windows["vpengine: stage"], SAFE_KEY, shift=True)
        until(lambda: bool(screen.of("wall:main").any()))
        screen.press(windows["vpengine: stage"], ord("r"))
        until(lambda: (takes / "take-1" / "frames.jsonl").is_file())
        screen.press(windows["vpengine: wall:main"], ord("c"))
        until(lambda: "refused" in (takes / "take-1" / "take.json").read_text(encoding="utf-8"))
        assert running.poll() is None


def test_an_edit_never_blanks_a_window_and_another_stage_opens_them_anew(
    windows_stage: Path, screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With --watch: the screen is looked at all the while that a wall goes to another plate; then its window moves."""
    monkeypatch.setenv("DISPLAY", screen.name)
    left, top = PLACES["wall:main"]
    with crew(windows_stage) as run:
        run.hears(SCENE, lambda scene: scene == "first", press="/vp/subscribe")
        run.until(lambda: all(screen.of(feed).any() for feed in PLACES))
        before, blank = screen.of("wall:main").astype(int), 0
        seen, since_s = before, time.monotonic()

        def rests_on_the_other_plate() -> bool:
            """For a second: within a frame of a dissolve all looks alike."""
            nonlocal blank, seen, since_s
            pictures = [screen.of("wall:main").astype(int) for _ in range(20)]
            blank += not all(picture.any() for picture in pictures)
            if not (pictures[-1] == seen).all():
                seen, since_s = pictures[-1], time.monotonic()
            return bool(np.abs(seen - before).mean() > 10.0) and time.monotonic() - since_s > 1.0

        run.edit(run.show, 'plate.kind = "pattern"', 'plate = {kind = "pattern", style = "checker"}')
        run.until(rests_on_the_other_plate)
        run.until(lambda: run.says("taken in") == 1)
        assert blank == 0
        after = screen.of("wall:main")
        run.edit(windows_stage, f"position = [{left}, {top}]", f"position = [{left}, {top + 120}]")
        run.until(lambda: run.says("built anew; the walls were dark for") == 1)
        height, width = after.shape[:2]
        moved = (slice(top + 120, top + 120 + height), slice(left, left + width))
        run.until(lambda: bool((np.abs(screen.pixels()[moved].astype(int) - after) <= 2).mean() > 0.99))
        run.until(lambda: all(screen.of(feed).any() for feed in PLACES if feed != "wall:main"))
        assert not screen.of("wall:main").any()
        run.process.send_signal(signal.SIGINT)
        assert run.process.wait(60.0) == 0


def draw_and_look(stage: Path, kept: Path, card: bool) -> None:
    """Run in a process of its own: frames in windows, then the screen, and the feeds as they were drawn.

    card: as on a graphics card, where nobody waits for a frame's end; software OpenGL has fences too.
    """
    if card:
        for module in (gpu_module, window_module):
            module.is_software = lambda _: False  # type: ignore[attr-defined]
    with App(RunOptions(stage)) as app:
        app.wait_until_ready()
        app.run_frames(20)
        app.gpu.finish()
        drawn = {feed: download(app.loop.executor.pictures[feed].color)[..., :3] for feed in PLACES}
        screen = np.asarray(ImageGrab.grab(xdisplay="").convert("RGB"))
        np.savez(kept, screen=screen, **drawn)
        print(json.dumps([app.gpu.software, app.report()["work_ms"], app.report()["failures"]]))


@pytest.mark.parametrize("card", slow_but("", ["", "card"]))
def test_every_window_shows_its_feed_pixel_for_pixel(windows_stage: Path, display: str, card: str) -> None:
    """Two walls, what the camera must see, and the stage from above; also where frames end with a fence alone."""
    kept = windows_stage.parent / "kept.npz"
    done = subprocess.run(
        [sys.executable, __file__, str(windows_stage), str(kept), card],
        env={**os.environ, "DISPLAY": display},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    software, work_ms, failures = json.loads(done.stdout.splitlines()[-1])
    assert software != bool(card)
    assert failures == {}
    assert 0.0 < work_ms["p50"] <= work_ms["max"]
    with np.load(kept) as found:
        for feed, (left, top) in PLACES.items():
            height, width = found[feed].shape[:2]
            assert (width, height) == SIZES[feed]
            np.testing.assert_array_equal(found["screen"][top : top + height, left : left + width], found[feed])
            assert found[feed].std() > 20.0, f"{feed} shows something"


def test_a_monitor_that_is_not_there_is_told_before_the_show(windows_stage: Path, display: str) -> None:
    text = windows_stage.read_text(encoding="utf-8").replace('feed = "stage"', 'feed = "stage"\nmonitor = 7')
    windows_stage.write_text(text, encoding="utf-8")
    with engine(display, str(windows_stage)) as running:
        _, told = running.communicate(timeout=60.0)
    assert running.returncode == 2
    assert "output stage: monitor 7 is not connected, found 1" in told
    assert "Traceback" not in told


if __name__ == "__main__":
    draw_and_look(Path(sys.argv[1]), Path(sys.argv[2]), bool(sys.argv[3]))
