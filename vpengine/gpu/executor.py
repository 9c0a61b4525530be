"""The executor: runs the jobs of a frame's plan, each timed and guarded, into targets that are lent from the pool."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

from vpengine.gpu.context import is_software
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.guard import Guard
from vpengine.gpu.job import DECORATION, Job, in_order
from vpengine.gpu.pool import TargetPool, TargetSpec
from vpengine.gpu.target import Target
from vpengine.gpu.timing import GpuTimers, Timings

log = logging.getLogger(__name__)


class GlError(Exception):
    """OpenGL's own word for what it refused."""


class Pictures(Mapping[str, Any]):
    """What the jobs of a frame have made, by key; and where their drawers get targets for this frame alone."""

    def __init__(self, pool: TargetPool) -> None:
        self._pool = pool
        self._made: dict[str, Any] = {}
        self._passing: set[str] = set()
        self.fresh: set[str] = set()  # keys of what this frame has made
        self.before: set[str] = set()  # and the frame before
        self._lent: list[Target] = []

    def __getitem__(self, key: str) -> Any:
        return self._made[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)

    def lend(self, spec: TargetSpec) -> Target:
        """A target until the next frame begins; what it shows is undefined until it is drawn."""
        target = self._pool.lend(spec)
        self._lent.append(target)
        return target

    def put(self, key: str, picture: Any, lasting: bool) -> None:
        self._made[key] = picture
        self.fresh.add(key)
        (self._passing.discard if lasting else self._passing.add)(key)

    def forget(self, key: str) -> None:
        """A lasting picture's owner has released it, or nobody wants it any more."""
        self._made.pop(key, None)
        self._passing.discard(key)

    def next_frame(self) -> None:
        """What is not lasting goes, and what was lent goes back."""
        for key in self._passing:
            del self._made[key]
        self._passing.clear()
        self.before, self.fresh = self.fresh, set()
        for target in self._lent:
            self._pool.give_back(target)
        self._lent.clear()


Drawer = Callable[[Any, Pictures], Any]


class Executor:
    """One per rendering context, on the main thread.

    drawers: by kind of job; given a job and the frame's pictures, each draws and returns the picture that the job
    writes. measure: also time the graphics card; software OpenGL draws on the CPU, and has no such clock.
    """

    def __init__(self, gpu: Gpu, pool: TargetPool, guard: Guard, drawers: Mapping[type[Job], Drawer]) -> None:
        self._gpu = gpu
        self._pool = pool
        self._guard = guard
        self._drawers = drawers
        self._timers = GpuTimers(gpu)
        self._hunting = self._strayed = False
        self._said: set[str] = set()
        self._has_clock = not is_software(gpu.context)
        self.pictures = Pictures(pool)
        self.timings = Timings()
        self.decorated = False  # something of DECORATION was drawn in the newest frame
        self._decoration_s: dict[str, float] = {}  # by job; there are as many as feeds have steps
        self.left_out: set[type[Job]] = set()  # kinds of which the newest frame lacks one
        self.measure = False

    def run(self, jobs: Sequence[Job]) -> None:
        """Draw a frame. A job that fails is left out, said once, and tried again; the others are drawn.

        Raises ValueError for jobs that read each other.
        """
        ordered = in_order(jobs)
        self._begin()
        self.left_out.clear()
        for job in ordered:
            if not self._do(job):
                self.left_out.add(type(job))
                self._stand_in(job)
        self._listen()

    @property
    def decoration_s(self) -> float:
        """What decoration takes the main thread, all of it once: the newest of each job."""
        return sum(self._decoration_s.values())

    @property
    def failures(self) -> Mapping[str, int]:
        """How often each job has failed."""
        return self._guard.failures

    def release(self) -> None:
        """Give back what is lent. The pool and what the drawers own are their owners'."""
        self.pictures.next_frame()

    def _begin(self) -> None:
        self.decorated = False
        self._gpu.begin_frame()
        self.pictures.next_frame()
        self._pool.sweep()
        for name, gpu_ms in self._timers.collect():
            self.timings.of(name).gpu_ms.append(gpu_ms)
        if self._hunting:
            self._gpu.forget_errors()  # whatever happened between the frames is no job's

    def _do(self, job: Job) -> bool:
        """False when it made nothing: what it reads is missing, it failed, or it is not tried yet."""
        there = [key in self.pictures for key in job.reads]
        if there and not (all(there) if job.needs_all else any(there)):
            return False
        return self._guard.run(job.name, partial(self._draw, job), job.meanwhile)

    def _draw(self, job: Job) -> None:
        drawer = self._drawers[type(job)]
        watched = self._hunting or self._guard.in_trouble(job.name)
        if watched:
            self._note_stray()
        with self._clock(job.name):
            begin_s = time.perf_counter()
            made = drawer(job, self.pictures)
            cpu_ms = 1e3 * (time.perf_counter() - begin_s)
        self.timings.of(job.name).cpu_ms.append(cpu_ms)
        if job.priority >= DECORATION:
            self._decoration_s[job.name] = 1e-3 * cpu_ms
            self.decorated = True
        if watched:
            self._refuse_error()
        if job.writes is not None:
            self.pictures.put(job.writes, made, job.lasting)

    def _clock(self, name: str) -> AbstractContextManager[None]:
        return self._timers.around(name) if self.measure and self._has_clock else nullcontext()

    def _stand_in(self, job: Job) -> None:
        if job.writes is not None and job.instead is not None and job.instead in self.pictures:
            self.pictures.put(job.writes, self.pictures[job.instead], lasting=False)

    def _refuse_error(self) -> None:
        """What OpenGL says now is of the job before: it keeps the first error until somebody looks."""
        error = self._error()
        if error is not None:
            raise GlError(error)

    def _note_stray(self) -> None:
        """An error of another's, before a job that is watched: the next frame finds whose."""
        self._strayed |= self._error() is not None

    def _listen(self) -> None:
        """Once a frame, for a look is a call. Who is to blame is found in the next frame, by looking after each job."""
        error, hunted = self._error(), self._hunting
        self._hunting = self._strayed or (error is not None and not hunted)
        self._strayed = False
        if error is not None and hunted:
            self._say(error)

    def _error(self) -> str | None:
        error = self._gpu.context.error
        if error == "GL_NO_ERROR":
            return None
        self._gpu.forget_errors()
        return error

    def _say(self, error: str) -> None:
        """Once for each kind: an error that no job is to blame for is no reason to leave anything out."""
        if error not in self._said:
            self._said.add(error)
            log.warning("OpenGL says %s, and no job of the frame is to blame.", error)
