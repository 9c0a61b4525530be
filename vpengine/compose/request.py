"""Requests: when a generator is asked, and the plate drawn at the request's View, brought down with its noise."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from vpengine.compose.current import CurrentWorld
from vpengine.compose.drawable import Plates, light_on, moves
from vpengine.compose.governor import RUNGS
from vpengine.compose.request_camera import DrawCurrent, RequestCamera
from vpengine.compose.stations import Stations
from vpengine.frames.feed import PREVIEW, PROGRAM, Eye
from vpengine.frames.frame_input import BusState, FrameInput
from vpengine.frames.images import ImageSet, Room
from vpengine.frames.keyframe import Request, SurroundFace
from vpengine.frames.look import Look
from vpengine.gpu.executor import Drawer, Pictures
from vpengine.gpu.job import READ, REQUEST, Job
from vpengine.stage.stage_settings import NeuralSettings
from vpengine.view.camera import camera_view
from vpengine.view.light import Light
from vpengine.view.view import View

NOBODY = Eye(PROGRAM, "")  # whose the faces of a surround are
NOBODY_YET = Eye(PREVIEW, "")  # and of the one at the location that stands by
KEY = "request"  # of the pictures that a frame makes
_MEANWHILE = "the pictures that there are stay"


@dataclass(frozen=True)
class RequestSettings:
    """resolution: at best. shortest_s: between two requests, on average. overscan_percent: per side, beyond the
    lens's view.

    busy_s: a frame that has worked for so long begins no request, but leaves it to the next one.
    """

    resolution: tuple[int, int]
    overscan_percent: float
    shortest_s: float
    busy_s: float = float("inf")


MOST_PUT_OFF = 3  # frames; a machine that is always busy still asks
LONGEST_HALF_S = 1.0  # a plate that was drawn so long ago shows where the camera was, not where it will be
FACES_BETWEEN = 2  # of the surround, which is to be whole soon after a look has come to rest
STANDBY_FACES_BETWEEN = 1  # of the one at the location that stands by, when the program's is whole
PREVIEW_WAITS_S = 1.0  # then what stands by has its turn, although what is on the walls wants more


@dataclass(frozen=True, eq=False)
class Wanted:
    """What a request asks, before its plate has come down. submitted_s: when its frame began.

    face: it is a part of the location's surround, and for no camera.
    """

    epoch: int
    location: str
    look: Look
    view: View
    eye: Eye
    submitted_s: float
    face: SurroundFace | None = None

    def same_as(self, other: Wanted) -> bool:
        ours, theirs = ((each.epoch, each.location, each.look, each.eye) for each in (self, other))
        return ours == theirs and self.view.same_as(other.view)


@dataclass(frozen=True, kw_only=True)
class DrawRequest(Job):
    """The plate at a request's View. part: of the wanted rate of requests."""

    wanted: Wanted
    part: float


@dataclass(frozen=True, kw_only=True)
class BringDown(Job):
    """What a DrawRequest drew in a frame before, on the CPU: in ``room``, or in memory of its own."""

    wanted: Wanted
    room: Room | None


@dataclass
class _Asked:
    """last: what an eye asked; None: nothing yet, or it must be asked again. before: also where it was lost."""

    last: Wanted | None = None
    before: Wanted | None = None


class Requests:
    """Decides in which frames the generator is asked, and for which eye, and draws what it is asked from.

    The work is spread over two frames: one draws the plate, the next brings it down, before anything else is drawn; a
    plate that was drawn is good for the first frame that finds it done, and for no other. Nothing new is asked while
    an eye's location, View and look are those of its last request: with a camera that stands still and a look that
    rests, the generator rests too. The eyes take turns; those of the preview have theirs when the program's want
    nothing, or after PREVIEW_WAITS_S. Between two of them up to FACES_BETWEEN faces of the surround are made (then up
    to STANDBY_FACES_BETWEEN of one that stands by), and more where no eye wants anything. For what is baked nobody
    asks.
    """

    def __init__(
        self,
        camera: RequestCamera,
        plates: Plates,
        settings: RequestSettings,
        clock: Callable[[], float] = time.monotonic,
        stations: Stations | None = None,
        current: CurrentWorld | None = None,
    ) -> None:
        """stations: whose surrounds are made; by default none are. current: for a generator that continues it."""
        self._camera = camera
        self._plates = plates
        self._settings = settings
        self._clock = clock
        self._number = self._put_off = 0
        self._due_s = -np.inf
        self._stations = stations
        self._current = current
        self._faces = FACES_BETWEEN  # since an eye had its turn: it has the first
        self._asked: dict[Eye, _Asked] = {}
        self._size = 1.0
        self._begun: Wanted | None = None
        self._bringing: BringDown | None = None

    @property
    def drawers(self) -> Mapping[type[Job], Drawer]:
        """How the executor draws each kind of job."""
        return {DrawRequest: self._draw, BringDown: self._bring_down}

    def warm(self, frame: FrameInput) -> None:
        """Draw a request once, before the first frame."""
        settings = self._settings
        camera = next(iter(frame.cameras.values()))
        view = camera_view(camera.request_pose, camera.lens, settings.resolution, settings.overscan_percent)
        location = frame.program.target
        self._camera.take(self._plates[location], location, view, 0)
        if self._stations is not None:
            self._camera.take(self._plates[location], location, self._stations.any_view(), 0)

    def forget(self) -> None:
        """The next frame asks again, whatever was asked before: an answer was lost, or nothing is wanted now."""
        self._begun = None
        self._due_s = -np.inf
        for asked in self._asked.values():
            asked.last = None
        if self._stations is not None:
            self._stations.forget()

    def refresh(self) -> None:
        """Everything is asked anew, also what has been answered."""
        self.forget()
        if self._stations is not None:
            self._stations.refresh()

    def skip(self) -> None:
        """A frame that cannot ask: a plate that was drawn for the generator is not good any more."""
        if self._begun is not None:
            self._give_up(self._begun)

    def _give_up(self, begun: Wanted) -> None:
        """A plate that was drawn is not brought down: who wanted it is asked for again, at once."""
        self._begun = None
        self._due_s = -np.inf
        if begun.face is None:
            self._asked[begun.eye].last = None
        elif self._stations is not None:
            self._stations.lose(begun.face)

    def plan(
        self,
        frame: FrameInput,
        now_s: float,
        room: Room | None = None,
        eyes: Collection[Eye] | None = None,
        size: float = 1.0,
    ) -> list[Job]:
        """The job of a frame that may ask, if it has one. now_s: when the frame began.

        room: where whoever is asked would have the plate. eyes: those that are seen; by default all. size: of the
        wanted sides, what may be asked.
        """
        self._size = size
        begun = self._begun
        if begun is not None and _is_good(begun, frame, now_s):
            return [self._brought_down(begun, frame, room)] if self._camera.ready() else []
        if begun is not None:
            self._give_up(begun)
        wanted = self._next(frame, now_s, eyes) if now_s >= self._due_s else None
        if wanted is None:
            return []
        part = RUNGS[frame.rung].requests
        name = "request, its plate"
        return [DrawRequest(name=name, priority=REQUEST, meanwhile=_MEANWHILE, wanted=wanted, part=part)]

    def _brought_down(self, begun: Wanted, frame: FrameInput, room: Room | None) -> BringDown:
        """It asks what is wanted now: a plate is the same for all looks."""
        self._begun = None
        asked = replace(begun, epoch=frame.epoch, look=frame.buses[begun.eye.bus].look)
        name = "request, brought down"
        self._bringing = BringDown(name=name, priority=READ, meanwhile=_MEANWHILE, writes=KEY, wanted=asked, room=room)
        return self._bringing

    def finished(self, pictures: Pictures) -> Request | None:
        """The request that this frame brought down, after its jobs have run."""
        job, self._bringing = self._bringing, None
        if job is None:
            return None
        plate: ImageSet | None = pictures.get(KEY)
        pictures.forget(KEY)  # its memory may be another's, who uses it again
        if plate is None:  # it failed
            self.forget()
            return None
        wanted = job.wanted
        self._note(wanted)
        bus, camera = wanted.eye
        return Request(
            self.next_number(),
            wanted.epoch,
            wanted.location,
            plate,
            wanted.look,
            wanted.submitted_s,
            bus=bus,
            camera=camera,
            face=wanted.face,
            continues=self._continues(wanted, plate),
        )

    def _continues(self, wanted: Wanted, plate: ImageSet) -> float:
        if self._current is None or plate.current is None:
            return 0.0
        return self._current.agreement(_whose(wanted), wanted.location, wanted.look)

    def next_number(self) -> int:
        """A take has a keyframe by its number: nobody else has this one."""
        self._number += 1
        return self._number

    def _draw(self, job: DrawRequest, _: Pictures) -> None:
        wanted = job.wanted
        if self._too_busy(wanted.submitted_s):
            return
        self._camera.draw(self._plates[wanted.location], wanted.view, wanted.look.seed, self._current_of(wanted))
        self._begun = wanted
        self._note(wanted)
        self._faces = 0 if wanted.face is None else self._faces + 1
        self._pace(wanted, job.part)

    def _current_of(self, wanted: Wanted) -> DrawCurrent | None:
        """How what is on the walls already is drawn, where it is of the look that is wanted."""
        current, eye, location = self._current, _whose(wanted), wanted.location
        if current is None or current.agreement(eye, location, wanted.look) <= 0.0:
            return None
        return lambda plate, target: current.draw(eye, location, plate, target)

    def _bring_down(self, job: BringDown, _: Pictures) -> ImageSet:
        return self._camera.bring_down(job.wanted.location, job.wanted.view, job.room)

    def _note(self, wanted: Wanted) -> None:
        if wanted.face is None:
            self._asked[wanted.eye] = _Asked(wanted, wanted)
        elif self._stations is not None:
            self._stations.note(wanted.face, wanted.epoch, wanted.look, wanted.view.time_s, wanted.view.light)

    def _pace(self, wanted: Wanted, part: float) -> None:
        """When the next may be asked, at ``part`` of the wanted rate; sooner after a face, which has fewer pixels.

        Frames come in steps: what this one waited for its frame, the next waits less.
        """
        pixels, full = prod(wanted.view.resolution), prod(self._settings.resolution)
        size = min(pixels / full, 1.0) if wanted.face is not None else 1.0
        now_s = wanted.submitted_s
        shortest_s, waited_s = size * self._settings.shortest_s / part, now_s - self._due_s
        self._due_s = now_s + shortest_s - (waited_s if waited_s < 0.5 * shortest_s else 0.0)

    def _too_busy(self, begin_s: float) -> bool:
        """A picture for the generator must not make the wall's late."""
        busy = self._clock() - begin_s > self._settings.busy_s and self._put_off < MOST_PUT_OFF
        self._put_off = self._put_off + 1 if busy else 0
        return busy

    def _next(self, frame: FrameInput, now_s: float, eyes: Collection[Eye] | None) -> Wanted | None:
        """What whoever's turn it is would ask; None when nobody has anything new to say."""
        face = self._face(frame, now_s)
        if face is not None and self._faces < _between(face):
            return face
        if eyes is None:
            eyes = [Eye(bus, camera) for bus in frame.buses for camera in frame.cameras]
        for eye in sorted(eyes, key=lambda eye: self._turn(eye, now_s)):
            wanted = self._wanted(frame, eye, now_s)
            if wanted is not None:
                return wanted
        return face

    def _face(self, frame: FrameInput, now_s: float) -> Wanted | None:
        """The part of the surround that is wanted most: of what is on the walls, then of what stands by."""
        if self._stations is None or frame.locked:
            return None
        state, eye, found = frame.program, NOBODY, None
        if not state.baked:
            found = self._stations.wanted(frame, moves(self._plates, state.target), self._light(state))
        if found is None and frame.elsewhere is not None:
            state, eye = frame.elsewhere, NOBODY_YET
            found = self._stations.wanted_standby(frame, self._light(state))
        if found is None:
            return None
        view = replace(found.view, playhead=frame.playhead(state.target))
        return Wanted(frame.epoch, state.target, state.look, view, eye, now_s, found.face)

    def _light(self, state: BusState) -> Light:
        return light_on(self._plates, state.target, state.light)

    def _turn(self, eye: Eye, now_s: float) -> tuple[bool, float]:
        """What is asked first: the program, unless another has waited for long; then who was asked longest ago."""
        before = self._asked.get(eye, _Asked()).before
        since_s = before.submitted_s if before is not None else -np.inf
        return eye.bus != PROGRAM and now_s - since_s < PREVIEW_WAITS_S, since_s

    def _wanted(self, frame: FrameInput, eye: Eye, now_s: float) -> Wanted | None:
        """What this frame would ask for an eye; None when that says nothing new."""
        settings, asked = self._settings, self._asked.get(eye, _Asked())
        state, location, look = frame.cameras[eye.camera], frame.buses[eye.bus].target, frame.buses[eye.bus].look
        if frame.buses[eye.bus].baked or (look.plain and _is_plain(asked, location)):
            return None  # the answer is there already; one plain keyframe is asked for when a look has ended
        time_s, size = frame.tick.display_time_s, _request_size(settings.resolution, self._size, frame.rung)
        view = camera_view(state.request_pose, state.lens, size, settings.overscan_percent, time_s)
        bus = frame.buses[eye.bus]
        view = replace(
            view, light=self._light(bus), playhead=frame.playhead(location), placement=bus.placement(location)
        )
        wanted = Wanted(frame.epoch, location, look, view, eye, now_s)
        if asked.last is None or not wanted.same_as(asked.last):
            return wanted
        return wanted if moves(self._plates, location) and time_s != asked.last.view.time_s else None


def _between(face: Wanted) -> int:
    return FACES_BETWEEN if face.eye == NOBODY else STANDBY_FACES_BETWEEN


def _whose(wanted: Wanted) -> Eye | None:
    """The eye that a picture is for; None for all."""
    return wanted.eye if wanted.face is None else None


def asked_sizes(settings: NeuralSettings, size: float = 1.0) -> tuple[tuple[int, int], ...]:
    """Width and height of all that a generator may be asked for on a stage; the camera's at best first.

    size: of the camera's pictures' wanted sides, what may be asked.
    """
    around = [(settings.surround_px,) * 2] if settings.surround_px else []
    best, *smaller = (_request_size(settings.resolution, size, rung) for rung in range(len(RUNGS)))
    return tuple(dict.fromkeys([best, *around, *smaller]))


def _request_size(wanted: tuple[int, int], size: float, rung: int) -> tuple[int, int]:
    """Width and height of a request's plate."""
    width, height = wanted
    size *= RUNGS[rung].request_size
    return max(round(width * size), 1), max(round(height * size), 1)


def _is_good(begun: Wanted, frame: FrameInput, now_s: float) -> bool:
    """Whether a plate that was drawn still shows what its bus is to show, and where its camera will be."""
    state = frame.buses.get(begun.eye.bus)
    if state is None or state.baked:
        return False
    return begun.location == state.target and now_s - begun.submitted_s < LONGEST_HALF_S


def _is_plain(asked: _Asked, location: str) -> bool:
    """Whether no look was asked for at ``location``, or its end has been asked for and was not lost."""
    before = asked.before
    return before is None or before.location != location or (before.look.plain and asked.last is not None)
