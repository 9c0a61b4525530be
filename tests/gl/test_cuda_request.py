"""Request plates that a card carries into page-locked memory, on a stand-in for cuda.core; a card lost in mid-show."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import moderngl
import numpy as np
import pytest

from tests.cuda_stand_in import CudaCore
from vpengine.app import App, RunOptions
from vpengine.frames.images import Room
from vpengine.frames.pixels import Pixels
from vpengine.gpu import cuda as cuda_module
from vpengine.gpu import readback as readback_module
from vpengine.gpu.cuda import Cuda, CudaError
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.readback import ReadBack
from vpengine.gpu.transfer import upload
from vpengine.neural import thread_host


@pytest.fixture
def core(gpu: Any, monkeypatch: pytest.MonkeyPatch) -> CudaCore:
    """The process has a card, which OpenGL draws on, and everything that OpenGL allocates is known to it."""
    core, make = CudaCore(gpu), moderngl.Context.buffer
    monkeypatch.setattr(moderngl.Context, "buffer", lambda *args, **options: core.knows(make(*args, **options)))
    for module in (cuda_module, readback_module):
        monkeypatch.setattr(module, "is_software", lambda _: False)
    monkeypatch.setattr(cuda_module, "_opened", [Cuda(core)])
    monkeypatch.setattr(thread_host, "cards", lambda: 1)
    return core


def pinned(cuda: Cuda, shape: tuple[int, ...], dtype: type[np.generic]) -> Pixels:
    whole = cuda.pinned(int(np.prod(shape)) * np.dtype(dtype).itemsize)
    return Pixels(whole.view(dtype).reshape(shape), bottom_up=True, lives="pinned memory")


def test_a_plate_is_there_when_it_was_waited_for(gpu: Any, core: CudaCore) -> None:
    """Registered once for many plates, mapped for each; what is not page-locked is copied as ever."""
    engine = Gpu(gpu)
    cuda = engine.cuda
    assert cuda is not None
    image = np.random.default_rng(2).normal(size=(5, 7, 4)).astype(np.float16)
    texture, back, into = upload(gpu, image), ReadBack(engine, (7, 5), ring=1), pinned(cuda, (5, 7, 4), np.float16)
    for _ in range(3):
        into.stored[:] = 0
        assert back.begin(texture)
        back.take_rows(into)
        assert not into.stored.any(), "it waited"
        assert (core.registered, core.mapped) == (1, 0)
        cuda.wait()
        np.testing.assert_array_equal(into.top_down, image)
    own = Pixels(np.zeros((5, 7, 4), np.float16), bottom_up=True)
    assert back.begin(texture)
    back.take_rows(own)
    np.testing.assert_array_equal(own.top_down, image)
    back.release()
    assert core.registered == 0


@pytest.mark.parametrize("fault", ["null handle", "other bytes", "refuses"])
def test_a_driver_that_failed_the_trial_carries_nothing(
    gpu: Any, core: CudaCore, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    core.fault = fault
    with caplog.at_level(logging.INFO):
        engine = Gpu(gpu)
    assert engine.cuda is None
    assert "OpenGL and CUDA share no memory, pictures are copied: " in caplog.text
    image = np.random.default_rng(2).normal(size=(5, 7, 4)).astype(np.float16)
    texture, back, into = upload(gpu, image), ReadBack(engine, (7, 5)), Pixels(np.zeros((5, 7, 4), np.float16), True)
    assert back.begin(texture)
    back.take_rows(Pixels(into.stored, True, "pinned memory"))
    np.testing.assert_array_equal(into.top_down, image)


class Threaded:
    """The small stage with a generator in a thread, which is `weather` on a card as far as the engine knows."""

    def __init__(self, stage: Path) -> None:
        text = stage.read_text(encoding="utf-8").replace("port = 9000", "port = 0").replace("= 9001", "= 0")
        text = text.replace('generator = "none"', 'generator = "drill"\nhost = "thread"\nsurround_resolution = 0')
        stage.write_text(text, encoding="utf-8")
        self.options = RunOptions(stage, headless=True, unpaced=True)

    def until(self, app: App, true: Callable[[], bool]) -> None:
        end_s = time.monotonic() + 60.0
        while not true():
            assert time.monotonic() < end_s, "it never came true"
            app.run_frames(1)
            time.sleep(0.002)


def plates(app: App) -> list[Room]:
    """What the walls' newest keyframes were made from."""
    if app.loop.newest is None:
        return []
    found = [keyframe.request.plate for keyframe in app.loop.newest.keyframes]
    return [Room(plate.color_noise, plate.depth) for plate in found]


def test_a_show_s_plates_are_the_same_carried_or_copied(
    small_stage: Path, core: CudaCore, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, threaded = dict[str, Room](), Threaded(small_stage)
    for through in ("pinned memory", "memory"):
        if through == "memory":
            monkeypatch.setattr(cuda_module, "_opened", [])
            monkeypatch.setattr(thread_host, "cards", lambda: 0)
        with App(threaded.options) as app:
            assert (app.gpu.cuda is not None) == (through == "pinned memory")
            app.wait_until_ready()
            threaded.until(app, lambda app=app: bool(plates(app)))
            seen[through] = plates(app)[0]
            crossing = app.report()["generator"]["crossing"]
            assert core.registered == (2 if through == "pinned memory" else 0)  # colour with noise, and depth
        images = app.generator.health.images
        assert crossing["through"] == through
        assert crossing["copies"] >= 4 * images
        assert crossing["bytes"] >= images * (3 * 8 + 4) * 96 * 56
    assert seen["memory"].depth.stored.any()
    for name in ("color_noise", "depth"):
        ours, theirs = (getattr(seen[through], name) for through in ("pinned memory", "memory"))
        assert ours.lives == "array"
        np.testing.assert_array_equal(ours.stored, theirs.stored)


def test_sharing_that_is_lost_in_mid_show_is_told_once_and_pictures_go_on(
    small_stage: Path, core: CudaCore, caplog: pytest.LogCaptureFixture
) -> None:
    threaded = Threaded(small_stage)
    with App(threaded.options) as app:
        app.wait_until_ready()
        health = app.generator.health
        threaded.until(app, lambda: health.images > 0)
        core.fault = "does not map"
        for number in (1, 2, 3):
            images = health.images
            app.desk.controls.set("/vp/look/night", 0.02 * number)
            threaded.until(app, lambda images=images: health.images > images)
        assert app.gpu.cuda is None
        assert health.restarts == 0
        assert not app.loop.executor.failures
    told = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert told == [
        "the driver does not map an OpenGL buffer (CUDAError: CUDA_ERROR_UNKNOWN: an unknown error). Pictures for the "
        "generator are copied from now on."
    ]


def test_a_card_that_does_not_open_leaves_ordinary_memory(
    small_stage: Path, core: CudaCore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refused() -> Cuda:
        raise CudaError("cuda-core is not installed")

    monkeypatch.setattr(thread_host, "open_card", refused)
    threaded = Threaded(small_stage)
    with caplog.at_level(logging.INFO), App(threaded.options) as app:
        app.wait_until_ready()
        threaded.until(app, lambda: app.generator.health.images > 0)
        assert app.report()["generator"]["crossing"]["through"] == "memory"
    assert "cuda-core is not installed: pictures for the generator go through ordinary memory" in caplog.text
