"""Requests: when a generator is asked, and the plate drawn at the request's View, brought down with its noise."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from vpengine.compose.drawable import Drawable, Plates
from vpengine.compose.governor import RUNGS
from vpengine.frames.frame_input import FrameInput
from vpengine.frames.images import ImageSet
from vpengine.frames.keyframe import Request
from vpengine.frames.look import Look
from vpengine.frames.provenance import Provenance
from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.target import Target
from vpengine.gpu.transfer import download
from vpengine.view.camera import camera_view
from vpengine.view.view import View, stage_ray_from_ndc

BLOCK = UniformBlock("Request", stage_ray_from_ndc="mat3", origin_m="vec3", pixel_m="float", seed="int")


@dataclass(frozen=True)
class RequestSettings:
    """shortest_s: between two requests, on average. overscan_percent: per side, beyond the lens's view.

    busy_s: a frame that has worked for so long begins no request, but leaves it to the next one.
    """

    resolution: tuple[int, int]
    overscan_percent: float
    shortest_s: float
    busy_s: float = float("inf")


class RequestCamera:
    """Owns the targets that requests of one resolution are drawn into."""

    def __init__(self, gpu: Gpu, resolution: tuple[int, int]) -> None:
        self._plate_target = Target(gpu.context, resolution, depth=True)
        self._target = Target(gpu.context, resolution)
        self._gpu = gpu
        self._pass = gpu.pass_("request", BLOCK)

    def take(self, plate: Drawable, place: str, view: View, seed: int) -> ImageSet:
        """Draw and bring down at once."""
        self.draw(plate, view)
        return self.bring_down(place, view, seed)

    def warm(self, plate: Drawable, view: View) -> None:
        """Draw both halves once, before the first frame."""
        self.take(plate, "", view, 0)

    def draw(self, plate: Drawable, view: View) -> None:
        """The first half: the plate at the request's View."""
        plate.draw(self._plate_target, view)

    def bring_down(self, place: str, view: View, seed: int) -> ImageSet:
        """The second half: what was drawn last, with its noise, on the CPU. Waits for the GPU."""
        color, depth = self._plate_target.color, self._plate_target.depth
        assert depth is not None
        self._pass.draw(
            self._target,
            {"plate_color": color, "plate_depth": depth},
            stage_ray_from_ndc=stage_ray_from_ndc(view),
            origin_m=view.origin_m,
            pixel_m=2.0 / (view.clip_from_view[0, 0] * view.resolution[0]),
            seed=seed,
        )
        self._gpu.finish()
        pixels = download(self._target.color)
        return ImageSet(
            color=np.ascontiguousarray(pixels[..., :3], np.float16),
            depth_m=np.ascontiguousarray(download(depth)[..., 0], np.float32),
            noise=np.ascontiguousarray(pixels[..., 3], np.float16),
            view=view,
            provenance=Provenance(source=f"plate:{place}"),
        )

    def release(self) -> None:
        self._plate_target.release()
        self._target.release()


MOST_PUT_OFF = 3  # frames; a machine that is always busy still asks
LONGEST_HALF_S = 1.0  # a plate that was drawn so long ago shows where the camera was, not where it will be


@dataclass(frozen=True, eq=False)
class _Wanted:
    """What a request asks, before its plate has come down."""

    epoch: int
    place: str
    look: Look
    view: View
    camera: str
    submitted_s: float

    def same_as(self, other: _Wanted) -> bool:
        ours, theirs = ((each.epoch, each.place, each.look, each.camera) for each in (self, other))
        return ours == theirs and self.view.same_as(other.view)


class Requests:
    """Decides whether a frame asks for a new picture, and draws what it is asked from.

    The work is spread over two frames: one draws the plate, the next brings it down; a plate that was drawn is good
    for that one frame only. Nothing new is asked while place, View and look are those of the last request: with a
    camera that stands still and a look that rests, the generator rests too.
    """

    def __init__(
        self, camera: RequestCamera, settings: RequestSettings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._camera = camera
        self._settings = settings
        self._clock = clock
        self._number = self._put_off = 0
        self._due_s = -np.inf
        self._last: _Wanted | None = None  # None: nothing yet, or it must be asked again
        self._asked: _Wanted | None = None
        self._begun: _Wanted | None = None

    def forget(self) -> None:
        """The next frame asks again, whatever was asked before: an answer was lost, or nothing is wanted now."""
        self._last = self._begun = None
        self._due_s = -np.inf

    def skip(self) -> None:
        """A frame that cannot ask: a plate that was drawn for the generator is not good any more."""
        if self._begun is not None:
            self.forget()

    def next(self, frame: FrameInput, plates: Plates, look: Look, camera: str, now_s: float) -> Request | None:
        """The request that the last frame began; or None, and this frame may begin one. now_s: when it began."""
        begun, self._begun = self._begun, None
        if begun is not None:
            asked = replace(begun, epoch=frame.epoch, look=look)  # a plate is the same for all looks
            if begun.place == frame.program.target and now_s - begun.submitted_s < LONGEST_HALF_S:
                return self._finished(asked)
            self.forget()
        wanted = self._wanted(frame, look, camera, now_s)
        if wanted is not None and not self._too_busy(now_s):
            self._camera.draw(plates[wanted.place], wanted.view)
            self._begun = self._last = self._asked = wanted
            self._pace(now_s, RUNGS[frame.rung].requests)
        return None

    def _pace(self, now_s: float, part: float) -> None:
        """When the next may be asked, at ``part`` of the wanted rate.

        Frames come in steps: what this one waited for its frame, the next waits less.
        """
        shortest_s, waited_s = self._settings.shortest_s / part, now_s - self._due_s
        self._due_s = now_s + shortest_s - (waited_s if waited_s < 0.5 * shortest_s else 0.0)

    def _too_busy(self, begin_s: float) -> bool:
        """A picture for the generator must not make the wall's late."""
        busy = self._clock() - begin_s > self._settings.busy_s and self._put_off < MOST_PUT_OFF
        self._put_off = self._put_off + 1 if busy else 0
        return busy

    def _wanted(self, frame: FrameInput, look: Look, camera: str, now_s: float) -> _Wanted | None:
        """What this frame would ask; None when that says nothing new, or comes too soon."""
        settings, last = self._settings, self._last
        if now_s < self._due_s:
            return None
        state = frame.cameras[camera]
        place = frame.program.target
        if look.plain and self._is_plain(place):
            return None  # the plate is the answer already; one plain keyframe is asked for when a look has ended
        view = camera_view(state.request_pose, state.lens, settings.resolution, settings.overscan_percent)
        wanted = _Wanted(frame.epoch, place, look, view, camera, now_s)
        return None if last is not None and wanted.same_as(last) else wanted

    def _is_plain(self, place: str) -> bool:
        """Whether no look was asked for at ``place``, or its end has been asked for and was not lost."""
        asked = self._asked
        return asked is None or asked.place != place or (asked.look.plain and self._last is not None)

    def _finished(self, begun: _Wanted) -> Request:
        self._last = self._asked = begun
        plate = self._camera.bring_down(begun.place, begun.view, begun.look.seed)
        self._number += 1
        return Request(
            self._number, begun.epoch, begun.place, plate, begun.look, begun.submitted_s, camera=begun.camera
        )
