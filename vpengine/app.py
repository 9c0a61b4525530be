"""Build every part from a stage file, start threads and processes, and join them at the end."""

from __future__ import annotations

import gc
import logging
import math
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vpengine.asking import baked_looks, build_generator, build_requests, build_restoring, build_stations, stored_of
from vpengine.capture.readers import captures_of
from vpengine.compose.governor import Governor
from vpengine.compose.preparing import Preparing
from vpengine.control.displays import Shown
from vpengine.control.messages import OperatorMessage
from vpengine.control.takes import TakesNow
from vpengine.drawing import (
    build_compositor,
    build_locations,
    build_stage_sim,
    drop_location,
    load_location,
    plate_builds,
    world_of,
)
from vpengine.files import Files, ports_of, read_files
from vpengine.frames.feed import Feed
from vpengine.gpu.context import create_headless, describe
from vpengine.gpu.executor import Executor
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.guard import Guard
from vpengine.gpu.pool import TargetPool
from vpengine.gpu.target import largest_side
from vpengine.gpu.window import Windows
from vpengine.loop import Loop, NoRecorder, Recorder
from vpengine.mailbox import Board, Inbox, Newest
from vpengine.neural.declared import looks_of
from vpengine.neural.host import GeneratorHost
from vpengine.operating import (
    Keeping,
    RunOptions,
    ShowChange,
    build_clock,
    build_desk,
    build_keeper,
    build_midi,
    called_by_timecode,
    end_together,
    go_on,
    measuring,
    open_outputs,
    press_key,
    remembered,
    resume,
    seen_soon,
    shown_as,
    take_show,
    trouble_of,
)
from vpengine.output.output import Finishing, Output, Surroundings
from vpengine.output.outputs import Outputs, named
from vpengine.picture_takes import PictureTakes
from vpengine.remote.feedback import Feedback
from vpengine.remote.osc_control import OscControl
from vpengine.remote.thread import Door, RemoteThread
from vpengine.stage.feeds import feeds_of
from vpengine.stage.sections import PluginSection
from vpengine.stage.state_folder import state_folder
from vpengine.stops import held
from vpengine.takes.keeper import DeskState
from vpengine.takes.log import LogWriter
from vpengine.takes.report import FrameTimes, Memory, operators_report, packets_report
from vpengine.takes.run_file import note_captured, write_run
from vpengine.takes.take_files import TakeFiles
from vpengine.tracking.cameras import Cameras
from vpengine.tracking.pose_buffer import PoseBuffer
from vpengine.tracking.protocol import LensUpdate
from vpengine.tracking.receiver import Receiver
from vpengine.tracking.recentre import Recentring
from vpengine.tracking.sources import sources_of

log = logging.getLogger(__name__)

POLL_PERIOD_S = 0.5  # how often memory is measured and a progress bar moved


class App:
    """One running stage. Use as a context manager: everything that was started is joined at the end."""

    def __init__(self, options: RunOptions, files: Files | None = None, stands: DeskState | None = None) -> None:
        """files: when they were read already. stands: where the desk goes on. Raises ProblemsError."""
        self.options = options
        self.refusal = ""  # why a change of its files is not taken in, in a sentence
        self._stands = stands
        self.files = files or read_files(options.stage, options.show, options.allow_outside)
        self._exit = ExitStack()
        self._ends: list[Callable[[], None]] = []  # of all that waits for a thread or a process
        self._finishing: list[Finishing] = []  # what has something to finish at the end
        self._next_poll_s = 0.0
        self._stopped = False

    def __enter__(self) -> App:
        try:
            with held():
                self._build()
        except BaseException:  # Ctrl-C too: it goes on up, and what was started is ended
            self._end()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None and issubclass(kind, Exception):  # a fault, and nobody's wish as Ctrl-C is
            self.keeper.leave_open()
        self._end()

    def _end(self) -> None:
        for each in self._finishing:
            with suppress(Exception):  # what the graphics card does not give any more is lost; the rest is ended
                each.end()
        end_together([*(each.wait for each in self._finishing), *self._ends])
        self._exit.close()

    def wait_until_ready(self, limit_s: float = 30.0) -> None:
        """Wait for the generator's first readiness, and for all of the show's locations: for demos and measurements."""
        end_s = time.monotonic() + limit_s
        while time.monotonic() < end_s:
            with held():
                ready = self._ready()
            if ready:
                return
            time.sleep(0.02)

    def _ready(self) -> bool:
        self.loop.prepare()
        walls, failing = self.compositor.walls, self.loop.preparing.failing
        loaded = all(walls.prepared(location) or location in failing for location in self.files.show.plates)
        self.loop.collect(time.monotonic())
        return loaded and self.generator.health.ready

    def run(self, seconds: float | None = None, progress: Callable[[float], None] | None = None) -> None:
        """Draw frames for ``seconds``, or until an output is closed. Ctrl-C ends it cleanly.

        progress: called twice a second with the seconds that have run.
        """
        start_s = time.monotonic()
        end_s = None if seconds is None else start_s + seconds
        try:
            gc.collect()
            gc.freeze()  # what stands now stays: collections need not look at it again
            with held() as stopped:  # the frame that is being drawn is the last
                self.loop.run(lambda: not stopped and self._go_on(start_s, end_s, progress))
        except KeyboardInterrupt:
            pass
        finally:
            gc.unfreeze()

    def run_frames(self, count: int) -> None:
        """Draw ``count`` frames: for measurements."""
        left = iter(range(count))
        self.loop.run(lambda: next(left, None) is not None)

    def take_show(self, change: ShowChange) -> None:
        """Go on with another version of the show, between two frames; its plates are loaded while it runs."""
        before, self.files = self.files, change.files
        self.locations.add(plate_builds(self.files))
        take_show(self.desk, self.keeper, before, change)
        self.loop.restoring.take_scenes(change.stored, change.baked)
        self.osc_control.name_scenes([scene.slug for scene in self.files.show.scenes])
        self.take_files.names = change.names
        for location in self.files.show.plates:
            self.locations.ask(location)

    def drop_unseen(self) -> None:
        """Give back, between two frames, what is kept of locations that are gone from the show and from the walls."""
        kept = seen_soon(self.desk, self.loop.newest) | set(self.files.show.plates)
        for location in self.locations.names - kept:
            drop_location(location, self.locations, self.compositor, self.loop.preparing)

    def stop(self) -> None:
        """``run`` ends after this frame; one that has not begun draws none. From any thread."""
        self._stopped = True

    def _go_on(self, start_s: float, end_s: float | None, progress: Callable[[float], None] | None) -> bool:
        now_s = time.monotonic()
        if now_s >= self._next_poll_s:
            self._next_poll_s = now_s + POLL_PERIOD_S
            self.memory.sample(self.generator.health.pid)
            if progress is not None:
                progress(now_s - start_s)
        return not self._stopped and (end_s is None or now_s < end_s)

    def _build(self) -> None:
        self.memory = Memory()
        self.generator = self._start_generator()  # first: it needs the longest
        self._open_screen()
        self.inbox: Inbox[str, OperatorMessage] = Inbox()
        self.takes_now: Board[TakesNow] = Board()
        self._start_tracking()
        self._start_captures()
        self._start_remote()
        self.locations = build_locations(self.gpu, self.files, self._exit)
        self._ends.append(self.locations.stop)
        self.compositor = build_compositor(self.gpu, self.files, self.locations, self._exit)
        self.stored = stored_of(self.files, self.compositor)
        self.baked = baked_looks(self.files, self.stored)
        self.desk = build_desk(self.files, self.baked, self.options.scene, self.options.controls)
        if self.captures.readers:
            self.desk.measure = measuring(self.captures, self.files, self.desk)
        self.keeper = build_keeper(self.files, self.options.remember)
        self._ends.append(self.keeper.close)
        self.take_files = TakeFiles(self.options.takes, self._describe)
        self._ends.append(self.take_files.close)
        if self._stands is not None:
            resume(self.desk, self._stands)
        elif self.options.remember:
            go_on(self.desk, remembered(self.files), self.options.fresh or self.options.scene is not None)
        self.loop = self._loop()
        self._load_locations()

    def _open_screen(self) -> None:
        """The rendering context and the outputs: windows where the stage has them and there is a display."""
        wanted = not self.options.headless and any(item.target.kind == "window" for item in self.files.stage.outputs)
        self.windows = Windows(lambda key: press_key(key, self.inbox)) if wanted else None
        if self.windows is not None:
            context = self.windows.context
            self._exit.callback(self.windows.close)
        else:
            context = create_headless()
            self._exit.callback(context.release)
        self.gpu = Gpu(context)
        self._exit.callback(self.gpu.release)
        self.outputs: list[tuple[Feed, Output]] = []
        for feed, opened in open_outputs(self.files, self._surroundings(), self.options.headless):
            self.outputs.append((feed, opened))
            self._finishing += [opened] if isinstance(opened, Finishing) else []
            self._exit.callback(opened.close)

    def _surroundings(self) -> Surroundings:
        """What outputs may use; they ask for it when there is a frame, and the parts that are made later are there."""
        stage = self.files.stage
        return Surroundings(
            windows=self.windows,
            gpu=self.gpu,
            rate=stage.rate,
            folder=stage.file.resolve().parent,
            camera=stage.cameras[0].id,
            frame=lambda: self.loop.newest,
            world=lambda feed: world_of(feed, stage, self.loop.executor.pictures),
            take=lambda: self.desk.takes.rolling,
            take_folder=lambda take: self.take_files.folder_of(take),
        )

    def _start_generator(self) -> GeneratorHost:
        host = build_generator(self.files, lambda: self.desk.ask_of(looks_of(self.generator.health.name)))
        self._ends.append(host.close)
        return host

    def _start_tracking(self) -> None:
        stage = self.files.stage
        self.poses = {camera.id: PoseBuffer() for camera in stage.cameras}
        lenses: Newest[str, LensUpdate] = Newest()
        sources = sources_of(stage.tracking, self._of)
        self.receiver = Receiver(sources, self.poses, lenses, press=self.inbox.add, takes=self.takes_now)
        self.receiver.start()
        self._ends.append(self.receiver.stop)
        resting = {camera.id: camera.pose.pose() for camera in stage.cameras}
        memory = state_folder() / "recentre.json" if self.options.remember else None
        recentring = Recentring(resting, memory, str(stage.file.resolve()))
        self._ends.append(recentring.close)
        self.cameras = Cameras(stage.cameras, self.poses, lenses, recentring)

    def _start_captures(self) -> None:
        """The cameras' own pictures; what is wrong with one is told, and its world is shown alone meanwhile."""
        stage = self.files.stage
        self.captures = captures_of(stage.captures, self._of, largest_side(self.gpu.context))
        self.captures.start()
        self._ends.append(self.captures.stop)
        self.picture_takes = PictureTakes(self.captures.kept, stage.rate, lambda take: self.take_files.folder_of(take))
        self._finishing.append(self.picture_takes)

    def _start_remote(self) -> None:
        controls = {control.address: control for control in self.files.controls}
        stage, settings = self.files.stage, self.files.stage.control
        slugs, ids = [scene.slug for scene in self.files.show.scenes], [camera.id for camera in stage.cameras]
        self.board: Board[Shown] = Board()
        feedback = Feedback(self.board, settings.feedback_rate)
        self.osc_control = OscControl(
            settings.address, settings.osc_port, controls, self.inbox, slugs, ids, feedback, settings.feedback
        )
        self.midi = build_midi(self.files, self.inbox)
        doors: list[Door] = [self.osc_control] if settings.osc_port else []
        remote = RemoteThread([*doors, self.midi] if self.midi else doors)
        remote.start()
        self._ends.append(remote.stop)

    def _load_locations(self) -> None:
        """The first scene's location before the first frame; the others are loaded while it runs."""
        first = self.desk.scenes.location
        load_location(self.locations, self.compositor.walls, first)
        self.loop.warm(first)
        for location in self.files.show.plates:
            self.locations.ask(location)

    def _recorder(self) -> Recorder:
        folder = self.options.log_folder
        if folder is None:
            return NoRecorder()
        recorder = LogWriter(folder)
        self._ends.append(recorder.close)
        self._describe(folder)
        return recorder

    def _describe(self, take: Path) -> None:
        """What a take was made with."""
        write_run(take, self.files.stage.file, self.files.show.file, self.files.named())
        note_captured(take, self.files.captured())

    def _loop(self) -> Loop:
        stage, period_s = self.files.stage, float(1 / self.files.stage.rate)
        clock = called_by_timecode(build_clock(self.files, self.windows, self.options.unpaced), self.files, self.midi)
        recorder, walls = self._recorder(), self.compositor.walls
        stations = build_stations(self.files, self.compositor)
        requests = build_requests(self.gpu, self.files, self.compositor, self.locations, stations, self._exit)
        number = requests.next_number
        restoring = build_restoring(self.gpu, self.locations, stations, number, self.stored, self.baked, self._exit)
        preparing = Preparing(walls, self.locations, self.locations.upload_next)
        stage_sim = build_stage_sim(self.gpu, self.files, walls, self._exit)
        asking = {**requests.drawers, **restoring.drawers, **preparing.drawers}
        drawers = {**self.compositor.drawers, **asking, **stage_sim.drawers}
        pool, guard = TargetPool(self.gpu), Guard()
        self._exit.callback(pool.release)
        kinds = [shown_as(item.target.kind, self.options.headless) for item in stage.outputs]
        return Loop(
            gpu=self.gpu,
            clock=clock,
            cameras=self.cameras,
            captures=self.captures,
            inbox=self.inbox,
            board=self.board,
            desk=self.desk,
            locations=self.locations,
            generator=self.generator,
            requests=requests,
            restoring=restoring,
            preparing=preparing,
            compositor=self.compositor,
            stage_sim=stage_sim,
            executor=Executor(self.gpu, pool, guard, drawers),
            guard=guard,
            feeds=feeds_of(stage),
            outputs=Outputs(guard, named(kinds, self.outputs)),
            recorder=recorder,
            camera=stage.cameras[0].id,
            times=FrameTimes(period_s),
            governor=Governor(math.inf if self.options.unpaced else period_s),
            trouble=lambda: "; ".join(filter(None, (trouble_of(self.loop), self.refusal))),
            waits=self.options.unpaced,
            keep=Keeping(self.desk, self.keeper, self.take_files, self.takes_now, self.picture_takes.note).note,
        )

    def _of(self, section: PluginSection) -> Any:
        return self.files.of(section)

    def receives(self) -> list[str]:
        """Where trackers are heard, in words."""
        return [
            f"UDP {use.address} port {use.port} ({use.key})" for use in ports_of(self.files) if "tracking" in use.key
        ]

    def recorded(self) -> list[dict[str, object]]:
        """What outputs have recorded, in figures; of all that there is after the end."""
        return [figures for each in self._finishing for figures in each.report()]

    def report(self) -> dict[str, Any]:
        """The run in figures, as DESIGN 8 lists them."""
        surrounds = self.compositor.surrounds
        return {
            **self.loop.times.summary(),
            "skipped_ticks": self.loop.clock.skipped,
            "refused": {
                "controls": self.desk.refused,
                "keyframes": self.desk.gate.discarded,
                "packets_by_the_kernel": self.receiver.kernel_drops,
                "logged_frames": self.loop.recorder.dropped,
            },
            "generator": self.generator.health.report(),
            "surround": surrounds.report(self.desk.scenes.location) if surrounds is not None else None,
            "packets": packets_report(self.receiver.health()),
            "captures": {name: health.report() for name, health in self.captures.health().items()},
            "operators": operators_report({**self.osc_control.health(), **(self.midi.health() if self.midi else {})}),
            "subscribers": {name: asdict(each) for name, each in self.osc_control.feedback.health().items()},
            "tracking_losses": dict(self.cameras.losses.counts),
            "plates": dict(self.locations.faults),
            "failures": dict(self.loop.executor.failures),
            "feeds": self.loop.counts.summary(),
            "jobs": self.loop.executor.timings.summary(),
            "scene": self.desk.scenes.shown,
            "rung": self.loop.governor.summary(),
            "recordings": self.recorded(),
            "rss_mb": self.memory.summary(),
            "machine": describe(self.gpu.context),
        }
