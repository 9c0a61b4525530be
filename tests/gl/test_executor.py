"""The executor: what fails is left out and named, what stands in is shown, nothing lent is kept, and all is timed."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from vpengine.gpu import executor as executor_module
from vpengine.gpu.executor import Executor, Pictures
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.guard import Guard
from vpengine.gpu.job import DECORATION, WALL, Job
from vpengine.gpu.library import gl_library
from vpengine.gpu.pool import TargetPool, TargetSpec
from vpengine.gpu.target import Target
from vpengine.gpu.timing import KEPT, LATER, MOST_NAMES, GpuTimers, Timings
from vpengine.gpu.transfer import download

SMALL = TargetSpec((4, 2), dtype="f4")


@dataclass(frozen=True, kw_only=True)
class Fill(Job):
    """A target of one value."""

    value: float


@dataclass(frozen=True, kw_only=True)
class Do(Job):
    """Whatever a test wants done."""

    work: Callable[[], Any]


def fill(job: Fill, pictures: Pictures) -> Target:
    target = pictures.lend(SMALL)
    target.framebuffer.clear(red=job.value)
    return target


class Clock:
    now_s = 10.0

    def __call__(self) -> float:
        return self.now_s


class Bench:
    """An executor and what it is made of; ``frame`` runs one and lets a 24th of a second go by."""

    def __init__(self, context: Any) -> None:
        self.clock, self.gpu = Clock(), Gpu(context)
        self.pool, self.guard = TargetPool(self.gpu, self.clock), Guard(self.clock)
        drawers = {Fill: fill, Do: lambda job, _: job.work()}
        self.executor = Executor(self.gpu, self.pool, self.guard, drawers)

    def frame(self, *jobs: Job) -> None:
        self.executor.run(jobs)
        self.clock.now_s += 1.0 / 24.0

    def red(self, key: str) -> float:
        return float(download(self.executor.pictures[key].color)[0, 0, 0])


@pytest.fixture
def bench(gpu: Any) -> Iterator[Bench]:
    bench = Bench(gpu)
    bench.gpu.forget_errors()
    yield bench
    bench.pool.release()


def gl_error() -> None:
    """As a driver does that has no such texture unit."""
    gl_library().glActiveTexture(ctypes.c_uint(0))


def no_picture() -> None:
    raise RuntimeError("no picture")


def test_pictures_are_what_the_drawers_made(bench: Bench) -> None:
    bench.frame(Fill(name="a", writes="a", value=0.25), Fill(name="b", writes="b", value=4.0))
    assert (bench.red("a"), bench.red("b")) == (0.25, 4.0)
    assert set(bench.executor.pictures) == {"a", "b"}


def test_jobs_run_in_order_and_a_drawer_sees_what_it_reads(bench: Bench) -> None:
    seen: list[Any] = []
    bench.frame(
        Do(name="late", priority=DECORATION, work=lambda: seen.append("late")),
        Do(name="wall", priority=WALL, reads=("plate",), work=lambda: seen.append(bench.red("plate"))),
        Fill(name="plate", writes="plate", value=0.5),
    )
    assert seen == [0.5, "late"]


def test_a_job_that_fails_is_left_out_and_its_stand_in_shown(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    plate = Fill(name="plate", writes="plate", value=0.5)
    broken = Do(
        name="re-project A",
        writes="inner",
        reads=("plate",),
        instead="plate",
        meanwhile="the plate shows",
        work=no_picture,
    )
    walls: list[float] = []
    wall = Do(name="wall main", reads=("inner",), work=lambda: walls.append(bench.red("inner")))
    for _ in range(3):
        bench.frame(plate, broken, wall)
    assert walls == [0.5] * 3
    assert [record.getMessage() for record in caplog.records] == [
        "re-project A failed (RuntimeError: no picture); the plate shows. It is tried again."
    ]
    assert bench.guard.failures == {"re-project A": 1}  # the other two frames were within its back-off


def test_a_job_without_what_it_reads_is_skipped_and_is_no_failure(bench: Bench) -> None:
    drawn: list[str] = []
    bench.frame(
        Do(name="plate", writes="plate", work=no_picture),
        Do(name="wall", reads=("plate",), writes="wall", work=lambda: drawn.append("wall")),
        Do(name="other", work=lambda: drawn.append("other")),
    )
    assert drawn == ["other"]
    assert bench.guard.failures == {"plate": 1}
    assert set(bench.executor.pictures) == set()


def test_a_skipped_job_has_its_stand_in_too(bench: Bench) -> None:
    bench.frame(
        Fill(name="plate", writes="plate", value=2.0),
        Do(name="key", reads=("gone",), writes="inner", instead="plate", work=no_picture),
    )
    assert bench.red("inner") == 2.0


def test_a_lasting_picture_stays_when_its_job_fails_and_others_go(bench: Bench) -> None:
    own = SMALL.make(bench.gpu)
    fails = [False, True, True]

    def draw() -> Target:
        if fails.pop(0):
            raise RuntimeError("no")
        own.framebuffer.clear(red=7.0)
        return own

    feed = Do(name="wall", writes="wall", lasting=True, work=draw)
    bench.frame(feed, Fill(name="plate", writes="plate", value=1.0))
    bench.frame(feed)
    assert set(bench.executor.pictures) == {"wall"}
    assert bench.red("wall") == 7.0
    bench.executor.pictures.forget("wall")
    assert "wall" not in bench.executor.pictures
    own.release()


def test_what_a_stand_in_lent_is_not_kept_for_a_lasting_picture(bench: Bench) -> None:
    """It is another's in the next frame."""
    plate = Fill(name="plate", writes="plate", value=1.0)
    bench.frame(plate, Do(name="wall", writes="wall", lasting=True, instead="plate", work=no_picture))
    assert bench.red("wall") == 1.0
    bench.frame()
    assert "wall" not in bench.executor.pictures


def test_what_drawers_were_lent_goes_back_when_the_next_frame_begins(bench: Bench) -> None:
    jobs = [Fill(name=key, writes=key, value=1.0) for key in "abc"]
    bench.frame(*jobs)
    first = {id(bench.executor.pictures[key]) for key in "abc"}
    assert (bench.pool.lent, bench.pool.resting) == (3, 0)
    bench.frame(*jobs)
    assert {id(bench.executor.pictures[key]) for key in "abc"} == first
    for _ in range(30):
        bench.frame(jobs[0])
    assert (bench.pool.lent, bench.pool.resting) == (1, 0)
    bench.executor.release()
    assert bench.pool.lent == 0


def test_a_drawer_that_fails_keeps_nothing(bench: Bench) -> None:
    def lend_and_fail() -> None:
        bench.executor.pictures.lend(SMALL)
        raise RuntimeError("no")

    for _ in range(50):
        bench.frame(Do(name="job", work=lend_and_fail))
    assert bench.pool.lent + bench.pool.resting <= 1


def test_an_opengl_error_is_traced_to_its_job(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """The frame it happens in only hears it; the next finds who; a job in trouble is watched from then on."""
    jobs = [
        Fill(name="plate", writes="plate", value=1.0),
        Do(name="guilty", writes="inner", instead="plate", work=gl_error),
        Do(name="wall", reads=("inner",), work=lambda: None),
    ]
    bench.frame(*jobs)
    assert bench.guard.failures == {}
    for _ in range(40):
        bench.frame(*jobs)
    assert set(bench.guard.failures) == {"guilty"}
    assert bench.guard.failures["guilty"] >= 3
    assert bench.red("inner") == 1.0
    said = [record.getMessage() for record in caplog.records]
    assert said == ["guilty failed (GlError: GL_INVALID_ENUM); it is left out. It is tried again."]
    bench.frame(jobs[0])
    assert bench.gpu.context.error == "GL_NO_ERROR"


def test_an_error_that_was_not_a_jobs_blames_nobody(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    gl_error()
    jobs = [Fill(name=key, writes=key, value=1.0) for key in "ab"]
    for _ in range(3):
        bench.frame(*jobs)
    assert bench.guard.failures == {}
    assert not caplog.records


def test_another_jobs_error_is_not_put_on_one_that_is_watched(bench: Bench) -> None:
    troubled = [True]

    def once() -> None:
        if troubled.pop() if troubled else False:
            raise RuntimeError("once")

    watched = Do(name="watched", work=once)
    bench.frame(watched)
    bench.clock.now_s += 0.5
    guilty = Do(name="guilty", work=gl_error)
    bench.frame(guilty, watched)
    assert bench.guard.failures == {"watched": 1}
    bench.frame(guilty, watched)
    assert bench.guard.failures == {"watched": 1, "guilty": 1}


def test_a_healthy_frame_asks_for_errors_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [0]
    real = type(bench.gpu.context).error.fget  # type: ignore[attr-defined]

    def error(context: Any) -> str:
        asked[0] += 1
        return str(real(context))

    monkeypatch.setattr(type(bench.gpu.context), "error", property(error))
    jobs = [Fill(name=key, writes=key, value=1.0) for key in "abcd"]
    for _ in range(10):
        bench.frame(*jobs)
    assert asked == [10]


def test_a_kind_without_a_drawer_is_one_failed_job(bench: Bench) -> None:
    bench.frame(Job(name="odd"), Fill(name="a", writes="a", value=3.0))
    assert (bench.guard.failures, bench.red("a")) == ({"odd": 1}, 3.0)


def test_every_job_is_timed_under_its_own_name(bench: Bench) -> None:
    for _ in range(3):
        bench.frame(Do(name="slow", work=lambda: time.sleep(0.01)), Do(name="quick", work=lambda: None))
    summary = bench.executor.timings.summary()
    assert set(summary) == {"slow", "quick"}
    slow, quick = (summary[name]["cpu_ms_p50"] for name in ("slow", "quick"))
    assert slow is not None
    assert quick is not None
    assert slow >= 9.0 > quick
    assert len(bench.executor.timings["slow"].cpu_ms) == 3
    assert summary["slow"]["gpu_ms_p50"] is None


def test_the_graphics_card_is_timed_only_when_asked(gpu: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Software OpenGL is no graphics card, but it answers the queries."""
    monkeypatch.setattr(executor_module, "is_software", lambda _: False)
    bench = Bench(gpu)
    job = Fill(name="fill", writes="a", value=1.0)
    for _ in range(LATER + 3):
        bench.frame(job)
    assert bench.executor.timings.summary()["fill"]["gpu_ms_p50"] is None
    bench.executor.measure = True
    for _ in range(LATER + 3):
        bench.frame(job)
    assert len(bench.executor.timings["fill"].gpu_ms) == 3
    bench.pool.release()


def test_queries_are_read_later_and_used_again(gpu: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    timers = GpuTimers(Gpu(gpu))
    made: list[Any] = []
    real = type(gpu).query

    def query(context: Any, **wanted: bool) -> Any:
        made.append(real(context, **wanted))
        return made[-1]

    monkeypatch.setattr(type(gpu), "query", query)
    target = SMALL.make(Gpu(gpu))
    found = []
    for _ in range(20):
        found.append(timers.collect())
        for name in ("a", "b"):
            with timers.around(name):
                target.framebuffer.clear()
    assert [len(each) for each in found] == [0] * LATER + [2] * (20 - LATER)
    assert [name for name, _ in found[-1]] == ["a", "b"]
    assert all(gpu_ms >= 0.0 for each in found for _, gpu_ms in each)
    assert len(made) == 2 * LATER
    target.release()


def test_the_table_of_times_does_not_grow() -> None:
    timings = Timings()
    for number in range(1000, 1300):
        timings.of(f"request {number}").cpu_ms.append(float(number))
    assert list(timings) == ["request #"]
    assert len(timings["request #"].cpu_ms) == min(300, KEPT)
    for number in range(2 * MOST_NAMES):
        timings.of("wall main")
        timings.of(f"scene {chr(0x4E00 + number)}")
    assert len(timings) == MOST_NAMES
    assert "wall main" in timings
    assert "request #" not in timings
