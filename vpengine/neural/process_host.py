"""ProcessHost: a generator in a process of its own, seen from the engine. It asks, collects, restarts what failed."""

from __future__ import annotations

import logging
import multiprocessing
import os
import sys
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import replace
from math import prod
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

import numpy as np
import psutil

from vpengine import __version__
from vpengine.errors import UserError
from vpengine.frames.images import ImageSet, Room
from vpengine.frames.keyframe import Keyframe, Request, Timings
from vpengine.frames.pixels import Pixels
from vpengine.frames.provenance import Provenance
from vpengine.neural.carrier import Carried, Carrier
from vpengine.neural.generator import Generator
from vpengine.neural.health import GeneratorHealth
from vpengine.neural.host import Collected
from vpengine.neural.messages import Ask, Failed, Loaded, Ready, Refused, WorkerSetup
from vpengine.neural.slots import Slot, SlotLayout, clear_stale, room_of
from vpengine.neural.worker import run_worker
from vpengine.plugins import load_plugin
from vpengine.stops import kept_from_children

log = logging.getLogger(__name__)

SLOTS = 2  # one at work, one waiting; a third would only be older when it is seen
_SLOW_S = 2.0  # a picture that takes longer is late for most of what a camera does
_BACK_OFF_S = (0.25, 1.0, 2.0, 5.0, 10.0, 30.0)


class ProcessHost:
    """Runs a generator in a process of its own: a GeneratorHost. One that dies or hangs is replaced, with back-off."""

    def __init__(
        self,
        name: str,
        generator: str,
        runtime: str,
        resolutions: Sequence[tuple[int, int]],
        frame_s: float = 1.0 / 24.0,
        settings: Any = None,
        request_size: float = 1.0,
    ) -> None:
        """``generator`` and ``runtime`` are ``module:Class`` names. settings: the stage file's for the generator.
        request_size: of the sides of what the stage wants, which ``resolutions`` have.

        resolutions: what will be asked for; the first is what speed is told of. Others may be asked for that have no
        more pixels than the largest of them. frame_s: the stage's period. The process starts at once.
        Raises UserError where shared memory is short.
        """
        self.health = GeneratorHealth(name)
        self.request_size = request_size
        self._declared: type[Generator] = load_plugin(generator)
        self._frame_s = frame_s
        self._resolution = resolutions[0]
        largest = max(resolutions, key=prod)
        with kept_from_children():  # the first shared memory starts its tracker, a process too
            self._slots = _slots(SlotLayout(largest, self._declared.starts_from_current), name)
        self._rooms = [room_of(slot, largest) for slot in self._slots]
        names = tuple(slot.name for slot in self._slots)
        self._setup = WorkerSetup(generator, runtime, tuple(resolutions), names, settings)
        self._asked: dict[int, Request] = {}  # by slot, oldest first
        self._lost: list[Request] = []  # by a failure, and not reported yet
        self._since_s = 0.0  # when the oldest of them got the worker to itself
        self._process: BaseProcess | None = None
        self._ending: BaseProcess | None = None  # killed, and perhaps not gone yet
        self._pipe: Connection | None = None  # nobody closes it: it ends with the last who has it
        self._carrier: Carrier | None = None
        self._loaded = self._reported_slow = False
        self._model_sha256 = self._refused = ""
        self._start_again_s = 0.0
        self._start(time.monotonic())

    def _start(self, now_s: float) -> None:
        try:
            self._spawn()
        except OSError as error:  # no memory, no process or no file handle to be had
            self._fail(f"its process could not be started ({error})", now_s)

    def _spawn(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        with closing(theirs):  # the process has a copy of its own
            process = context.Process(target=run_worker, args=(self._setup, theirs), name="vpengine-neural")
            process.daemon = True
            with kept_from_children():
                process.start()
        self._process, self.health.pid = process, process.pid  # not before: one that never started cannot be killed
        self._carrier = Carrier(self._pipe, self._slots)
        _lower_priority(process.pid or 0)
        self._loaded, self._since_s = False, time.monotonic()

    def close(self) -> None:
        """End the process and give the shared memory back."""
        self._kill()
        if self._ending is not None:
            self._ending.join(timeout=2.0)
        if self._carrier is not None:
            self._carrier.join(0.5)
        self._rooms.clear()  # no memory goes while somebody has it
        self._lost.clear()
        for slot in self._slots:
            slot.close()

    def free(self, now_s: float) -> Room | None:
        """One that is at work is free again a frame before it is usually done."""
        if not self.health.ready or len(self._asked) >= SLOTS:
            return None
        if self._asked and now_s < self._since_s + self.health.work_s - self._frame_s:
            return None
        return self._rooms[self._next_slot()]

    def _next_slot(self) -> int:
        return next(i for i in range(SLOTS) if i not in self._asked)

    def submit(self, request: Request, now_s: float) -> None:
        """Hand over a request; only after ``free`` gave it room."""
        index, plate = self._next_slot(), request.plate
        room = self._rooms[index].sized(plate.view.resolution)
        _put(plate.color_noise, room.color_noise)
        _put(plate.depth, room.depth)
        if plate.current is not None and room.current is not None:
            _put(plate.current, room.current)
        if not self._asked:
            self._since_s = now_s
        self._asked[index] = request
        self._send(Ask(index, request.number, request.look, plate.view, request.continues))

    def collect(self, now_s: float) -> Collected:
        """Also starts the process again when it failed."""
        if self._process is None:
            if now_s >= self._start_again_s and not self._still_ending():
                self._start(now_s)
            return self._collected([])
        keyframes: list[Keyframe] = []
        assert self._carrier is not None
        for message in self._carrier.received():
            if isinstance(message, Loaded):
                self._loaded, self._since_s = True, now_s
            elif isinstance(message, Ready):
                self._be_ready(message)
            elif isinstance(message, Failed):
                self.health.hopeless = message.hopeless
                self._fail(message.reason, now_s)
                return self._collected(keyframes)
            elif isinstance(message, Refused):
                self._be_refused(message, now_s)
            elif isinstance(message, Carried):
                keyframes.append(self._keyframe(message, now_s))
        self._watch(now_s)
        return self._collected(keyframes)

    def _collected(self, keyframes: list[Keyframe]) -> Collected:
        lost, self._lost = self._lost, []
        return Collected(tuple(keyframes), tuple(lost))

    def _still_ending(self) -> bool:
        """The slots must not have two writers."""
        return self._ending is not None and self._ending.is_alive()

    def _be_ready(self, message: Ready) -> None:
        self.health.ready, self.health.runtime = True, message.runtime or self._setup.runtime
        self._model_sha256 = message.model_sha256
        self.health.expect(message.work_s)  # a slow generator has not hung
        if message.work_s > _SLOW_S and not self._reported_slow:
            self._reported_slow = True
            width, height = self._resolution
            log.warning(
                "generator %s takes %.1f s for a picture of %d x %d on this machine; a smaller [neural] resolution is "
                "faster.",
                self.health.name,
                message.work_s,
                width,
                height,
            )

    def _be_refused(self, message: Refused, now_s: float) -> None:
        """It is not asked again: it would be refused again."""
        self._asked.pop(message.slot)
        self._since_s = now_s
        if message.reason != self._refused:
            self._refused = message.reason
            log.warning("generator %s: %s. The wall keeps its pictures.", self.health.name, message.reason)

    def _keyframe(self, carried: Carried, now_s: float) -> Keyframe:
        answer = carried.answer
        request = _keeping(self._asked.pop(answer.slot), carried.plate)
        self._since_s = now_s
        self.health.failures, self.health.hopeless = 0, False
        self.health.note(now_s, now_s - request.submitted_s, answer.work_s)
        provenance = Provenance(
            source=self.health.name,
            model_sha256=self._model_sha256,
            runtime=self.health.runtime,
            look=request.look.values,
            seed=request.look.seed,
            request_number=request.number,
            engine_version=__version__,
            blends=request.look.blends,
            started_from=answer.started_from,
            told=answer.told,
        )
        timings = Timings(request.submitted_s, now_s, answer.work_s)
        return Keyframe(request, carried.gain, carried.bias, carried.grade, provenance, timings)

    def _watch(self, now_s: float) -> None:
        """A process that died or hangs is killed, reported once, and started again after a while."""
        if self._process is None:
            return
        waited_s = now_s - self._since_s
        limit_s = self._declared.hang_limit_s(self.health.work_s)
        if not self._process.is_alive():
            self._fail(f"its process ended with code {self._process.exitcode}", now_s)
        elif not self.health.ready and waited_s > self._ready_limit_s:
            self._fail(self._why_not_ready(), now_s)
        elif self._asked and waited_s > limit_s:
            self._fail(f"no answer for {limit_s:.1f} s", now_s)

    @property
    def _ready_limit_s(self) -> float:
        """For the step that it is at: loading, then its first pictures."""
        return self._declared.first_pictures_limit_s if self._loaded else self._declared.load_limit_s

    def _why_not_ready(self) -> str:
        if not self._loaded:
            return f"it was not loaded after {self._ready_limit_s:g} s"
        width, height = self._resolution
        return (
            f"its first picture of {width} x {height} was not done after {self._ready_limit_s:g} s: this machine is "
            "too slow for it, make [neural] resolution smaller"
        )

    def _fail(self, reason: str, now_s: float) -> None:
        self._lost += self._asked.values()
        self._kill()
        wait_s = _BACK_OFF_S[min(self.health.failures, len(_BACK_OFF_S) - 1)]
        self._start_again_s = now_s + wait_s
        self.health.restarts += 1
        if self.health.failures == 0 or reason != self.health.last_failure:  # once a bout, not once a try
            log.warning(
                "generator %s stopped: %s. The wall keeps its pictures; starting it again in %g s.",
                self.health.name,
                reason,
                wait_s,
            )
        self.health.failures += 1
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
        self._process, self._pipe = None, None
        self.health.ready, self.health.pid = False, None
        self._asked.clear()


def _put(pixels: Pixels, room: Pixels) -> None:
    """Move what does not lie there already."""
    if not np.may_share_memory(pixels.stored, room.stored):
        np.copyto(room.top_down, pixels.top_down)


def _keeping(request: Request, plate: Room) -> Request:
    """With a plate that stays when the slot is another's, where it was put into the slot itself."""
    if request.plate.color_noise.lives == "array":
        return request
    kept = ImageSet(plate.color_noise, plate.depth, request.plate.view, request.plate.provenance)
    return replace(request, plate=kept)


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
