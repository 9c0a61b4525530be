"""One frame, from frame input to feeds, top to bottom, on one page."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from typing import Protocol

from vpengine.capture.readers import Captures
from vpengine.compose import restoring
from vpengine.compose.compositor import Compositor
from vpengine.compose.governor import Governor, decoration_turn, drawn_now
from vpengine.compose.jobs import UpdateKeyframes, UpdateSurround
from vpengine.compose.preparing import Preparing
from vpengine.compose.request import Requests
from vpengine.compose.restoring import Restoring
from vpengine.control import declared
from vpengine.control.approvals import Approvals
from vpengine.control.desk import Desk
from vpengine.control.displays import Displays, Shown
from vpengine.control.messages import OperatorMessage
from vpengine.control.settled import Settled
from vpengine.frames.feed import PROGRAM, Feed
from vpengine.frames.frame_input import BusState, FrameInput, Tick, stands_elsewhere
from vpengine.frames.keyframe import Keyframe
from vpengine.frames.look import Look
from vpengine.gpu.executor import Executor
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.guard import Guard
from vpengine.gpu.job import Job
from vpengine.mailbox import Board, Inbox
from vpengine.neural.host import Collected, GeneratorHost
from vpengine.output.clock import Clock
from vpengine.output.outputs import Outputs
from vpengine.plates.locations import Locations
from vpengine.sim.plan import StageSim
from vpengine.takes.report import FeedCounts, FrameTimes
from vpengine.tracking.cameras import Cameras


class Recorder(Protocol):
    """What happened is noted here; ``takes.log.LogWriter``, or nothing."""

    @property
    def dropped(self) -> int:
        """Frames that were not kept."""

    def note(self, frame: FrameInput) -> None: ...


class NoRecorder:
    """Notes nothing."""

    dropped = 0

    def note(self, frame: FrameInput) -> None:
        del frame


@dataclass
class Loop:
    """The main thread's parts, and the order in which a frame asks them. ``app`` builds, starts and ends them.

    feeds: what every frame makes. camera: whose pose's age is measured. keep: what operators did is written down,
    and takes.
    trouble: what is wrong, in a sentence. waits: frames wait for the pictures of clips, as no wall is waiting.
    """

    gpu: Gpu
    clock: Clock
    cameras: Cameras
    captures: Captures
    inbox: Inbox[str, OperatorMessage]
    board: Board[Shown]
    desk: Desk
    locations: Locations
    generator: GeneratorHost
    requests: Requests
    restoring: Restoring
    preparing: Preparing
    compositor: Compositor
    stage_sim: StageSim
    executor: Executor
    guard: Guard
    feeds: frozenset[Feed]
    outputs: Outputs
    recorder: Recorder
    camera: str
    times: FrameTimes
    governor: Governor
    keep: Callable[[FrameInput], None] = lambda _: None
    trouble: Callable[[], str] = str
    waits: bool = False
    displays: Displays = field(default_factory=Displays)
    counts: FeedCounts = field(default_factory=FeedCounts)
    newest: FrameInput | None = None
    judged: Approvals | None = None  # by which nothing that is kept is barred

    def run(self, go_on: Callable[[], bool]) -> None:
        """Draw frames until ``go_on`` says no, or the operator asks an output to end."""
        open_ = True
        while open_ and go_on():
            tick = self.clock.next()
            begin_s = time.monotonic()
            self.newest = frame = self.gather(tick, begin_s)
            self.executor.run(self.plan(frame, begin_s))
            if frame.keyframes and self.executor.left_out & {UpdateKeyframes, UpdateSurround}:
                self.requests.forget()  # they come once
                self.restoring.lost(frame.keyframes)
            self.guard.run("asking the generator", partial(self.ask, begin_s), "its pictures stay")
            self.gpu.end_frame()
            self.clock.wait_display(tick)
            open_ = self.present(tick)
            self.clock.presented(time.monotonic())
            self.guard.run("the take", partial(self.recorder.note, frame), "the frame is not in it")
            self.guard.run("keeping the desk", partial(self.keep, frame), "what was changed is not saved")
            pose_age_s = frame.cameras[self.camera].age_s
            seen_s, done_s = time.monotonic(), self.gpu.done_s()
            missed = self.times.note(begin_s, done_s, seen_s, tick.present_s, pose_age_s, tick.number)
            drawn = self.executor
            self.governor.note(begin_s, done_s, seen_s, missed, drawn.decoration_s, drawn.decorated)

    def warm(self, location: str) -> None:
        """Draw everything once that a frame may draw, before the first one."""
        self.compositor.warm(location, self.executor.pictures.lend)
        controls, now_s = self.desk.controls.freeze(0.0), time.monotonic()
        tick, buses = Tick(0, now_s, Fraction(1)), {PROGRAM: BusState("", location)}
        frame = FrameInput(tick, self.cameras.at(now_s, now_s, 0.0), buses, controls, 0)
        self.requests.warm(frame)
        self.restoring.warm(location)
        self.executor.run(self.plan_feeds(frame))
        self.compositor.begin()
        self.executor.pictures.next_frame()

    def prepare(self) -> None:
        """A frame's share of making locations ready, before there are frames."""
        self.executor.run(self.preparing.plan())

    def can_show(self, location: str) -> bool:
        self.locations.ask(location)
        return self.compositor.walls.prepared(location)

    def gather(self, tick: Tick, now_s: float) -> FrameInput:
        """All that the frame depends on, read once: operators, trackers, generator."""
        messages = self.inbox.take()
        self.desk.apply(messages)
        recentre = partial(self.cameras.apply, messages, now_s)
        self.guard.run("recentring", recentre, "cameras are where they were")
        self.desk.gate.model_sha256 = self.generator.health.model_sha256
        settled = self.desk.settle(tick.display_time_s, self.can_show)
        self.board.put(Shown(settled.values, self.displays.at(self.desk, settled, tick, self.trouble())))
        barred = self.barred()
        if settled.refresh or barred:
            self.requests.refresh()
        delivered, ahead_s = self.collect(now_s), self.generator.health.request_lead_s
        stored, held = self.restored(settled, tick), bool(settled.controls[declared.NEURAL_HOLD])
        made = self.desk.gate.admit(self.restoring.newer(delivered), held)
        captured = self.captures.shown(tick.display_time_s)
        captured_s = {camera: frame.time_s for camera, frame in captured.items()}
        return FrameInput(
            tick=tick,
            cameras=self.cameras.at(tick.display_time_s, now_s, ahead_s, captured_s),
            buses=settled.buses,
            controls=settled.controls,
            epoch=settled.epoch,
            keyframes=(*made, *stored),
            rung=self.governor.rung,
            locked=settled.locked,
            cue=self.desk.playback.running or "",
            captured=captured,
            rolling=self.desk.takes.rolling is not None,
            playheads=self.desk.playheads.at(tick, settled.buses),
            barred=barred,
        )

    def barred(self) -> frozenset[Look]:
        """Looks of which pictures are kept that may not be shown any more, in every frame from where people decided
        otherwise until none are left.
        """
        gate = self.desk.gate
        if self.judged is gate.approvals:
            return frozenset()
        barred = gate.barred(self.compositor.kept)
        if not barred:
            self.judged = gate.approvals
        return barred

    def collect(self, now_s: float) -> tuple[Keyframe, ...]:
        """What the generator has made since the last call; what a failure of it swallowed is asked for again."""
        collected = Collected()

        def hear() -> None:
            nonlocal collected
            collected = self.generator.collect(now_s)

        self.guard.run("hearing the generator", hear, "its pictures stay")
        if collected.lost:
            self.requests.forget()
        there = self.locations.names  # a location may have gone from the show since it was asked for
        return tuple(keyframe for keyframe in collected.keyframes if keyframe.request.location in there)

    def restored(self, settled: Settled, tick: Tick) -> tuple[Keyframe, ...]:
        """The part of a scene's stored surround that comes in this frame. It is not new: hold lets it pass."""
        keyframes: tuple[Keyframe, ...] = ()
        buses = settled.buses
        elsewhere = None if settled.locked else stands_elsewhere(buses)

        def take() -> None:
            nonlocal keyframes
            keyframes = self.restoring.take(buses[PROGRAM], settled.epoch, tick.display_time_s, elsewhere)

        self.guard.run(restoring.NAME, take, restoring.MEANWHILE)
        admitted = self.desk.gate.admit(keyframes)
        if not admitted:
            self.restoring.refused(keyframes)
        return admitted

    def plan(self, frame: FrameInput, now_s: float) -> list[Job]:
        """The frame's jobs."""
        self.locations.follow(frame.playheads, self.waits)
        asking = [*self.restoring.plan(), *self.plan_request(frame, now_s)]
        return [*self.plan_feeds(frame), *asking, *self.preparing.plan()]

    def plan_feeds(self, frame: FrameInput) -> list[Job]:
        """The jobs that make the feeds; not all of them in every frame."""
        feeds, turn = drawn_now(frame, self.feeds), decoration_turn(frame)
        simulated = self.stage_sim.plan(frame, feeds, turn)
        lit, left_out = bool(simulated) and not turn, self.feeds - feeds
        return [*self.compositor.plan(frame, feeds, lit=lit, left_out=left_out), *simulated]

    def plan_request(self, frame: FrameInput, now_s: float) -> list[Job]:
        """Ask the generator for a new picture when it is free and there is something new to ask."""
        generator, controls = self.generator, frame.controls
        if controls[declared.NEURAL_HOLD] or not controls[declared.NEURAL_AMOUNT]:
            self.requests.forget()
        elif room := generator.free(now_s):
            eyes = self.compositor.eyes_of(frame, self.feeds)
            return self.requests.plan(frame, now_s, room, eyes, generator.request_size)
        else:
            self.requests.skip()
        return []

    def ask(self, now_s: float) -> None:
        """Hand over the request that this frame finished; one that is not taken is asked again."""
        request = self.requests.finished(self.executor.pictures)
        if request is None:
            return
        try:
            self.generator.submit(request, now_s)
        except Exception:  # whatever a host raises, the guard tells of it
            self.requests.forget()
            raise

    def present(self, tick: Tick) -> bool:
        """Every feed to the outputs that show it; False when the operator asked one to end."""
        pictures = self.executor.pictures
        self.counts.note(self.feeds, pictures)
        return self.outputs.present(tick, pictures)
