"""NeuralProcess: the engine's side of the neural process. It asks, collects, and restarts what failed."""

from __future__ import annotations

import logging
import multiprocessing
import os
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

import numpy as np
import psutil

from vpengine import __version__
from vpengine.errors import UserError
from vpengine.frames.keyframe import Grade, Keyframe, Request, Timings
from vpengine.frames.provenance import Provenance
from vpengine.neural.messages import Answer, Ask, Failed, Loaded, Ready, WorkerSetup
from vpengine.neural.slots import Slot, SlotLayout, clear_stale
from vpengine.neural.worker import run_worker
from vpengine.stops import kept_from_children

log = logging.getLogger(__name__)

SLOTS = 2  # one at work, one waiting; a third would only be older when it is seen
PAUSE_S = 1.0  # longer between two images: nobody asked, or it had stopped
_START_LIMIT_S = 120.0  # to load a model, and then again to make its first pictures
_HANG_LIMIT_S = 3.0
_SLOW_S = 2.0  # a picture that takes longer is late for most of what a camera does
_BACK_OFF_S = (0.25, 1.0, 2.0, 5.0, 10.0, 30.0)


@dataclass
class GeneratorHealth:
    """What reports and panels show of a generator. images_per_s: while it was asked. latency_s: of the newest."""

    images: int = 0
    restarts: int = 0
    last_failure: str = ""
    latency_s: list[float] = field(default_factory=list)
    work_s: float = 0.05
    usual_latency_s: float = 0.15

    images_per_s: float = 0.0
    _last_s: float = -1e9
    _intervals: int = 0
    _busy_s: float = 0.0

    def note(self, now_s: float, latency_s: float, work_s: float) -> None:
        interval_s, self._last_s = now_s - self._last_s, now_s
        if interval_s < PAUSE_S:
            self._intervals += 1
            self._busy_s += interval_s
            self.images_per_s = self._intervals / max(self._busy_s, 1e-6)
        self.images += 1
        self.work_s += 0.2 * (work_s - self.work_s)
        self.usual_latency_s += 0.2 * (latency_s - self.usual_latency_s)
        self.latency_s.append(latency_s)
        del self.latency_s[:-4096]


class NeuralProcess:
    """Runs a generator in a process of its own. No call here waits for it.

    ``generator`` and ``runtime`` are ``module:Class`` names; pictures have the fixed ``resolution``. frame_s: the
    stage's period. Raises UserError when there is not enough shared memory.
    """

    def __init__(
        self, name: str, generator: str, runtime: str, resolution: tuple[int, int], frame_s: float = 1.0 / 24.0
    ) -> None:
        self.name = name
        self._frame_s = frame_s
        self.resolution = resolution
        self.health = GeneratorHealth()
        self.runtime = ""  # what runs its network, known when it is ready
        with kept_from_children():  # the first shared memory starts its tracker, a process too
            self._slots = _slots(SlotLayout(resolution), name)
        self._setup = WorkerSetup(generator, runtime, resolution, tuple(slot.name for slot in self._slots))
        self._asked: dict[int, Request] = {}  # by slot, oldest first
        self._since_s = 0.0  # when the oldest of them got the worker to itself
        self._process: BaseProcess | None = None
        self._ending: BaseProcess | None = None  # killed, and perhaps not gone yet
        self._answer_lost = False
        self._pipe: Connection | None = None
        self._loaded = self._told_slow = False
        self._model_sha256: str | None = None  # None until the worker is ready
        self._failures = 0
        self._start_again_s = 0.0

    @property
    def ready(self) -> bool:
        return self._model_sha256 is not None

    def start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=run_worker, args=(self._setup, theirs), name="vpengine-neural")
        self._process.daemon = True
        with kept_from_children():
            self._process.start()
        _lower_priority(self._process.pid or 0)
        theirs.close()
        self._loaded, self._since_s = False, time.monotonic()

    def stop(self) -> None:
        """End the process and give the shared memory back."""
        self._kill()
        if self._ending is not None:
            self._ending.join(timeout=2.0)
        for slot in self._slots:
            slot.close()

    def free(self, now_s: float) -> bool:
        """A request drawn now would be worked on at once, or before the next frame could draw one."""
        if not self.ready or len(self._asked) >= SLOTS:
            return False
        return not self._asked or now_s >= self._since_s + self.health.work_s - self._frame_s

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    def answer_lost(self) -> bool:
        """Whether a failure swallowed a request since the last call: what it asked for must be asked again."""
        lost, self._answer_lost = self._answer_lost, False
        return lost

    def mid_life_s(self) -> float:
        """From a request to the middle of its keyframe's life, usually: its latency, and half until the next."""
        return self.health.usual_latency_s + 0.5 * self.health.work_s

    def submit(self, request: Request, now_s: float) -> None:
        """Hand over a request; only after ``free`` said so."""
        index = next(i for i in range(SLOTS) if i not in self._asked)
        slot, plate = self._slots[index], request.plate
        slot["color"][:], slot["depth_m"][:], slot["noise"][:] = plate.color, plate.depth_m, plate.noise
        if not self._asked:
            self._since_s = now_s
        self._asked[index] = request
        self._send(Ask(index, request.number, request.look, plate.view))

    def collect(self, now_s: float) -> list[Keyframe]:
        """The keyframes that have come since the last call; starts the process again when it failed."""
        if self._process is None:
            # The slots must not have two writers.
            if now_s >= self._start_again_s and not (self._ending is not None and self._ending.is_alive()):
                try:
                    self.start()
                except OSError as error:  # no memory, no process or no file handle to be had
                    self._fail(f"its process could not be started ({error})", now_s)
            return []
        keyframes: list[Keyframe] = []
        for message in self._received():
            if isinstance(message, Loaded):
                self._loaded, self._since_s = True, now_s
            elif isinstance(message, Ready):
                self._be_ready(message)
            elif isinstance(message, Failed):
                self._fail(message.reason, now_s)
                return keyframes
            elif isinstance(message, Answer):
                keyframes.append(self._keyframe(message, now_s))
        self._watch(now_s)
        return keyframes

    def _be_ready(self, message: Ready) -> None:
        """What its first picture took is what it needs until it is known better: a slow generator has not hung."""
        self._model_sha256, self.runtime = message.model_sha256, message.runtime or self._setup.runtime
        self.health.work_s = max(self.health.work_s, message.work_s)
        self.health.usual_latency_s = max(self.health.usual_latency_s, message.work_s)
        if message.work_s > _SLOW_S and not self._told_slow:
            self._told_slow = True
            width, height = self.resolution
            log.warning(
                "generator %s takes %.1f s for a picture of %d x %d on this machine; a smaller [neural] resolution is "
                "faster.",
                self.name,
                message.work_s,
                width,
                height,
            )

    def _received(self) -> list[object]:
        messages = []
        try:
            while self._pipe is not None and self._pipe.poll():
                messages.append(self._pipe.recv())
        except (EOFError, OSError):
            pass  # it died; _watch sees that
        return messages

    def _keyframe(self, answer: Answer, now_s: float) -> Keyframe:
        request = self._asked.pop(answer.slot)
        slot = self._slots[answer.slot]
        self._since_s = now_s
        self._failures = 0
        self.health.note(now_s, now_s - request.submitted_s, answer.work_s)
        provenance = Provenance(
            source=self.name,
            model_sha256=self._model_sha256 or "",
            runtime=self.runtime,
            look=request.look.named(),
            seed=request.look.seed,
            request_number=request.number,
            engine_version=__version__,
        )
        timings = Timings(request.submitted_s, now_s, answer.work_s)
        grade = Grade(slot["grade"].copy(), slot["evidence"].copy())
        gain, bias = (np.array(slot[name]) for name in ("gain", "bias"))
        return Keyframe(request, gain, bias, grade, provenance, timings)

    def _watch(self, now_s: float) -> None:
        """A process that died or hangs is killed, reported once, and started again after a while."""
        if self._process is None:
            return
        waited_s = now_s - self._since_s
        limit_s = max(_HANG_LIMIT_S, 10.0 * self.health.work_s)
        if not self._process.is_alive():
            self._fail(f"its process ended with code {self._process.exitcode}", now_s)
        elif not self.ready and waited_s > _START_LIMIT_S:
            self._fail(self._why_not_ready(), now_s)
        elif self._asked and waited_s > limit_s:
            self._fail(f"no answer for {limit_s:.1f} s", now_s)

    def _why_not_ready(self) -> str:
        if not self._loaded:
            return f"it was not loaded after {_START_LIMIT_S:.0f} s"
        width, height = self.resolution
        return (
            f"its first picture of {width} x {height} was not done after {_START_LIMIT_S:.0f} s: this machine is too "
            "slow for it, make [neural] resolution smaller"
        )

    def _fail(self, reason: str, now_s: float) -> None:
        self._answer_lost = self._answer_lost or bool(self._asked)
        self._kill()
        wait_s = _BACK_OFF_S[min(self._failures, len(_BACK_OFF_S) - 1)]
        self._start_again_s = now_s + wait_s
        self.health.restarts += 1
        if self._failures == 0 or reason != self.health.last_failure:  # once a bout, not once a try
            log.warning(
                "generator %s stopped: %s. The wall keeps its pictures; starting it again in %g s.",
                self.name,
                reason,
                wait_s,
            )
        self._failures += 1
        self.health.last_failure = reason

    def _send(self, ask: Ask) -> None:
        try:
            assert self._pipe is not None
            self._pipe.send(ask)
        except OSError:
            pass  # it died; collect sees that

    def _kill(self) -> None:
        """Does not wait until it is gone: that takes longer the more memory it has, and frames do not wait."""
        if self._process is not None:
            self._process.kill()
            self._ending = self._process
        if self._pipe is not None:
            self._pipe.close()
        self._process, self._pipe, self._model_sha256 = None, None, None
        self._asked.clear()


def _slots(layout: SlotLayout, name: str) -> list[Slot]:
    clear_stale()
    slots: list[Slot] = []
    try:
        for _ in range(SLOTS):
            slots.append(Slot(layout))
    except OSError as error:
        for slot in slots:
            slot.close()
        megabytes = SLOTS * layout.size / 1e6
        raise UserError(
            f"generator {name}: {megabytes:.0f} MB of shared memory are not to be had ({error.strerror}); give the "
            "system more (a container's --shm-size), or make [neural] resolution smaller"
        ) from None
    return slots


def _lower_priority(pid: int) -> None:
    """From outside, so that it holds while the process still imports: that takes a second of a core."""
    with suppress(OSError, psutil.Error):  # it may be gone again already
        if sys.platform == "win32":
            psutil.Process(pid).nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
        else:
            os.setpriority(os.PRIO_PROCESS, pid, 10)
        if hasattr(os, "sched_setscheduler"):  # Linux: only what the frame leaves
            os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))
