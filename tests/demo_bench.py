"""The demo stage without its threads: frames are made by hand, and the generator runs where the test does."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from fractions import Fraction

import numpy as np

from vpengine.compose.keys import light_key
from vpengine.compose.request import Requests, RequestSettings
from vpengine.compose.request_camera import RequestCamera
from vpengine.compose.stations import Stations
from vpengine.control.controls import Controls
from vpengine.control.declared import FALL_RAIN_DENSITY, FALL_SNOW_DENSITY
from vpengine.control.lights import LightTable
from vpengine.control.looks import look_address
from vpengine.drawing import build_compositor, build_locations, load_location
from vpengine.files import Files, read_files
from vpengine.frames.frame_input import BusState, CameraState, FrameInput, Tick
from vpengine.frames.keyframe import Keyframe, Request, Timings
from vpengine.frames.pixels import Pixels
from vpengine.frames.provenance import Provenance
from vpengine.gpu.executor import Executor
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.guard import Guard
from vpengine.gpu.pool import TargetPool
from vpengine.gpu.transfer import download
from vpengine.neural.declared import looks_of
from vpengine.neural.generator import Plate
from vpengine.neural.grade import fit_grade
from vpengine.neural.onnx_runtime import OnnxRuntime
from vpengine.neural.weather import Weather
from vpengine.plates.locations import Locations
from vpengine.stage.feeds import feeds_of
from vpengine.stage.shipped import stage_folder
from vpengine.view.color import acescct_from_linear
from vpengine.view.pose import Pose

SETTLES_S, SETTLING = 1.6, 20  # longer than any fade; frames for each face and the camera, twice and some more


class Bench:
    """The demo stage without its threads: frames are made by hand, the generator runs here."""

    def __init__(self, context: object, exit_stack: ExitStack) -> None:
        self.gpu = Gpu(context)  # type: ignore[arg-type]
        self.files: Files = read_files(stage_folder() / "led_volume.toml", None)
        self.locations: Locations = build_locations(self.gpu, self.files, exit_stack)
        self.compositor = build_compositor(self.gpu, self.files, self.locations, exit_stack)
        self.location = self.files.show.scenes[0].location
        load_location(self.locations, self.compositor.walls, self.location)
        neural = self.files.stage.neural
        settings = RequestSettings(neural.resolution, neural.overscan_percent, 0.0)
        self.camera = RequestCamera(self.gpu)
        surrounds = self.compositor.surrounds
        assert surrounds is not None
        stations = Stations(self.files.stage.outer.eye_m, surrounds.resolution, surrounds.rooms)
        self.requests = Requests(self.camera, self.locations, settings, stations=stations)
        self.time_s = 0.0  # of the newest frame: for the pool too, whatever a frame takes here
        self.pool = TargetPool(self.gpu, lambda: self.time_s)
        exit_stack.callback(self.pool.release)
        drawers = {**self.compositor.drawers, **self.requests.drawers}
        self.executor = Executor(self.gpu, self.pool, Guard(), drawers)
        self.feeds = feeds_of(self.files.stage)
        self.generator = Weather(OnnxRuntime())

    def frame(
        self, time_s: float, pose: Pose, look: dict[str, float], keyframes: tuple[Keyframe, ...] = ()
    ) -> FrameInput:
        controls = Controls(self.files.controls)
        for density in (FALL_SNOW_DENSITY, FALL_RAIN_DENSITY):  # what falls moves, whatever stands still
            controls.set(density, 0.0)
        for fader, value in look.items():
            controls.set(look_address(fader), value)
        camera = self.files.stage.cameras[0]
        state = CameraState(pose, pose, camera.lens(), 0.0)
        self.time_s = time_s
        tick = Tick(round(time_s * 24), time_s, Fraction(24))
        settled = controls.freeze(time_s)
        asked = looks_of("weather").at_frame(settled)
        program = BusState("day", self.location, look=asked, light=LightTable().light(asked, settled))
        return FrameInput(tick, {camera.id: state}, {"program": program}, settled, 0, keyframes)

    def ask(self, frame: FrameInput) -> Keyframe | None:
        request = None
        for _ in range(2):  # one frame draws the plate, the next brings it down
            self.executor.run(self.requests.plan(frame, frame.tick.display_time_s))
            request = request or self.requests.finished(self.executor.pictures)
            self.gpu.finish()  # as every frame ends
        return self.answer(request) if request else None

    def answer(self, request: Request) -> Keyframe:
        plate = request.plate
        cct = acescct_from_linear(plate.color)
        made = self.generator.generate(
            Plate(cct, plate.depth_m, plate.noise.astype(np.float32), plate.view), request.look
        )
        grade = fit_grade(cct, made.gain * cct + made.bias, plate.depth_m, plate.view)
        gain, bias = (Pixels(plane.astype(np.float16)) for plane in (made.gain, made.bias))
        return Keyframe(request, gain, bias, grade, Provenance("weather"), Timings(0.0, 0.0, 0.0))

    def draw(self, frame: FrameInput) -> np.ndarray:
        """The main wall's light, (height, width, 3)."""
        self.executor.run(self.compositor.plan(frame, self.feeds, lit=True))
        assert not self.executor.failures
        return download(self.executor.pictures[light_key("main")].color)[..., :3].astype(np.float64)

    def code(self) -> np.ndarray:
        return download(self.compositor.walls.pictures["main"].code.color)[..., :3].astype(np.float64)

    def settle(self, pose: Pose, look: dict[str, float], start_s: float) -> float:
        """Draw until keyframes, grade and outer pictures have come to rest; the time after."""
        time_s = start_s
        for _ in range(SETTLING):
            frame = self.frame(time_s, pose, look)
            keyframe = self.ask(frame)
            self.draw(replace(frame, keyframes=(keyframe,) if keyframe else ()))
            time_s += SETTLES_S / SETTLING
        return time_s
