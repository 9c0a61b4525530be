"""Requests as the loop asks for them, a frame at a time, of plates that show where each pixel looks."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from vpengine.compose.request import Requests, RequestSettings
from vpengine.compose.request_camera import RequestCamera
from vpengine.frames.frame_input import BusState, CameraState, FrameInput, Tick
from vpengine.frames.keyframe import Request
from vpengine.frames.look import Look
from vpengine.gpu.executor import Executor
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.guard import Guard
from vpengine.gpu.pool import TargetPool
from vpengine.gpu.target import Target
from vpengine.gpu.transfer import write
from vpengine.view.lens import Lens
from vpengine.view.pose import Pose, from_opentrackio
from vpengine.view.view import View, pixel_centres, rays

SIZE = (64, 36)
LENS = Lens((24.89, 14.0), 24.0)
HERE = from_opentrackio((0.4, -1.0, 1.6), 12.0, 3.0, 1.0)
THERE = from_opentrackio((0.5, -1.0, 1.6), 15.0, 3.0, 1.0)
SETTINGS = RequestSettings(SIZE, 15.0, 0.1)
FOG, PLAIN = Look("weather", (("fog", 0.5),)), Look("weather", plain=True)


class Directions:
    """A plate that shows where each pixel looks: colour is the stage direction, half as long again is its depth."""

    def __init__(self, level: float = 1.0) -> None:
        self.level = level
        self.views: list[View] = []

    def draw(self, target: Target, view: View) -> None:
        self.views.append(view)
        ray = rays(view, pixel_centres(target.size))
        write(target.color, (self.level * (1.0 + 0.5 * ray)).astype(np.float16))
        assert target.depth is not None
        depth_m = np.where(ray[..., 2] > 0.3, np.inf, 2.0 + ray[..., 0])
        write(target.depth, depth_m.astype(np.float32)[..., None])


class Asking:
    """Requests with their plates; ``at`` is one frame."""

    def __init__(self, camera: RequestCamera, gpu: Gpu, settings: RequestSettings = SETTINGS, **options: Any) -> None:
        self.gpu = gpu
        self.plates = {"street": Directions(), "hall": Directions(0.5)}
        self.requests = Requests(camera, self.plates, settings, **options)
        self.executor = Executor(gpu, TargetPool(gpu), Guard(), self.requests.drawers)
        state = CameraState(HERE, THERE, LENS, 0.01)
        self.frame = FrameInput(
            tick=Tick(0, 0.0, Fraction(24)),
            cameras={"a": state},
            buses={"program": BusState("dawn", "street")},
            controls={},
            epoch=4,
        )
        self.look = FOG
        self.standby_look = Look("weather", (("snow", 0.5),))

    def at(self, time_s: float, **changes: Any) -> Request | None:
        self.frame = replace(self.frame, **changes)
        assert self.once(time_s) is None  # one frame draws the plate, the next brings it down
        return self.once(time_s)

    def once(self, time_s: float, look: Look | None = None) -> Request | None:
        """One frame."""
        self.executor.run(self.requests.plan(self.looking(look), time_s))
        assert not self.executor.failures
        self.gpu.finish()  # as every frame ends
        return self.requests.finished(self.executor.pictures)

    def looking(self, look: Look | None = None) -> FrameInput:
        """The frame, with what each bus asks for."""
        looks = {"program": look or self.look, "preview": self.standby_look}
        return replace(self.frame, buses={b: replace(state, look=looks[b]) for b, state in self.frame.buses.items()})

    def stand_at(self, pose: Pose) -> None:
        self.frame = replace(self.frame, cameras={"a": CameraState(HERE, pose, LENS, 0.01)})
