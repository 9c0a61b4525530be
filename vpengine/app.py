"""Build every part from a stage file, start threads and processes, and join them at the end."""

from __future__ import annotations

import gc
import logging
import math
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vpengine import neural, output, plates, tracking
from vpengine.compose.governor import Governor
from vpengine.compose.guard import Guard
from vpengine.compose.inner import InnerPicture
from vpengine.compose.program import Program
from vpengine.compose.request import RequestCamera, Requests, RequestSettings
from vpengine.compose.walls import Walls
from vpengine.control.controls import Controls, Value
from vpengine.control.declared import ENGINE_CONTROLS
from vpengine.control.desk import Desk
from vpengine.control.gate import Gate
from vpengine.control.messages import OperatorMessage
from vpengine.control.scenes import SceneEntry, Scenes
from vpengine.errors import UserError
from vpengine.files import Files, base_look, ports_of, read_files
from vpengine.frames.frame_input import FrameInput
from vpengine.gpu.context import create_headless, describe
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.window import Windows
from vpengine.loop import Loop, Recorder
from vpengine.mailbox import Inbox, Newest
from vpengine.neural.process import NeuralProcess
from vpengine.output.clock import Clock, DisplayClock, PacedClock, UnpacedClock
from vpengine.output.output import Output
from vpengine.plates.places import Build, Places
from vpengine.plugins import load_plugin
from vpengine.remote.osc_control import OscControl
from vpengine.remote.thread import RemoteThread
from vpengine.stage.control_names import control_address
from vpengine.stage.sections import PluginSection
from vpengine.stage.state_folder import state_folder
from vpengine.stops import held
from vpengine.takes.log import LogWriter
from vpengine.takes.report import FrameTimes, Memory, operators_report, packets_report, percentiles
from vpengine.takes.run_file import write_run
from vpengine.tracking.cameras import Cameras
from vpengine.tracking.pose_buffer import PoseBuffer
from vpengine.tracking.protocol import LensUpdate, Source
from vpengine.tracking.receiver import Receiver
from vpengine.tracking.recentre import Recentring
from vpengine.view.camera import camera_view

log = logging.getLogger(__name__)

BUSY = 0.8  # of a frame's time: after that it begins nothing for the generator
END_S = 2.6  # of the three seconds that an end may take; the rest is for what OpenGL has to give back
LOOK_PERIOD_S = 0.5  # how often memory is measured and a progress bar moved


@dataclass(frozen=True)
class RunOptions:
    """What the command line says. controls: (name or address, value) pairs that override stage and show.

    scene: to begin with, instead of the show's first. remember: what was recentred holds from one run to the next.
    """

    stage: Path
    show: Path | None = None
    headless: bool = False
    unpaced: bool = False
    log_folder: Path | None = None
    controls: tuple[tuple[str, str], ...] = ()
    allow_outside: bool = False
    scene: str | None = None
    remember: bool = True


def build_program(gpu: Gpu, files: Files, exit_stack: ExitStack) -> tuple[Places, Program]:
    """What draws a stage's PROGRAM bus, and its plates, none of them loaded yet; both live as long as the stack."""
    stage, camera = files.stage, files.stage.cameras[0]

    def build(section: PluginSection) -> Build:
        plugin, settings = load_plugin(plates.KINDS[section.kind]), files.of(section)
        return lambda: plugin(settings)

    places = Places(gpu, {name: build(section) for name, section in files.show.plates.items()})
    exit_stack.callback(places.close)
    walls = Walls(gpu, stage.walls, stage.outer.eye_m, stage.outer.face_px)
    exit_stack.callback(walls.release)
    inner = InnerPicture(gpu, camera.inner.resolution, stage.neural.resolution, stage.neural.keyframes)
    exit_stack.callback(inner.release)
    return places, Program(inner, walls, places, camera, stage.neural.overscan_percent)


def load_place(places: Places, program: Program, place: str) -> None:
    """Load a place and make it ready to be shown, now: before the first frame, or where no wall waits."""
    places.wait_for(place)
    program.walls.prepare(place, places[place])


def end_together(ends: Iterable[Callable[[], None]]) -> None:
    """End parts that each wait for something, at once: several that are stuck take no longer than one."""
    threads = [threading.Thread(target=end, name="end", daemon=True) for end in ends]
    for thread in threads:
        thread.start()
    end_s = time.monotonic() + END_S
    for thread in threads:
        thread.join(max(end_s - time.monotonic(), 0.0))


class NoRecorder:
    """Notes nothing."""

    dropped = 0

    def note(self, frame: FrameInput) -> None:
        del frame


class App:
    """One running stage. Use as a context manager: everything that was started is joined at the end."""

    def __init__(self, options: RunOptions, files: Files | None = None) -> None:
        """files: when they were read already. Raises ProblemsError."""
        self.options = options
        self.files = files or read_files(options.stage, options.show, options.allow_outside)
        self._exit = ExitStack()
        self._ends: list[Callable[[], None]] = []  # of all that waits for a thread or a process
        self._look_again_s = 0.0

    def __enter__(self) -> App:
        try:
            with held():
                self._build()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self._end()

    def _end(self) -> None:
        end_together(self._ends)
        self._exit.close()

    def wait_until_ready(self, limit_s: float = 30.0) -> None:
        """Wait for the generator's first readiness, and for all of the show's places: for demos and measurements."""
        end_s = time.monotonic() + limit_s
        while time.monotonic() < end_s:
            with held():
                ready = self._ready()
            if ready:
                return
            time.sleep(0.02)

    def _ready(self) -> bool:
        self.loop.take_in_place()
        loaded = all(self.program.walls.prepared(place) for place in self.files.show.plates)
        if self.generator:
            self.generator.collect(time.monotonic())
        return loaded and (self.generator is None or self.generator.ready)

    def run(self, seconds: float | None = None, told: Callable[[float], None] | None = None) -> None:
        """Draw frames for ``seconds``, or until an output is closed. Ctrl-C ends it cleanly.

        told: called twice a second with the seconds that have run.
        """
        start_s = time.monotonic()
        end_s = None if seconds is None else start_s + seconds
        try:
            gc.collect()
            gc.freeze()  # what stands now stays: collections need not look at it again
            with held() as stopped:  # the frame that is being drawn is the last
                self.loop.run(lambda: not stopped and self._go_on(start_s, end_s, told))
        except KeyboardInterrupt:
            pass
        finally:
            gc.unfreeze()

    def run_frames(self, count: int) -> None:
        """Draw ``count`` frames: for measurements."""
        left = iter(range(count))
        self.loop.run(lambda: next(left, None) is not None)

    def _go_on(self, start_s: float, end_s: float | None, told: Callable[[float], None] | None) -> bool:
        now_s = time.monotonic()
        if now_s >= self._look_again_s:
            self._look_again_s = now_s + LOOK_PERIOD_S
            self.memory.sample(self.generator.pid if self.generator else None)
            if told is not None:
                told(now_s - start_s)
        return end_s is None or now_s < end_s

    def _build(self) -> None:
        self.memory = Memory()
        self.generator = self._start_generator()  # first: it needs the longest
        self._open_screen()
        self._start_doors()
        self.places, self.program = build_program(self.gpu, self.files, self._exit)
        self._ends.append(self.places.stop)
        self.desk = self._desk()
        self._load_places()
        self.loop = self._loop()

    def _open_screen(self) -> None:
        """The rendering context and the outputs: windows where the stage has them and there is a display."""
        sections = self.files.stage.outputs
        wanted = any(item.target.kind == "window" for item in sections) and not self.options.headless
        self.windows = Windows() if wanted else None
        if self.windows is not None:
            self._exit.callback(self.windows.close)
        self.gpu = Gpu(self.windows.context if self.windows else create_headless())
        self.outputs: list[Output] = []
        for item in sections:
            kind = "headless" if self.options.headless else item.target.kind
            plugin = load_plugin(output.KINDS[kind])
            settings = plugin.Settings() if self.options.headless else self._of(item.target)
            self.outputs.append(plugin(settings, item.wall, self.windows))
            self._exit.callback(self.outputs[-1].close)

    def _start_generator(self) -> NeuralProcess | None:
        settings = self.files.stage.neural
        if settings.generator == "none":
            return None
        try:
            process = NeuralProcess(
                settings.generator,
                neural.GENERATORS[settings.generator],
                neural.RUNTIMES[settings.runtime],
                settings.resolution,
                float(1 / self.files.stage.rate),
            )
        except UserError as error:  # the wall can do without
            log.warning("%s. The wall shows the plate.", error)
            return None
        process.start()
        self._ends.append(process.stop)
        return process

    def _start_doors(self) -> None:
        stage = self.files.stage
        self.poses = {camera.id: PoseBuffer() for camera in stage.cameras}
        lenses: Newest[str, LensUpdate] = Newest()
        sources = [
            Source(load_plugin(tracking.KINDS[item.source.kind])(self._of(item.source)), item.camera, item.latency_s)
            for item in stage.tracking
        ]
        self.receiver = Receiver(sources, self.poses, lenses)
        self.receiver.start()
        self._ends.append(self.receiver.stop)
        resting = {camera.id: camera.pose.pose() for camera in stage.cameras}
        memory = state_folder() / "recentre.json" if self.options.remember else None
        recentring = Recentring(resting, memory, str(stage.file.resolve()))
        self._ends.append(recentring.close)
        self.cameras = Cameras(stage.cameras, self.poses, lenses, recentring)
        self.inbox: Inbox[str, OperatorMessage] = Inbox()
        controls = {control.address: control for control in ENGINE_CONTROLS}
        settings = stage.control
        slugs = [scene.slug for scene in self.files.show.scenes]
        ids = [camera.id for camera in stage.cameras]
        self.osc_control = OscControl(settings.address, settings.osc_port, controls, self.inbox, slugs, ids)
        remote = RemoteThread([self.osc_control] if settings.osc_port else [])
        remote.start()
        self._ends.append(remote.stop)

    def _desk(self) -> Desk:
        controls = Controls(ENGINE_CONTROLS)
        scenes = Scenes(
            (
                SceneEntry(scene.slug, scene.place, scene.dissolve_s, scene.controls, scene.keep)
                for scene in self.files.show.scenes
            ),
            base_look(self.files),
        )
        for address, value in self.files.stage.controls:
            controls.set(address, value)
        scenes.enter_first(controls, 0.0, self.options.scene)
        for name, text in self.options.controls:
            address = name if name.startswith("/") else control_address(name)
            controls.set(address, command_value(controls, address, text))
        return Desk(controls, scenes, Gate(), self.files.stage.neural.generator)

    def _load_places(self) -> None:
        """The first scene's place before the first frame; the others are loaded while it runs."""
        first = self.desk.scenes.place
        load_place(self.places, self.program, first)
        self.program.warm(first)
        for place in self.files.show.plates:
            self.places.ask(place)

    def _clock(self) -> Clock:
        """Paced by the display of the first window, or by the monotonic clock."""
        outputs, rate = self.files.stage.outputs, self.files.stage.rate
        latency_s = outputs[0].latency_s if outputs else 0.0
        if self.options.unpaced:
            return UnpacedClock(rate)
        if self.windows is None:
            return PacedClock(rate, latency_s)
        paced_by = next(item for item in outputs if item.target.kind == "window")
        windows, monitor = self.windows, self._of(paced_by.target).monitor
        return DisplayClock(rate, windows.refresh_hz(monitor), latency_s, lambda: windows.swapped_s)

    def _loop(self) -> Loop:
        stage, options = self.files.stage, self.options
        clock = self._clock()
        recorder: Recorder = NoRecorder()
        if options.log_folder is not None:
            recorder = LogWriter(options.log_folder)
            self._ends.append(recorder.close)
            write_run(options.log_folder, stage.file, self.files.show.file, self.files.named())
        asked, busy_s = stage.neural, BUSY / float(stage.rate)
        settings = RequestSettings(asked.resolution, asked.overscan_percent, 1.0 / asked.max_rate, busy_s)
        camera = RequestCamera(self.gpu, stage.neural.resolution)
        self._exit.callback(camera.release)
        resting = stage.cameras[0]
        view = camera_view(resting.pose.pose(), resting.lens(), asked.resolution)
        camera.warm(self.places[self.desk.scenes.place], view)
        return Loop(
            gpu=self.gpu,
            clock=clock,
            cameras=self.cameras,
            inbox=self.inbox,
            desk=self.desk,
            places=self.places,
            generator=self.generator,
            requests=Requests(camera, settings),
            program=self.program,
            outputs=self.outputs,
            recorder=recorder,
            camera=stage.cameras[0].id,
            times=FrameTimes(float(1 / stage.rate)),
            guard=Guard(),
            governor=Governor(math.inf if options.unpaced else float(1 / stage.rate)),
        )

    def _of(self, section: PluginSection) -> Any:
        return self.files.of(section)

    def receives(self) -> list[str]:
        """Where trackers are heard, in words."""
        return [
            f"UDP {use.address} port {use.port} ({use.key})" for use in ports_of(self.files) if "tracking" in use.key
        ]

    def report(self) -> dict[str, Any]:
        """The run in figures, as DESIGN 8 lists them."""
        return {
            **self.loop.times.summary(),
            "skipped_ticks": self.loop.clock.skipped,
            "refused": {
                "controls": self.desk.refused,
                "keyframes": self.desk.gate.discarded,
                "packets_by_the_kernel": self.receiver.kernel_drops,
                "logged_frames": self.loop.recorder.dropped,
            },
            "generator": generator_report(self.generator),
            "packets": packets_report(self.receiver.health()),
            "operators": operators_report(self.osc_control.health()),
            "tracking_losses": dict(self.cameras.losses.counts),
            "plates": dict(self.places.faults),
            "failures": dict(self.loop.guard.failures),
            "scene": self.desk.scenes.shown,
            "rung": {
                "last": self.loop.governor.rung,
                "lowest": self.loop.governor.lowest,
                "words": self.loop.governor.words,
            },
            "rss_mb": self.memory.summary(),
            "machine": describe(self.gpu.context),
        }


def command_value(controls: Controls, address: str, text: str) -> Value:
    """``--set control=value``: the text as the control's type. Raises UserError."""
    control = controls.find(address)
    if control.kind == "text":
        return text
    if control.kind == "bool" and text.lower() in ("true", "false", "on", "off"):
        return text.lower() in ("true", "on")
    low, high = (0.0, 1.0) if control.kind == "bool" else (control.low, control.high)
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not low <= number <= high:  # a fader's end stop is for hands; a number typed is a mistake
        raise UserError(
            f"--set {address}: {text!r}, expected a number from {low:g} to {high:g} {control.unit}".rstrip()
        )
    return number


def generator_report(generator: NeuralProcess | None) -> dict[str, Any]:
    if generator is None:
        return {"name": "none", "runtime": "none", "images": 0, "images_per_s": 0.0, "latency_ms": percentiles([])}
    health = generator.health
    return {
        "name": generator.name,
        "runtime": generator.runtime,
        "images": health.images,
        "images_per_s": round(health.images_per_s, 2),
        "latency_ms": percentiles([1e3 * latency_s for latency_s in health.latency_s]),
        "restarts": health.restarts,
    }
