"""A virtual X display, for tests that open windows; a running show, taken frame by frame; and parts of one."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.waiting import Clock
from vpengine.app import App, RunOptions
from vpengine.compose.request_camera import RequestCamera
from vpengine.control import declared
from vpengine.control.triggers import SceneTrigger
from vpengine.frames.frame_input import FrameInput
from vpengine.gpu.gpu import Gpu
from vpengine.output.clock import UnpacedClock
from vpengine.plates.street.plate import Street, StreetSettings
from vpengine.plates.street.visible import Visibility

SCREEN = (1280, 720)


@pytest.fixture(scope="session")
def display() -> Iterator[str]:
    server = shutil.which("Xvfb")
    if server is None:
        pytest.skip("Xvfb is not installed: no virtual display to open windows on")
    read, write_end = os.pipe()
    arguments = [
        server,
        "-displayfd",
        str(write_end),
        "-screen",
        "0",
        f"{SCREEN[0]}x{SCREEN[1]}x24",
        "-nolisten",
        "tcp",
        "-noreset",  # else it begins anew when its last client leaves, and refuses who comes just then
    ]
    with subprocess.Popen(arguments, pass_fds=[write_end], stderr=subprocess.DEVNULL) as process:
        os.close(write_end)
        with os.fdopen(read) as pipe:
            number = pipe.readline().strip()
        if not number:
            pytest.skip("Xvfb does not start here")
        yield f":{number}"
        process.terminate()


FEEDS = ("wall:main", "wall:side", "world:1")
SIDE = """\
[[wall]]
id = "side"
kind = "flat"
tile_mm = [500.0, 500.0]
tile_px = [16, 16]
columns = 4
rows = 6
position_m = [-4.0, 2.0, 0.0]
pan_deg = 60.0
[[output]]
kind = "headless"
feed = "world:1"
"""


PATIENCE_S = 120.0  # of a machine that is busy with other things too


class Show:
    """A running engine whose time is that of its frames, a 24th of a second each: that of scenes, cues and pictures,
    the guard's and the pool's. Trackers, generators and captures have the machine's, and so do the frames where a
    camera's own pictures are waited for.
    """

    def __init__(self, app: App) -> None:
        self.app, self.clock = app, Clock()
        newest = app.loop.newest
        number = -1 if newest is None else newest.tick.number
        if not app.captures.readers:
            app.loop.clock = UnpacedClock(Fraction(24), self.clock, number)
        app.loop.executor._guard._clock = self.clock
        app.loop.executor._pool._clock = self.clock

    def frames(self, count: int) -> None:
        """Each of them must be drawn to its end."""
        before = self.app.loop.times.frames
        for _ in range(count):
            self.clock.now_s += 1.0 / 24.0
            self.app.run_frames(1)
        assert self.app.loop.times.frames == before + count

    def seconds(self, seconds: float) -> None:
        self.frames(round(24 * seconds))

    def pixels(self, feed: str) -> NDArray[Any]:
        texture = self.app.loop.executor.pictures[feed].color
        out = np.empty((texture.size[1], texture.size[0], 4), np.uint8)
        texture.read_into(out.data.cast("B"), alignment=1)
        return out[..., :3]

    def all_pixels(self) -> dict[str, NDArray[Any]]:
        return {feed: self.pixels(feed) for feed in FEEDS}

    def dim(self, stops: float) -> None:
        """Both pictures of the walls."""
        for address in (declared.INNER_EXPOSURE, declared.OUTER_EXPOSURE):
            self.app.desk.controls.set(address, stops)

    def go(self, scene: str) -> None:
        self.app.inbox.add(SceneTrigger("goto", scene))

    @property
    def newest(self) -> FrameInput:
        assert self.app.loop.newest is not None
        return self.app.loop.newest

    def until(self, true: Callable[[], bool]) -> None:
        end_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < end_s:
            self.frames(1)
            if true():
                return
            time.sleep(0.002)  # a generator has what frames leave of the machine
        pytest.fail("it never came true")

    def settle(self) -> None:
        """Until one location is shown alone."""
        self.frames(1)
        self.until(lambda: len(self.newest.program.shares) == 1)


def with_two_walls(stage: Path, generator: str = "none") -> Path:
    text = stage.read_text(encoding="utf-8").replace("port = 9000", "port = 0").replace("= 9001", "= 0")
    text = text.replace("[[tracking]]", SIDE + "[[tracking]]")
    stage.write_text(text.replace('generator = "none"', f'generator = "{generator}"'), encoding="utf-8")
    return stage


@pytest.fixture
def two_walls(small_stage: Path) -> Path:
    """The small stage with a second wall and the camera's world as an output; nobody is listened to."""
    return with_two_walls(small_stage)


@pytest.fixture
def make_show() -> Callable[[App], Show]:
    return Show


@pytest.fixture
def show(two_walls: Path) -> Iterator[Show]:
    with App(RunOptions(two_walls, headless=True, unpaced=True)) as app:
        app.wait_until_ready()
        yield Show(app)


@contextmanager
def by_night(stage: Path, generator: str, night: str) -> Iterator[Show]:
    """The stage with two walls and a generator, as soon as that is ready."""
    options = RunOptions(
        with_two_walls(stage, generator), headless=True, unpaced=True, controls=(("look.night", night),)
    )
    with App(options) as app:
        app.wait_until_ready()
        yield Show(app)


@pytest.fixture
def drilling(small_stage: Path) -> Iterator[Show]:
    """A stage whose generator fails when the night is deep; now it works."""
    with by_night(small_stage, "drill", "0.02") as show:
        yield show


@pytest.fixture
def generating(small_stage: Path) -> Iterator[Show]:
    """A stage with a generator, whose pictures of a night have faded in, the camera's and all round; it rests."""
    with by_night(small_stage, "weather", "0.9") as show:
        surrounds = show.app.compositor.surrounds
        assert surrounds is not None
        show.until(lambda: surrounds.coverage("pattern") == 1.0)
        end_s = time.monotonic() + 2.0  # the grade follows
        show.until(lambda: time.monotonic() > end_s)
        yield show


@pytest.fixture
def engine(gpu: Any) -> Gpu:
    return Gpu(gpu)


@pytest.fixture
def request_camera(engine: Gpu) -> Iterator[RequestCamera]:
    made = RequestCamera(engine)
    yield made
    made.release()


_streets: dict[str, dict[str, Any]] = {}  # what is made of each before it is uploaded


@pytest.fixture
def street_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A street is made once for all engines that ask for it here: they share its arrays, to which nobody writes."""
    make = Street.__init__

    def begin(self: Street, settings: StreetSettings) -> None:
        name = settings.model_dump_json()
        if name not in _streets:
            make(self, settings)
            _streets[name] = dict(vars(self))
        vars(self).update(_streets[name])
        self._textures, self._owned, self._visibility = {}, [], Visibility(self._surface)

    monkeypatch.setattr(Street, "__init__", begin)


@pytest.fixture
def run_text(tmp_path: Path, street_once: None) -> Iterator[Callable[..., Show]]:
    """A running show of a stage's text, on a plate; ended with the test."""
    apps: list[App] = []

    def begin(text: str, controls: tuple[tuple[str, str], ...] = (), plate: str = "pattern") -> Show:
        stage, show = tmp_path / "stage.toml", tmp_path / "show.toml"
        stage.write_text(text, encoding="utf-8")
        scene = f'[[scene]]\nslug = "a"\nplate.kind = "{plate}"\n'
        show.write_text('version = 1\nshow.name = "x"\n' + scene, encoding="utf-8")
        takes = tmp_path / "takes"
        app = App(RunOptions(stage, show=show, headless=True, unpaced=True, controls=controls, takes=takes))
        apps.append(app)
        app.__enter__()
        app.wait_until_ready()
        return Show(app)

    yield begin
    for app in apps:
        app.__exit__(None, None, None)
