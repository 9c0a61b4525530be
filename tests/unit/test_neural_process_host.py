"""The neural process for real: it works, fails in every way, is replaced, and the engine's loop never waits for it."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from tests.cases import slow_but
from tests.hosting import DRILL, NO_RUNTIME, SIZE, Loop, request
from tests.telling import TOLD, UNBUILT
from tests.waiting import until
from vpengine.neural import GENERATORS
from vpengine.neural import slot_host as host_module
from vpengine.neural.drill import FAILURES, Drill
from vpengine.neural.ladder_host import MOST_FAILURES
from vpengine.neural.messages import Ready
from vpengine.neural.process_host import ProcessHost
from vpengine.neural.slot_host import SLOTS
from vpengine.view.color import acescct_from_linear

pytestmark = pytest.mark.alone


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loop]:
    monkeypatch.setattr(Drill, "hang_limit_s", staticmethod(lambda work_s: max(0.6, 10.0 * work_s)))
    monkeypatch.setattr(host_module, "_BACK_OFF_S", (0.05, 0.1))
    host = ProcessHost("drill", DRILL, NO_RUNTIME, [SIZE])
    yield Loop(host)
    host.close()


def worker(host: ProcessHost) -> int:
    assert host.health.pid is not None
    return host.health.pid


def test_a_keyframe_has_the_files_that_it_was_told_by() -> None:
    telling = Loop(ProcessHost("telling", "tests.telling:Telling", NO_RUNTIME, [SIZE]))
    telling.submit(1)
    telling.until(lambda: bool(telling.keyframes))
    assert telling.keyframes[0].provenance.told == TOLD
    telling.host.close()


def test_a_size_without_an_engine_is_refused_at_start() -> None:
    """One that a governor may ask for later: another try would end the same, so the ladder goes on at once."""
    unbuilt = Loop(ProcessHost("unbuilt", "tests.telling:Unbuilt", NO_RUNTIME, [SIZE, UNBUILT]))
    unbuilt.until(lambda: unbuilt.host.health.failures > 0)
    assert not unbuilt.host.health.ready
    assert unbuilt.host.health.hopeless
    assert unbuilt.host.health.last_failure == "no engine is there for 45x25; build it before"
    unbuilt.host.close()


@pytest.mark.parametrize("size", [(45, 25), (48, 48)], ids=["smaller", "of another shape"])
def test_each_request_has_its_own_resolution(loop: Loop, size: tuple[int, int]) -> None:
    """A governor asks for smaller pictures, a surround for square ones; in one slot's memory."""
    loop.until(lambda: loop.host.free(time.monotonic()))
    asked = request(1, size=size)
    loop.host.submit(asked, time.monotonic())
    loop.until(lambda: bool(loop.keyframes))
    (key,) = loop.keyframes
    assert key.gain.rgb.shape == key.bias.rgb.shape == (size[1], size[0], 3)
    np.testing.assert_array_equal(key.gain.rgb, 0.5)
    np.testing.assert_array_equal(key.request.plate.color, asked.plate.color)
    cct = acescct_from_linear(asked.plate.color.astype(np.float32)).mean(axis=(0, 1))
    table = key.grade.table.reshape(-1, 3, 4)
    graded = table[:, :, :3] @ cct + table[:, :, 3]
    np.testing.assert_allclose(graded, np.broadcast_to(0.5 * cct, graded.shape), atol=0.02)


def test_a_keyframe_comes_back(loop: Loop, capfd: pytest.CaptureFixture[str]) -> None:
    """Gain, grade, provenance and times are those of the request; the drill halves the plate in ACEScct."""
    asked = loop.submit(41)
    loop.until(lambda: len(loop.keyframes) == 1)
    keyframe = loop.keyframes[0]
    assert keyframe.request is asked
    assert (keyframe.gain.rgb == 0.5).all()
    assert not keyframe.bias.rgb.any()
    assert keyframe.gain.rgb.shape == (SIZE[1], SIZE[0], 3)
    assert keyframe.gain.stored.dtype == keyframe.bias.stored.dtype == np.float16
    assert keyframe.gain.lives == keyframe.bias.lives == "array"  # the slot is the next request's

    # Distance 5 m, straight ahead, the cells of ordinary luminance: where all the plate's pixels are.
    transform = keyframe.grade.table[2, 3, 3]
    cct = acescct_from_linear(asked.plate.color).reshape(-1, 3)[:200]
    graded = cct @ transform[:, :3].T + transform[:, 3]
    assert np.abs(graded - 0.5 * cct).max() < 0.05
    assert np.abs(graded - 0.5 * cct).mean() < 0.015

    provenance = keyframe.provenance
    assert (provenance.source, provenance.runtime, provenance.seed) == ("drill", NO_RUNTIME, 7)
    assert provenance.request_number == 41
    assert dict(provenance.look)["fog"] == 0.25
    assert 0.0 < keyframe.timings.work_s < keyframe.timings.finished_s - keyframe.timings.submitted_s
    assert loop.host.health.images == 1
    loop.host.close()
    assert capfd.readouterr().err == ""


@pytest.mark.skipif(not hasattr(os, "sched_getscheduler"), reason="this system has no such scheduler")
def test_it_takes_only_what_the_frame_leaves() -> None:
    """From its first moment, for it imports for a second of a core; its threads inherit it."""
    host = ProcessHost("drill", DRILL, NO_RUNTIME, [SIZE])
    try:
        assert os.sched_getscheduler(worker(host)) == os.SCHED_IDLE
        assert os.getpriority(os.PRIO_PROCESS, worker(host)) >= 10
    finally:
        host.close()


def test_answers_keep_their_slots_apart(loop: Loop) -> None:
    """Two requests are in flight at once and each answer is told of its own request."""
    loop.until(lambda: loop.host.health.ready)
    first, second = request(1), request(2)
    loop.host.submit(first, time.monotonic())
    loop.host.submit(second, time.monotonic())
    assert not loop.host.free(time.monotonic() + 100.0)  # all slots are taken
    assert SLOTS == 2
    loop.until(lambda: len(loop.keyframes) == 2)
    assert [keyframe.request for keyframe in loop.keyframes] == [first, second]
    assert loop.host.free(time.monotonic())


def test_a_second_request_that_hangs_is_noticed_as_soon(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its time counts from when the first was answered, which is 50 s after both were asked for."""
    monkeypatch.setattr(Drill, "hang_limit_s", staticmethod(lambda work_s: 60.0))
    loop.until(lambda: loop.host.health.ready)
    asked_s = time.monotonic()
    loop.host.submit(request(1), asked_s)
    loop.host.submit(request(2, "hangs"), asked_s)
    answered_s = asked_s + 50.0
    until(lambda: bool(loop.host.collect(answered_s).keyframes))
    loop.host.collect(answered_s + 59.0)
    assert loop.host.health.restarts == 0
    loop.host.collect(answered_s + 61.0)
    assert loop.host.health.restarts == 1


def test_a_request_handed_over_late_is_no_hang(loop: Loop) -> None:
    """Its wait counts from when the process got it, whenever its plate was drawn."""
    loop.until(lambda: loop.host.health.ready)
    old = replace(request(1), submitted_s=time.monotonic() - 60.0)
    loop.host.submit(old, time.monotonic())
    loop.until(lambda: len(loop.keyframes) == 1)
    assert loop.host.health.restarts == 0


def test_a_slow_generator_is_told_of_once_and_is_not_taken_for_hung(
    loop: Loop, caplog: pytest.LogCaptureFixture
) -> None:
    """One that says it needs four seconds is given ten times that, as any other."""
    loop.until(lambda: loop.host.health.ready)
    for _ in range(2):
        loop.host._be_ready(Ready("", "", 4.0))
    assert [record.getMessage() for record in caplog.records] == [
        "generator drill takes 4.0 s for a picture of 64 x 36 on this machine; a smaller [neural] resolution is faster."
    ]
    now_s = time.monotonic()
    loop.host.submit(request(1, "hangs"), now_s)
    loop.host.collect(now_s + 39.0)
    assert loop.host.health.restarts == 0
    loop.host.collect(now_s + 41.0)
    assert loop.host.health.restarts == 1


SENTENCES = {
    "raises": "RuntimeError: the drill raised",
    "hangs": "no answer for 0.6 s",
    "dies": "its process ended with code 9",
    "nan": "ValueError: the generator returned gain with NaN, infinite or absurd values",
    "shape": "ValueError: the generator returned gain of shape (35, 64, 3), expected (36, 64, 3)",
}


@pytest.mark.parametrize("failure", slow_but("hangs", FAILURES[1:]))
def test_a_failure_is_told_once_and_mended(loop: Loop, failure: str, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing broken is delivered, one sentence says so, and a look that works is served by the next process."""
    loop.submit(1)
    loop.until(lambda: len(loop.keyframes) == 1)
    before = worker(loop.host)
    loop.host.health.work_s = 0.05  # ten times this bounds the hang limit
    with caplog.at_level(logging.WARNING):
        for number in (2, 3):  # twice: a look that goes on failing is not told of again
            lost = loop.submit(number, failure)
            loop.until(lambda number=number: loop.host.health.restarts == number - 1)
            assert loop.lost.pop() is lost
            assert not loop.lost
        loop.submit(4)
        loop.until(lambda: len(loop.keyframes) == 2)
    assert [keyframe.request.number for keyframe in loop.keyframes] == [1, 4]
    assert (loop.keyframes[1].gain.rgb == 0.5).all()
    assert worker(loop.host) != before
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    sentence = caplog.records[0].getMessage()
    assert sentence.startswith(f"generator drill stopped: {SENTENCES[failure]}. The wall keeps its pictures")
    assert "Traceback" not in sentence


def test_a_worker_that_ends_after_each_picture_is_told_once_and_counted(
    loop: Loop, caplog: pytest.LogCaptureFixture
) -> None:
    """A picture between two failures ends no bout: what comes next is tried after MOST_FAILURES of them."""
    for bout in range(3):
        loop.submit(2 * bout, "raises")
        loop.until(lambda bout=bout: loop.host.health.failures == bout + 1)
        loop.submit(2 * bout + 1)
        loop.until(lambda bout=bout: len(loop.keyframes) == bout + 1)
    assert loop.host.health.failures == MOST_FAILURES
    assert len(caplog.records) == 1


def test_a_later_failure_is_told_again(
    loop: Loop, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same words after it had worked again are news."""
    monkeypatch.setattr(host_module, "STEADY_S", 0.0)
    for number in (1, 3):
        loop.submit(number, "raises")
        loop.until(lambda number=number: loop.host.health.restarts == (number + 1) // 2)
        loop.submit(number + 1)
        loop.until(lambda number=number: len(loop.keyframes) == (number + 1) // 2)
    assert len(caplog.records) == 2


def test_it_backs_off(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each failure in a row waits longer; a success begins anew."""
    monkeypatch.setattr(host_module, "STEADY_S", 0.0)
    monkeypatch.setattr(host_module, "_BACK_OFF_S", (100.0, 1000.0))  # so long that how fast it failed is nothing

    def fails(number: int, restarts: int, wait_s: float) -> None:
        """And is started again ``wait_s`` later, and not before."""
        loop.submit(number, "raises")
        loop.until(lambda: loop.host.health.restarts == restarts)
        failed_s = time.monotonic()
        until(loop.host._may_begin)  # the process is gone
        loop.host.collect(failed_s + wait_s - 50.0)
        assert loop.host._process is None
        loop.host.collect(failed_s + wait_s)
        assert loop.host._process is not None

    fails(1, 1, 100.0)
    fails(2, 2, 1000.0)
    loop.submit(3)
    loop.until(lambda: len(loop.keyframes) == 1)
    fails(4, 3, 100.0)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_stopped_process_is_replaced(loop: Loop) -> None:
    """SIGSTOP, as a driver that hangs: no call waits, the process is killed, another serves."""
    loop.until(lambda: loop.host.health.ready)
    stopped = worker(loop.host)
    os.kill(stopped, signal.SIGSTOP)
    loop.submit(1)
    loop.until(lambda: loop.host.health.restarts == 1)
    loop.submit(2)
    loop.until(lambda: len(loop.keyframes) == 1)
    assert loop.keyframes[0].request.number == 2
    assert not psutil.pid_exists(stopped)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_killed_process_is_replaced(loop: Loop, caplog: pytest.LogCaptureFixture) -> None:
    loop.until(lambda: loop.host.health.ready)
    os.kill(worker(loop.host), signal.SIGKILL)
    loop.until(lambda: loop.host.health.restarts == 1)
    assert not loop.host.health.ready
    assert not loop.lost  # it was not at work
    loop.submit(1)
    loop.until(lambda: len(loop.keyframes) == 1)
    assert "its process ended with code -9" in caplog.text


def test_a_generator_that_cannot_start_says_why(caplog: pytest.LogCaptureFixture) -> None:
    """`weather` without a runtime: the sentence names the file and the cure."""
    host = ProcessHost("weather", "vpengine.neural.weather:Weather", NO_RUNTIME, [SIZE])
    loop = Loop(host)
    try:
        loop.until(lambda: host.health.restarts == 1)
    finally:
        host.close()
    assert 'choose runtime = "onnxruntime"' in caplog.text
    assert not host.health.ready
    assert host.health.words(held=False).startswith("weather stopped: ")


def test_a_process_that_cannot_be_started_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Told once, also when it was the first that failed; the show has begun meanwhile."""
    monkeypatch.setattr(host_module, "_BACK_OFF_S", (0.01,))
    refused = iter([True, True])
    start = multiprocessing.context.SpawnProcess.start

    def starved(process: multiprocessing.context.SpawnProcess) -> None:
        if next(refused, False):
            raise OSError("no memory")
        start(process)

    monkeypatch.setattr(multiprocessing.context.SpawnProcess, "start", starved)
    host = ProcessHost("drill", DRILL, NO_RUNTIME, [SIZE])
    try:
        assert (host.health.restarts, host.health.pid) == (1, None)
        loop = Loop(host)
        loop.submit(1)
        loop.until(lambda: len(loop.keyframes) == 1)
        assert host.health.restarts == 2
    finally:
        host.close()
    (told,) = [record.getMessage() for record in caplog.records]
    assert "its process could not be started (no memory)" in told


def test_nothing_is_left_behind() -> None:
    """After ``close``, while it hangs: no process and no shared memory."""
    host = ProcessHost("drill", DRILL, NO_RUNTIME, [SIZE])
    names = [slot.name.lstrip("/") for slot in host._slots]
    if Path("/dev/shm").is_dir():
        assert all((Path("/dev/shm") / name).exists() for name in names)
    loop = Loop(host)
    loop.submit(1, "hangs")
    pid = worker(host)
    host.close()
    assert not psutil.pid_exists(pid)
    assert not [child for child in multiprocessing.active_children() if child.name == "vpengine-neural"]
    assert not any((Path("/dev/shm") / name).exists() for name in names)


ENGINE = """
import sys, time
from tests_engine import Loop, ProcessHost, DRILL, NO_RUNTIME, SIZE, worker
if __name__ == "__main__":
    host = ProcessHost("drill", DRILL, NO_RUNTIME, [SIZE])
    loop = Loop(host)
    loop.submit(1, sys.argv[1])
    print(worker(host), *(slot.name for slot in host._slots), flush=True)
    time.sleep(60.0)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("at_work", slow_but("works", ["works", "hangs"]))
def test_an_engine_that_dies_leaves_no_worker(tmp_path: Path, at_work: str) -> None:
    """kill -9 of the engine ends its worker, even one that hangs in its generator, and frees the shared memory."""
    (tmp_path / "engine.py").write_text(ENGINE)
    (tmp_path / "tests_engine.py").write_text(Path(__file__).read_text(encoding="utf-8"))
    command = [sys.executable, "engine.py", at_work]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as engine:
        assert engine.stdout is not None
        pid, *names = engine.stdout.readline().split()
        assert psutil.pid_exists(int(pid))
        engine.kill()
        engine.stdout.close()
    end_s = time.monotonic() + 10.0
    left = [Path("/dev/shm") / name.lstrip("/") for name in names]
    while (_alive(int(pid)) or any(path.exists() for path in left)) and time.monotonic() < end_s:
        time.sleep(0.05)
    assert not _alive(int(pid))
    assert not any(path.exists() for path in left)


def _alive(pid: int) -> bool:
    """A zombie that nobody here can reap has ended too."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def modules_after(code: str) -> set[str]:
    """The modules that a fresh interpreter has imported after ``code``."""
    program = f"{code}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


INFERENCE = {"onnxruntime", "openvino", "torch", "tensorrt", "tensorrt_rtx"}


def test_the_engine_imports_no_inference_library() -> None:
    stage = Path(__file__).parents[2] / "stage_configs" / "led_volume.toml"
    read = (
        f"import pathlib, vpengine.app, vpengine.files\nvpengine.files.read_files(pathlib.Path({str(stage)!r}), None)"
    )
    modules = modules_after(read)
    assert {"vpengine.app", "vpengine.neural.worker", "moderngl"} <= modules
    assert not modules & INFERENCE


@pytest.mark.parametrize("target", GENERATORS.values(), ids=GENERATORS)
def test_a_generator_s_module_is_light(target: str) -> None:
    """The engine reads there what the class declares; a library of half a gigabyte belongs to who runs it."""
    module = target.partition(":")[0]
    modules = modules_after(f"import {module}")
    assert module in modules
    assert not modules & INFERENCE


def test_the_worker_imports_no_opengl() -> None:
    """Nor does it through the command that started the engine: spawned processes import the main module again."""
    modules = modules_after("import vpengine.neural.worker, vpengine.neural.weather, vpengine.__main__")
    assert "vpengine.neural.worker" in modules
    assert not modules & {"moderngl", "glfw", "vpengine.app", "vpengine.cli.main", *INFERENCE}
