"""What a long show leaves behind in OpenGL: nothing, however often its scene changes and the governor its rung."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cases import slow_but
from tests.waiting import Clock
from vpengine.app import App, RunOptions
from vpengine.control.triggers import SceneTrigger
from vpengine.gpu import gpu as gpu_module
from vpengine.gpu import sync as sync_module
from vpengine.gpu.library import gl_library
from vpengine.gpu.pool import IDLE_S
from vpengine.gpu.uniforms import IN_FLIGHT

KINDS = (
    "glIsTexture",
    "glIsFramebuffer",
    "glIsRenderbuffer",
    "glIsBuffer",
    "glIsProgram",
    "glIsShader",
    "glIsVertexArray",
    "glIsQuery",
)
THIRD = '[[scene]]\nslug = "third"\ndissolve_s = 0.2\nplate.kind = "none"\n'


def gl_objects() -> dict[str, int]:
    """How many of each kind the context has, by asking for every name."""
    return {kind: sum(bool(getattr(gl_library(), kind)(name) & 0xFF) for name in range(1, 3000)) for kind in KINDS}


class CountedSyncs:
    """OpenGL's functions; syncs have no names to ask for, so they are counted as they come and go."""

    def __init__(self) -> None:
        self.alive: set[int] = set()
        self._gl: Any = sync_module._functions()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._gl, name)

    def glFenceSync(self, *given: int) -> int:  # noqa: N802
        sync = int(self._gl.glFenceSync(*given))
        self.alive.add(sync)
        return sync

    def glDeleteSync(self, sync: int) -> None:  # noqa: N802
        self.alive.discard(sync)
        self._gl.glDeleteSync(sync)


class Long:
    """An engine whose pool's time stands still until it is told."""

    def __init__(self, app: App, syncs: CountedSyncs) -> None:
        self.app, self._clock, self._syncs = app, Clock(), syncs
        self.pool = app.loop.executor._pool
        self.pool._clock = self._clock

    def at_rest(self) -> dict[str, int]:
        """What there is after the pool has given back what nobody needs."""
        self.app.run_frames(1)
        while self.app.loop.newest is not None and len(self.app.loop.newest.program.shares) > 1:
            self.app.run_frames(1)
        self._clock.now_s += IDLE_S + 0.1
        self.app.run_frames(4)
        return {**gl_objects(), "syncs": len(self._syncs.alive)}


@pytest.fixture(params=slow_but("fenced", ["waited for", "fenced"]))
def long(request: pytest.FixtureRequest, small_stage: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Long]:
    """fenced: as on a graphics card, where a frame ends with a fence and a timestamp."""
    syncs = CountedSyncs()
    monkeypatch.setattr(sync_module, "_functions", lambda: syncs)
    if request.param == "fenced":
        monkeypatch.setattr(gpu_module, "is_software", lambda _: False)
    show = small_stage.parent / "show.toml"
    scenes = re.sub(r"dissolve_s = [0-9.]+", "dissolve_s = 2.0", show.read_text(encoding="utf-8") + THIRD)
    show.write_text(scenes, encoding="utf-8")
    text = small_stage.read_text(encoding="utf-8").replace("port = 9000", "port = 0").replace("= 9001", "= 0")
    small_stage.write_text(text + '[[output]]\nkind = "headless"\nfeed = "world:1"\n', encoding="utf-8")
    with App(RunOptions(small_stage, headless=True, unpaced=True)) as app:
        app.wait_until_ready()
        assert app.gpu.software == (request.param != "fenced")
        yield Long(app, syncs)


def test_fifty_changes_of_scene_leave_nothing_behind(long: Long) -> None:
    """Most of them in the middle of the dissolve before them."""
    app, slugs = long.app, itertools.cycle(["second", "third", "first", "third", "second", "first"])

    def change(times: int) -> int:
        """How many frames showed three locations at once."""
        crowded = 0
        for number, slug in zip(range(times), slugs, strict=False):
            app.inbox.add(SceneTrigger("goto", slug))
            app.run_frames(3 if number % 6 else 40)
            crowded += app.loop.newest is not None and len(app.loop.newest.program.others) > 0
        return crowded

    change(12)
    before = long.at_rest()
    assert change(50) > 10
    assert long.at_rest() == before
    assert before["glIsTexture"] > 10
    assert before["glIsProgram"] > 3
    assert app.report()["failures"] == {}


def test_a_change_of_rung_gives_back_what_it_needs_no_more(long: Long) -> None:
    app, governor = long.app, long.app.loop.governor

    def up_and_down() -> None:
        for rung in (5, 0, 3, 4, 2, 1, 0):
            governor.rung = rung
            app.run_frames(3)

    up_and_down()  # every pass has what it needs from now on
    before = long.at_rest()
    up_and_down()
    assert long.pool.resting > 0  # of the sizes that were drawn before
    assert long.at_rest() == before
    assert long.pool.resting == 0


def test_a_frame_that_ends_with_a_fence_is_timed_all_the_same(long: Long) -> None:
    """Never before it began, nor after it was asked: by the driver's clock where nobody waits."""
    long.app.run_frames(30)
    work_ms = long.app.report()["work_ms"]
    assert 0.0 < work_ms["p50"] <= work_ms["max"] < 10_000.0
    begin_s = time.monotonic()
    long.app.run_frames(1)
    long.app.gpu.finish()
    done_s = time.monotonic()
    time.sleep(0.2)
    assert begin_s - 1e-3 <= long.app.gpu.done_s() <= done_s + 1e-3  # although it is asked so late


def test_no_more_frames_are_begun_than_may_be_in_flight(long: Long) -> None:
    for _ in range(20):
        long.app.run_frames(1)
        ends = long.app.gpu._ends
        assert (0 if ends is None else len(ends)) <= IN_FLIGHT
