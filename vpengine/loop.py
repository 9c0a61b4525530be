"""One frame, from frame input to pixels, top to bottom, on one page."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from vpengine.compose.governor import Governor
from vpengine.compose.guard import Guard
from vpengine.compose.program import Program
from vpengine.compose.request import Requests
from vpengine.control import declared
from vpengine.control.desk import Desk
from vpengine.control.messages import OperatorMessage
from vpengine.frames.frame_input import FrameInput, Tick
from vpengine.frames.look import Look
from vpengine.gpu.gpu import Gpu
from vpengine.mailbox import Inbox
from vpengine.neural.process import NeuralProcess
from vpengine.output.clock import Clock
from vpengine.output.output import Output
from vpengine.plates.places import Places
from vpengine.takes.report import FrameTimes
from vpengine.tracking.cameras import Cameras


class Recorder(Protocol):
    """What happened is noted here; ``takes.log.LogWriter``, or nothing."""

    @property
    def dropped(self) -> int:
        """Frames that were not kept."""

    def note(self, frame: FrameInput) -> None: ...


@dataclass
class Loop:
    """The main thread's parts, and the order in which a frame asks them. ``app`` builds, starts and ends them."""

    gpu: Gpu
    clock: Clock
    cameras: Cameras
    inbox: Inbox[str, OperatorMessage]
    desk: Desk
    places: Places
    generator: NeuralProcess | None
    requests: Requests
    program: Program
    outputs: list[Output]
    recorder: Recorder
    camera: str
    times: FrameTimes
    governor: Governor
    guard: Guard
    newest: FrameInput | None = None

    def run(self, go_on: Callable[[], bool]) -> None:
        """Draw frames until ``go_on`` says no, or an output was closed."""
        open_ = True
        while open_ and go_on():
            tick = self.clock.next()
            begin_s = time.monotonic()
            self.take_in_place()
            frame, look = self.gather(tick, begin_s)
            self.guard.run("drawing the walls", partial(self.draw, frame), "they keep their last picture")
            self.guard.run("asking the generator", partial(self.ask, frame, look, begin_s), "its pictures stay")
            self.gpu.finish()
            done_s = time.monotonic()
            self.clock.wait_display(tick)
            open_ = self.present(frame)
            self.clock.presented(time.monotonic())
            self.recorder.note(frame)
            self.newest = frame
            pose_age_s = frame.cameras[self.camera].age_s
            seen_s = time.monotonic()
            missed = self.times.note(begin_s, done_s, seen_s, tick.present_s, pose_age_s, tick.number)
            self.governor.note(begin_s, done_s, seen_s, missed)

    def take_in_place(self) -> None:
        """A plate that the loader has ready is put on the GPU, then its outer pictures drawn, a little every frame."""
        self.guard.run("preparing a plate", self._take_in_place, "its scene waits")

    def _take_in_place(self) -> None:
        if self.program.walls.carry_on():
            return
        name = self.places.take_in()
        if name is not None:
            self.program.walls.begin(name, self.places[name])

    def can_show(self, place: str) -> bool:
        self.places.ask(place)
        return self.program.walls.prepared(place)

    def gather(self, tick: Tick, now_s: float) -> tuple[FrameInput, Look]:
        """All that the frame depends on, read once: operators, trackers, generator."""
        messages = self.inbox.take()
        self.desk.apply(messages)
        self.cameras.apply(messages, now_s)
        settled = self.desk.settle(tick.display_time_s, self.can_show)
        delivered = self.generator.collect(now_s) if self.generator else []
        ahead_s = self.generator.mid_life_s() if self.generator else 0.0
        frame = FrameInput(
            tick=tick,
            cameras=self.cameras.at(tick.display_time_s, now_s, ahead_s),
            program=settled.program,
            controls=settled.controls,
            epoch=settled.epoch,
            keyframes=self.desk.gate.admit(delivered, frozen=not settled.controls[declared.NEURAL_LIVE]),
            rung=self.governor.rung,
        )
        return frame, settled.look

    def draw(self, frame: FrameInput) -> None:
        """From frame input to wall pictures; replay and films draw the same."""
        self.program.admit(frame)
        inner = self.program.inner(frame)
        self.program.draw_walls(frame, inner)

    def ask(self, frame: FrameInput, look: Look, now_s: float) -> None:
        """Ask the generator for a new picture when it is free and there is something new to ask."""
        generator, controls = self.generator, frame.controls
        if generator is None:
            return
        if not (controls[declared.NEURAL_LIVE] and controls[declared.NEURAL_AMOUNT]) or generator.answer_lost():
            self.requests.forget()
        elif not generator.free(now_s):
            self.requests.skip()
        else:
            request = self.requests.next(frame, self.places, look, self.camera, now_s)
            if request is not None:
                generator.submit(request, now_s)

    def present(self, frame: FrameInput) -> bool:
        """Every wall's code values to every output; False when an operator closed one."""
        for wall, picture in self.program.walls.pictures.items():
            for output in self.outputs:
                output.show(wall, picture.code.color)
        still_open = [output.present(frame.tick) for output in self.outputs]  # every one, before any is judged
        return all(still_open)
