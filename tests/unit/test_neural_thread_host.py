"""A generator in a thread of the engine: the process's pictures bit for bit, and no end of the show when it fails."""

from __future__ import annotations

import hashlib
import logging
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.hosting import DRILL, NO_RUNTIME, SIZE, Loop, request
from tests.waiting import until, waited_s, waits_here
from vpengine.errors import UserError
from vpengine.frames.keyframe import Keyframe
from vpengine.neural import GENERATORS, RUNTIMES, drill, slot_host, thread_host
from vpengine.neural.declared import looks_of
from vpengine.neural.depth import WEIGHTS
from vpengine.neural.diffusion import DiffusionSettings
from vpengine.neural.ladder_host import LadderHost, LadderRung
from vpengine.neural.messages import Failed
from vpengine.neural.process_host import ProcessHost
from vpengine.neural.slot_host import SlotHost
from vpengine.neural.thread_host import ThreadHost
from vpengine.neural.worker import _failed, lost_card
from vpengine.stops import is_left_behind

pytestmark = pytest.mark.alone

GENERATORS_OF_TESTS = """
import os
from vpengine.neural.none import NoGenerator

class Cards(NoGenerator):
    '''Says which cards CUDA would show it.'''
    runtime = os.environ.get("CUDA_VISIBLE_DEVICES", "all")

class AcceleratorError(RuntimeError):
    '''As torch has one for all that CUDA says.'''

class Fallen(NoGenerator):
    '''Its card falls off the bus in its third picture, which is the first that is asked for.'''
    made = 0

    def generate(self, plate, look):
        self.made += 1
        if self.made > 3:
            raise AcceleratorError("CUDA error: unspecified launch failure\\nFor debugging consider passing ...")
        return super().generate(plate, look)
"""


@pytest.fixture(autouse=True)
def generators(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "threads_of_tests.py").write_text(GENERATORS_OF_TESTS, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("threads_of_tests", None)


class Hang(threading.Event):
    """The drill hangs until this is set, and not for an hour. begun: once it does."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = threading.Event()

    def sleep(self, seconds: float) -> None:
        self.begun.set()
        self.wait(seconds)


@pytest.fixture
def hang(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hang]:
    over = Hang()
    monkeypatch.setattr(drill, "time", over)
    monkeypatch.setattr(drill.Drill, "hang_limit_s", staticmethod(lambda work_s: 0.6))
    yield over
    over.set()


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loop]:
    monkeypatch.setattr(slot_host, "_BACK_OFF_S", (0.05, 0.1))
    host = ThreadHost("drill", DRILL, NO_RUNTIME, [SIZE])
    yield Loop(host)
    host.close()


def made_by(host: SlotHost, look: Any) -> list[Keyframe]:
    """Three pictures of three sizes; the second one's plate was put where the host has room for it."""
    loop = Loop(host)
    try:
        for number, size in ((1, SIZE), (2, (48, 48)), (3, (40, 24))):
            asked = replace(request(number, size=size), look=look)
            loop.until(lambda: host.free(time.monotonic()) is not None, 120.0)
            if number == 2:
                room = host.free(time.monotonic())
                assert room is not None
                own = room.sized(size)
                own.color_noise.stored[:] = asked.plate.color_noise.stored[::-1]
                own.depth.stored[:] = asked.plate.depth.stored[::-1]
                asked = replace(asked, plate=replace(asked.plate, color_noise=own.color_noise, depth=own.depth))
            host.submit(asked, time.monotonic())
            loop.until(lambda number=number: len(loop.keyframes) == number, 120.0)
    finally:
        host.close()
    return loop.keyframes


def assert_same(ours: list[Keyframe], theirs: list[Keyframe]) -> None:
    for our, their in zip(ours, theirs, strict=True):
        for name in ("gain", "bias"):
            np.testing.assert_array_equal(getattr(our, name).rgb, getattr(their, name).rgb)
            assert getattr(our, name).lives == "array"
        np.testing.assert_array_equal(our.grade.table, their.grade.table)
        for name in ("color", "depth_m", "noise"):
            np.testing.assert_array_equal(getattr(our.request.plate, name), getattr(their.request.plate, name))
        assert our.request.plate.color_noise.lives == "array"
        assert our.provenance == their.provenance


def test_weather_s_pictures_are_the_process_s() -> None:
    look = looks_of("weather").of({"snow": 0.7, "fog": 0.3})
    target, runtime = GENERATORS["weather"], RUNTIMES["onnxruntime"]
    ours, theirs = (made_by(kind("weather", target, runtime, [SIZE]), look) for kind in (ThreadHost, ProcessHost))
    assert_same(ours, theirs)
    assert np.ptp(ours[0].gain.rgb) > 0.01
    assert ours[0].provenance.runtime == f"onnxruntime {metadata.version('onnxruntime')}"


def test_of_a_flat_plate_weather_is_told_a_guess() -> None:
    """And its keyframe says by which network; the depth that goes with the picture stays the card's."""
    look = looks_of("weather").of({"fog": 0.9})
    loop = Loop(ThreadHost("weather", GENERATORS["weather"], RUNTIMES["onnxruntime"], [SIZE]))
    try:
        for flat in (False, True):
            asked = replace(request(1), look=look)
            loop.until(lambda: loop.host.free(time.monotonic()) is not None, 120.0)
            loop.host.submit(replace(asked, plate=replace(asked.plate, flat=flat)), time.monotonic())
            loop.until(lambda flat=flat: len(loop.keyframes) == 1 + flat, 120.0)
    finally:
        loop.host.close()
    own, guessed = loop.keyframes
    assert own.provenance.told == ()
    assert guessed.provenance.told == (("depth network", hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()),)
    assert np.abs(guessed.bias.rgb - own.bias.rgb).max() > 0.01
    np.testing.assert_array_equal(guessed.request.plate.depth_m, own.request.plate.depth_m)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_diffusion_model_s_pictures_are_the_process_s(tiny_sd: Path, tmp_path: Path) -> None:
    model = shutil.copytree(tiny_sd, tmp_path / "tiny-sd")  # its prompts are kept in it
    look = looks_of("diffusion").of({"prompt": "A harbour after the flood"}, seed=5)
    settings = DiffusionSettings(model=str(model), precision="float32")
    target, runtime = GENERATORS["diffusion"], RUNTIMES["torch"]
    ours, theirs = (
        made_by(kind("diffusion", target, runtime, [SIZE], settings=settings), look)
        for kind in (ThreadHost, ProcessHost)
    )
    assert_same(ours, theirs)
    assert np.ptp(ours[0].bias.rgb) > 0.01
    assert ours[0].provenance.runtime.startswith("torch ")
    assert {"steps": "1", "precision": "float32"}.items() <= dict(ours[0].provenance.settings).items()
    assert [name for name, _ in ours[0].provenance.told] == ["prompt 'A harbour after the flood'"]


SENTENCES = {
    "raises": "RuntimeError: the drill raised",
    "nan": "ValueError: the generator returned gain with NaN, infinite or absurd values",
    "shape": "ValueError: the generator returned gain of shape (35, 64, 3), expected (36, 64, 3)",
}


@pytest.mark.parametrize("failure", SENTENCES)
def test_what_raises_is_told_once_and_started_again(loop: Loop, failure: str, caplog: pytest.LogCaptureFixture) -> None:
    loop.submit(1)
    loop.until(lambda: len(loop.keyframes) == 1)
    for number in (2, 3):
        lost = loop.submit(number, failure)
        loop.until(lambda number=number: loop.host.health.restarts == number - 1)
        assert loop.lost.pop() is lost
        assert not loop.host.health.hopeless
    loop.submit(4)
    loop.until(lambda: len(loop.keyframes) == 2)
    assert [keyframe.request.number for keyframe in loop.keyframes] == [1, 4]
    assert [record.getMessage() for record in caplog.records] == [
        f"generator drill stopped: {SENTENCES[failure]}. The wall keeps its pictures; starting it again in 0.05 s."
    ]
    assert loop.host.health.pid is None


def test_a_hang_turns_it_off_until_the_engine_starts_again(
    loop: Loop, hang: Hang, caplog: pytest.LogCaptureFixture
) -> None:
    """No call waits for it, nothing more is asked, and what it makes when it wakes comes to nobody."""
    loop.submit(1)
    loop.until(lambda: len(loop.keyframes) == 1)
    lost, health = loop.submit(2, "hangs"), loop.host.health
    loop.until(lambda: health.failures == 1)
    assert loop.lost == [lost]
    assert health.hopeless
    assert health.no_thread
    assert health.restarts == 0
    assert health.words(held=False) == "drill stopped: no answer for 0.6 s"
    assert [record.getMessage() for record in caplog.records] == [
        "generator drill stopped: no answer for 0.6 s. The wall keeps its pictures; it is off until the engine is "
        "started again."
    ]
    hang.set()
    until(lambda: not neural_threads())
    for later_s in (0.1, 60.0, 3600.0):
        assert not loop.host.collect(time.monotonic() + later_s).keyframes
        assert loop.host.free(time.monotonic() + later_s) is None
    assert not health.ready


def test_a_lost_card_turns_it_off_too(caplog: pytest.LogCaptureFixture) -> None:
    """In the engine; a process of its own begins anew with the card, and is tried."""
    for kind in (ThreadHost, ProcessHost):
        caplog.clear()
        host = kind("test", "threads_of_tests:Fallen", NO_RUNTIME, [SIZE])
        loop = Loop(host)
        try:
            loop.submit(1)
            loop.until(lambda host=host: host.health.failures == 1)
        finally:
            host.close()
        assert host.health.no_thread == host.health.hopeless == (kind is ThreadHost)
        (told,) = [record.getMessage() for record in caplog.records]
        assert "the graphics card does not answer it any more (CUDA error: unspecified launch failure). The" in told
        assert ("until the engine is started again" in told) == (kind is ThreadHost)


@pytest.mark.parametrize("card", [True, False])
def test_a_process_that_is_to_leave_the_card_alone_sees_none(card: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    host = ProcessHost("cards", "threads_of_tests:Cards", NO_RUNTIME, [SIZE], card=card)
    loop = Loop(host)
    try:
        loop.until(lambda: host.health.ready)
    finally:
        host.close()
    assert host.health.runtime == ("0" if card else NO_RUNTIME)  # an empty name is nobody's


@pytest.mark.parametrize(
    ("error", "lost"),
    [
        (type("AcceleratorError", (RuntimeError,), {})("device-side assert"), True),
        (type("CUDAError", (Exception,), {})("CUDA_ERROR_ILLEGAL_ADDRESS"), True),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), True),
        (RuntimeError("weather.onnx: TensorRT could not run it: Cuda Runtime (unspecified launch failure)"), True),
        (RuntimeError("the drill raised"), False),
        (ValueError("CUDA error is not the type of this"), False),
    ],
)
def test_a_lost_card_is_known(error: Exception, lost: bool) -> None:
    assert lost_card(error) == lost


@pytest.mark.parametrize("words", ["CUDA error: out of memory", "weather.onnx: Cuda Runtime (out of memory)"])
def test_a_card_that_is_full_is_not_lost(words: str) -> None:
    failed = _failed(RuntimeError(words))
    assert failed == Failed("there is not enough memory for its picture", hopeless=True, full_memory=True)


def test_the_end_waits_two_seconds_for_a_thread_that_hangs(loop: Loop, hang: Hang) -> None:
    """And the command knows that it must leave without Python's own end."""
    loop.submit(1, "hangs")
    assert hang.begun.wait(30.0)
    assert not is_left_behind()
    with waits_here() as waits:
        loop.host.close()
    assert 0.0 < waited_s(waits) < 2.0
    assert is_left_behind()
    hang.set()
    until(lambda: not is_left_behind())


def test_a_thread_that_is_done_is_not_waited_for(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thread_host, "END_S", 60.0)
    loop.submit(1)
    loop.until(lambda: len(loop.keyframes) == 1)
    with waits_here() as waits:
        loop.host.close()
    assert waited_s(waits) < 30.0
    assert not neural_threads()


def neural_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "neural-thread"]


def test_after_a_hang_the_ladder_goes_to_a_process(hang: Hang, caplog: pytest.LogCaptureFixture) -> None:
    """And not to another thread, whose calls would wait behind the one that hangs."""

    def rung(words: str, thread: bool) -> LadderRung:
        kind = ThreadHost if thread else ProcessHost
        return LadderRung(words, lambda: kind(words, DRILL, NO_RUNTIME, [SIZE]), thread)

    host = LadderHost([rung("first", True), rung("second", True), rung("third", False)])
    loop = Loop(host)
    try:
        loop.submit(1, "hangs")
        loop.until(lambda: host.health.name == "third")
        loop.submit(2)
        loop.until(lambda: len(loop.keyframes) == 1)
        assert host.health.pid is not None
    finally:
        hang.set()
        host.close()
    assert caplog.records[-1].getMessage() == "generator first: no answer for 0.6 s. From now on: third."


def test_where_only_threads_are_left_nothing_follows(hang: Hang, caplog: pytest.LogCaptureFixture) -> None:
    made = []

    def start() -> ThreadHost:
        made.append(ThreadHost("drill", DRILL, NO_RUNTIME, [SIZE]))
        return made[-1]

    host = LadderHost([LadderRung("first", start, True), LadderRung("second", start, True)])
    loop = Loop(host)
    try:
        loop.submit(1, "hangs")
        loop.until(lambda: host.health.failures == 1)
        with caplog.at_level(logging.WARNING):
            for _ in range(5):
                loop.turn()
        assert len(made) == 1
        assert len(caplog.records) == 1
    finally:
        hang.set()
        host.close()


LEAVING = """
import atexit, sys, threading, time
from vpengine.cli.streams import leave_if_held
from vpengine.stops import left_behind
thread = threading.Thread(target=time.sleep, args=(float(sys.argv[1]),), daemon=True)
thread.start()
thread.join(0.3)
left_behind(thread)
atexit.register(print, "Python's own end")
print("said before")
leave_if_held(7)
sys.exit(7)
"""


@pytest.mark.parametrize(("sleeps_s", "ends_itself"), [("60", False), ("0.01", True)])
def test_a_command_leaves_at_once_only_where_a_thread_is_left(sleeps_s: str, ends_itself: bool) -> None:
    """With its exit code, and what it had to say."""
    done = subprocess.run([sys.executable, "-c", LEAVING, sleeps_s], capture_output=True, text=True, check=False)
    assert done.returncode == 7
    assert done.stdout == "said before\n" + ("Python's own end\n" if ends_itself else "")


def test_memory_that_is_not_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(nbytes: int) -> Any:
        raise MemoryError

    monkeypatch.setattr("vpengine.neural.thread_host._memory", refused)
    with pytest.raises(UserError, match=r"generator drill: .* MB of memory are not to be had; make \[neural\]"):
        ThreadHost("drill", DRILL, NO_RUNTIME, [SIZE])
