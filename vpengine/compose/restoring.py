"""A stored surround comes back: when its scene comes on to the program, a face a frame, as if it had just been made."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from vpengine.compose.drawable import Plates
from vpengine.compose.request_camera import RequestCamera
from vpengine.compose.stations import Stations
from vpengine.errors import UserError
from vpengine.frames.frame_input import BusState
from vpengine.frames.keyframe import Keyframe, Request, SurroundFace, Timings
from vpengine.gpu.executor import Drawer, Pictures
from vpengine.gpu.job import REQUEST, Job
from vpengine.stage.show_file import Scene
from vpengine.takes.log import Redraw
from vpengine.takes.surround import Place, StoredFace, faces_for

log = logging.getLogger(__name__)

NAME = "stored surround"
MEANWHILE = "the surround is generated"


@dataclass(frozen=True, eq=False)
class LoadedFace:
    """finish: makes the keyframe when its plate is drawn; its other pictures are in memory."""

    stored: StoredFace
    finish: Callable[[Redraw], Keyframe]


def load_faces(found: Iterable[StoredFace], home_m: Iterable[float], rooms: int) -> list[LoadedFace]:
    """Their pictures, of as many stations as there are ``rooms``: the one at home, then those made last; of each those
    that were made first, which the camera looked towards. A face that is damaged is left out, with a warning.
    """
    stations: dict[Place, list[StoredFace]] = {}
    for face in reversed(list(found)):
        stations.setdefault(face.place, []).append(face)
    home = np.array(tuple(home_m), float)
    chosen = sorted(stations.values(), key=lambda faces: not np.allclose(faces[0].view.origin_m, home))[:rooms]
    loaded = []
    for face in (face for faces in chosen for face in reversed(faces)):
        try:
            loaded.append(LoadedFace(face, face.load()))
        except UserError as error:
            log.warning("%s; it is generated.", error)
    return loaded


def load_stored(
    scenes: Iterable[Scene], resolution: int, home_m: Iterable[float], rooms: int
) -> dict[str, list[LoadedFace]]:
    """The faces that scenes have stored, by slug; what cannot be shown is left out, with a warning."""
    loaded = {}
    for scene in scenes:
        try:
            loaded[scene.slug] = load_faces(faces_for(scene, resolution), home_m, rooms)
        except UserError as error:
            log.warning("scene %s: %s. Its surround is generated.", scene.slug, error)
    return {slug: faces for slug, faces in loaded.items() if faces}


@dataclass(frozen=True, eq=False)
class Coming:
    """A face on its way: which it is in this run, and what the take of this run calls it."""

    loaded: LoadedFace
    face: SurroundFace
    number: int


@dataclass(frozen=True, kw_only=True)
class RestoreFace(Job):
    """The plate at a stored face's View; the next frame brings it down."""

    coming: Coming


class Restoring:
    """scenes: the stored faces of those that have some, by slug. next_number: a keyframe's, which no other has."""

    def __init__(
        self,
        camera: RequestCamera,
        plates: Plates,
        stations: Stations | None,
        next_number: Callable[[], int],
        scenes: Mapping[str, Sequence[LoadedFace]],
    ) -> None:
        self._camera = camera
        self._plates = plates
        self._stations = stations
        self._next_number = next_number
        self._scenes = scenes if stations is not None else {}
        self._on: str | None = None  # the scene that was begun last
        self._epoch = 0
        self._left: deque[Coming] = deque()
        self._drawn: Coming | None = None
        self._numbers: dict[SurroundFace, int] = {}  # of what was restored last

    @property
    def drawers(self) -> Mapping[type[Job], Drawer]:
        """How the executor draws each kind of job."""
        return {RestoreFace: self._draw}

    def warm(self, location: str) -> None:
        """Draw a face once, before the first frame."""
        if self._scenes and self._stations is not None:
            self._camera.take(self._plates[location], location, self._stations.any_view(), 0)

    def take(self, program: BusState, epoch: int, time_s: float) -> tuple[Keyframe, ...]:
        """What the frame before drew, if it is done: the face is one of ``epoch``. Never waits.

        A scene that has come on begins; so does one again whose faces are not all there when the epoch changes.
        """
        if program.scene != self._on or (epoch != self._epoch and (self._left or self._drawn)):
            self._begin(program, epoch, time_s)
        if self._drawn is None or not self._camera.ready():
            return ()
        coming, self._drawn = self._drawn, None
        assert self._stations is not None
        location, view = program.target, coming.loaded.stored.view
        try:
            plate = self._camera.bring_down(location, view)
            made = coming.loaded.finish(lambda *_: plate)
        except Exception:
            self._stations.lose(coming.face)  # it is generated
            raise
        request = replace(
            made.request,
            number=coming.number,
            epoch=epoch,
            location=location,
            face=coming.face,
            submitted_s=time_s,
        )
        return (replace(made, request=request, timings=Timings(time_s, time_s, made.timings.work_s)),)

    def _begin(self, program: BusState, epoch: int, time_s: float) -> None:
        self._on, self._epoch, self._drawn = program.scene, epoch, None
        self._left.clear()
        self._numbers.clear()
        for loaded in _by_station(self._scenes.get(program.scene, ())):
            self._left += self._station(program.target, loaded, epoch, time_s)
        self._numbers = {coming.face: coming.number for coming in self._left}

    def _station(self, location: str, loaded: Sequence[LoadedFace], epoch: int, time_s: float) -> Iterable[Coming]:
        assert self._stations is not None
        stored = [each.stored for each in loaded]
        made = {each.index: (epoch, each.look) for each in stored}
        number = self._stations.restore(location, stored[0].view.origin_m, made, time_s)
        if number is None:
            return []
        return [Coming(each, SurroundFace(number, each.stored.index), self._next_number()) for each in loaded]

    def newer(self, keyframes: Iterable[Keyframe]) -> tuple[Keyframe, ...]:
        """Of a generator's those that take no restored face's place: not asked before it was, nor for a station that
        has given way since.
        """
        return tuple(keyframe for keyframe in keyframes if self._is_newer(keyframe.request))

    def _is_newer(self, request: Request) -> bool:
        face = request.face
        if face is None or self._stations is None:
            return True
        holds = self._stations.holds(face, request.location, request.plate.view.origin_m)
        return holds and request.number > self._numbers.get(face, 0)

    def plan(self) -> list[Job]:
        """The frame's job, while faces are left and none waits to be brought down."""
        if not self._left or self._drawn is not None:
            return []
        return [RestoreFace(name=NAME, priority=REQUEST, meanwhile=MEANWHILE, coming=self._left[0])]

    def lost(self, keyframes: Collection[Keyframe]) -> None:
        """A frame failed to take these in: where some were restored, all of the scene's come again."""
        if {keyframe.request.number for keyframe in keyframes} & set(self._numbers.values()):
            self._on = None

    def _draw(self, job: RestoreFace, _: Pictures) -> None:
        stored = job.coming.loaded.stored
        self._camera.draw(self._plates[stored.location], stored.view, stored.look.seed)
        self._drawn = self._left.popleft()


def _by_station(faces: Iterable[LoadedFace]) -> Iterable[list[LoadedFace]]:
    stations: dict[Place, list[LoadedFace]] = {}
    for loaded in faces:
        stations.setdefault(loaded.stored.place, []).append(loaded)
    return stations.values()
