"""SlotHost: what hosts have in common. It asks a worker through slots, collects, and starts again what failed."""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from math import inf, prod
from typing import Any, ClassVar

import numpy as np

from vpengine import __version__
from vpengine.frames.images import ImageSet, Room
from vpengine.frames.keyframe import Keyframe, Request, Timings
from vpengine.frames.pixels import Pixels
from vpengine.frames.provenance import Provenance
from vpengine.neural.carrier import Carried
from vpengine.neural.generator import Generator
from vpengine.neural.health import GeneratorHealth
from vpengine.neural.host import Collected
from vpengine.neural.messages import Ask, Failed, Loaded, Ready, Refused, WorkerSetup
from vpengine.neural.slots import SlotLayout, Slots, room_of
from vpengine.plugins import load_plugin
from vpengine.stage.settings import Settings

log = logging.getLogger(__name__)

SLOTS = 2  # one at work, one waiting; a third would only be older when it is seen
_SLOW_S = 2.0  # a picture that takes longer is late for most of what a camera does
STEADY_S = 60.0  # a worker that goes on so long is over what ended the one before; a picture or two may be all it makes
_BACK_OFF_S = (0.25, 1.0, 2.0, 5.0, 10.0, 30.0)


class SlotHost(ABC):
    """A GeneratorHost but for where its worker runs. One that ends or hangs is replaced, with back-off.

    place: where its worker runs, in a word. ends: whether a worker that hangs can be ended. One that cannot be is left
    alone, and nothing follows it.
    """

    place: ClassVar[str]
    ends: ClassVar[bool] = True

    def __init__(
        self,
        name: str,
        generator: str,
        runtime: str,
        resolutions: Sequence[tuple[int, int]],
        frame_s: float = 1.0 / 24.0,
        settings: Any = None,
        request_size: float = 1.0,
        card: bool = True,
    ) -> None:
        """``generator`` and ``runtime`` are ``module:Class`` names. settings: the stage file's for the generator.
        request_size: of the sides of what the stage wants, which ``resolutions`` have. card: it may use NVIDIA's.

        resolutions: what will be asked for; the first is what speed is told of. Others may be asked for that have no
        more pixels than the largest of them. frame_s: the stage's period. The worker starts at once.
        Raises UserError where memory for the slots is short.
        """
        self.health = GeneratorHealth(name, self.place)
        self.request_size = request_size
        self._declared: type[Generator] = load_plugin(generator)
        self._said = _said(settings)
        self._frame_s = frame_s
        self._resolution = resolutions[0]
        largest = max(resolutions, key=prod)
        self._slots = self._make_slots(SlotLayout(largest, self._declared.starts_from_current))
        self.health.through = "memory" if self._slots[0].lives == "lent" else self._slots[0].lives
        self._rooms = [room_of(slot, largest) for slot in self._slots]
        names = tuple(slot.name for slot in self._slots)
        self._setup = WorkerSetup(generator, runtime, tuple(resolutions), names, settings, card)
        self._asked: dict[int, Request] = {}  # by slot, oldest first
        self._lost: list[Request] = []  # by a failure, and not reported yet
        self._since_s = 0.0  # when the oldest of them got the worker to itself
        self._at_work = False
        self._loaded = self._reported_slow = False
        self._ready_s = 0.0  # since when it has been
        self._refused = ""
        self._start_again_s = 0.0
        self._start(time.monotonic())

    @abstractmethod
    def _make_slots(self, layout: SlotLayout) -> Slots:
        """SLOTS of them. Raises UserError where their memory is not to be had."""

    @abstractmethod
    def _begin(self) -> None:
        """Start the worker. Raises OSError where it cannot be."""

    @abstractmethod
    def _may_begin(self) -> bool:
        """Not while the one before might still write: the slots must not have two writers."""

    @abstractmethod
    def _give(self, ask: Ask) -> None:
        """To the worker; nothing where it has ended, for ``collect`` sees that."""

    @abstractmethod
    def _heard(self) -> list[object]:
        """What the worker has said since the last call, a ``Carried`` in place of each answer. Never waits."""

    @abstractmethod
    def _ended(self) -> str:
        """Why the worker has ended without saying so, in words; empty while it works."""

    @abstractmethod
    def _abandon(self) -> None:
        """End the worker, without waiting until it is gone: frames do not wait."""

    @abstractmethod
    def _wait_for_end(self) -> None:
        """After ``_abandon``: until the worker is gone, for two seconds or so."""

    def _start(self, now_s: float) -> None:
        try:
            self._begin()
            self._at_work, self._loaded, self._since_s = True, False, time.monotonic()
        except OSError as error:  # no memory, no process or no file handle to be had
            self._fail(f"its {self.place} could not be started ({error})", now_s)

    def close(self) -> None:
        """End the worker and give the memory back."""
        self._stop()
        self._start_again_s = inf
        self._wait_for_end()
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
        self.health.crossed(plate.color_noise, plate.depth, plate.current)
        if not self._asked:
            self._since_s = now_s
        self._asked[index] = request
        self._give(Ask(index, request.number, request.look, plate.view, request.continues, plate.flat))

    def collect(self, now_s: float) -> Collected:
        """Also starts the worker again when it failed."""
        if not self._at_work:
            if now_s >= self._start_again_s and self._may_begin():
                self._start(now_s)
            return self._collected([])
        keyframes: list[Keyframe] = []
        for message in self._heard():
            if isinstance(message, Loaded):
                self._loaded, self._since_s = True, now_s
            elif isinstance(message, Ready):
                self._ready_s = now_s
                self._be_ready(message)
            elif isinstance(message, Failed):
                self.health.hopeless, self.health.full_memory = message.hopeless, message.full_memory
                self._fail(message.reason, now_s, final=message.lost and not self.ends)
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

    def _be_ready(self, message: Ready) -> None:
        self.health.ready, self.health.runtime = True, message.runtime or self._setup.runtime
        self.health.model_sha256 = message.model_sha256
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
        self.health.hopeless = False
        if now_s - self._ready_s >= STEADY_S:
            self.health.failures = 0
        self.health.crossed(carried.gain, carried.bias)
        self.health.note(now_s, now_s - request.submitted_s, answer.work_s)
        provenance = Provenance(
            source=self.health.name,
            model_sha256=self.health.model_sha256,
            runtime=self.health.runtime,
            look=request.look.values,
            seed=request.look.seed,
            request_number=request.number,
            engine_version=__version__,
            blends=request.look.blends,
            started_from=answer.started_from,
            told=answer.told,
            settings=self._said,
        )
        timings = Timings(request.submitted_s, now_s, answer.work_s)
        return Keyframe(request, carried.gain, carried.bias, carried.grade, provenance, timings)

    def _watch(self, now_s: float) -> None:
        """A worker that ended or hangs is told of once, and another started after a while."""
        waited_s = now_s - self._since_s
        limit_s = self._declared.hang_limit_s(self.health.work_s)
        if ended := self._ended():
            self._fail(ended, now_s)
        elif not self.health.ready and waited_s > self._ready_limit_s:
            self._fail(self._why_not_ready(), now_s, final=not self.ends)
        elif self._asked and waited_s > limit_s:
            self._fail(f"no answer for {limit_s:.1f} s", now_s, final=not self.ends)

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

    def _fail(self, reason: str, now_s: float, final: bool = False) -> None:
        """final: the engine cannot mend it, and nothing else may run where it ran before the engine starts again."""
        health, then = self.health, "it is off until the engine is started again"
        self._lost += self._asked.values()
        self._stop()
        wait_s = _BACK_OFF_S[min(health.failures, len(_BACK_OFF_S) - 1)]
        self._start_again_s = now_s + wait_s
        if final:
            self._start_again_s, health.hopeless, health.no_thread = inf, True, True
        else:
            health.restarts += 1
            then = f"starting it again in {wait_s:g} s"
        if health.failures == 0 or final or reason != health.last_failure:  # once a bout, not once a try
            log.warning("generator %s stopped: %s. The wall keeps its pictures; %s.", health.name, reason, then)
        health.failures += 1
        health.last_failure = reason

    def _stop(self) -> None:
        """No more of this worker, and nothing more from it."""
        self._abandon()
        self._at_work = False
        self.health.ready, self.health.pid = False, None
        self._asked.clear()


def _said(settings: Settings | None) -> tuple[tuple[str, str], ...]:
    """A generator's settings as provenance has them; what was left out too, for its default may change."""
    if settings is None:
        return ()
    return tuple((key, str(value)) for key, value in settings.model_dump(mode="json").items() if value is not None)


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
