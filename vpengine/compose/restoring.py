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
from vpengine.frames.feed import PROGRAM
from vpengine.frames.frame_input import BusState
from vpengine.frames.keyframe import Keyframe, Request, SurroundFace, Timings
from vpengine.gpu.executor import Drawer, Pictures
from vpengine.gpu.job import REQUEST, Job
from vpengine.stage.show_file import Scene
from vpengine.takes.log import Redraw
from vpengine.takes.surround import Place, StoredKeyframe, stored_for

log = logging.getLogger(__name__)

NAME = "stored surround"
MEANWHILE = "the surround is generated"


@dataclass(frozen=True, eq=False)
class LoadedKeyframe:
    """finish: makes the keyframe when its plate is drawn; its other pictures are in memory."""

    stored: StoredKeyframe
    finish: Callable[[Redraw], Keyframe]


def load_keyframes(
    found: Iterable[StoredKeyframe], home_m: Iterable[float], rooms: int, instead: str = "it is generated"
) -> list[LoadedKeyframe]:
    """Cameras' pictures, and faces of as many stations as there are ``rooms``: the one at home, then those made last;
    of each those that were made first, which the camera looked towards. What is damaged is left out, with a warning.
    """
    stations: dict[Place, list[StoredKeyframe]] = {}
    pictures = []
    for stored in reversed(list(found)):
        if stored.index is None:
            pictures.append(stored)
        else:
            stations.setdefault(stored.place, []).append(stored)
    home = np.array(tuple(home_m), float)
    chosen = sorted(stations.values(), key=lambda faces: not np.allclose(faces[0].view.origin_m, home))[:rooms]
    loaded = []
    for stored in (stored for group in (pictures, *chosen) for stored in reversed(group)):
        try:
            loaded.append(LoadedKeyframe(stored, stored.load()))
        except UserError as error:
            log.warning("%s; %s.", error, instead)
    return loaded


def load_stored(
    scenes: Iterable[Scene], resolution: int, home_m: Iterable[float], rooms: int
) -> dict[str, list[LoadedKeyframe]]:
    """What scenes have stored, by slug; what cannot be shown is left out, with a warning."""
    loaded = {}
    for scene in scenes:
        try:
            instead = "it is generated" if scene.baked is None else "the rest of the bake is shown"
            loaded[scene.slug] = load_keyframes(stored_for(scene, resolution), home_m, rooms, instead)
        except UserError as error:
            instead = "Its surround is generated." if scene.baked is None else "It is not baked in this run."
            log.warning("scene %s: %s. %s", scene.slug, error, instead)
    return {slug: faces for slug, faces in loaded.items() if faces}


@dataclass(frozen=True, eq=False)
class Coming:
    """A keyframe on its way: which face it is in this run, if it is one, and what the take of this run calls it."""

    loaded: LoadedKeyframe
    face: SurroundFace | None
    number: int


@dataclass(frozen=True, kw_only=True)
class RestoreKeyframe(Job):
    """The plate at a stored keyframe's View; the next frame brings it down."""

    coming: Coming


class Restoring:
    """scenes: what those have stored that have something, by slug. next_number: a keyframe's, which no other has.

    baked: of these scenes, those whose keyframes come only where the program says that it is baked.
    """

    def __init__(
        self,
        camera: RequestCamera,
        plates: Plates,
        stations: Stations | None,
        next_number: Callable[[], int],
        scenes: Mapping[str, Sequence[LoadedKeyframe]],
        baked: Collection[str] = (),
    ) -> None:
        self._camera = camera
        self._plates = plates
        self._stations = stations
        self._next_number = next_number
        self._scenes = scenes if stations is not None else {}
        self._baked = baked
        self._on: tuple[str, bool] | None = None  # the scene that was begun last, and whether it was baked
        self._epoch = 0
        self._left: deque[Coming] = deque()
        self._drawn: Coming | None = None
        self._numbers: dict[SurroundFace, int] = {}  # of the faces that were restored last
        self._restored: set[int] = set()  # the numbers of all that was

    @property
    def drawers(self) -> Mapping[type[Job], Drawer]:
        """How the executor draws each kind of job."""
        return {RestoreKeyframe: self._draw}

    def warm(self, location: str) -> None:
        """Draw a face once, before the first frame."""
        if self._scenes and self._stations is not None:
            self._camera.take(self._plates[location], location, self._stations.any_view(), 0)

    def take(self, program: BusState, epoch: int, time_s: float) -> tuple[Keyframe, ...]:
        """What the frame before drew, if it is done: the keyframe is one of ``epoch``. Never waits.

        A scene that has come on begins; so does one again whose keyframes are not all there when the epoch changes.
        """
        if (program.scene, program.baked) != self._on or (epoch != self._epoch and (self._left or self._drawn)):
            self._begin(program, epoch, time_s)
        if self._drawn is None or not self._camera.ready():
            return ()
        coming, self._drawn = self._drawn, None
        assert self._stations is not None
        location, view = program.target, coming.loaded.stored.view
        try:
            plate = self._camera.bring_down(location, view)
            made = coming.loaded.finish(lambda *_: plate)
        except Exception:  # whatever it is, the executor tells of it
            if coming.face is not None:
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
        self._on, self._epoch, self._drawn = (program.scene, program.baked), epoch, None
        self._left.clear()
        self._numbers.clear()
        comes = program.baked or program.scene not in self._baked
        scene = self._scenes.get(program.scene, ()) if comes else ()
        self._left += [Coming(each, None, self._next_number()) for each in scene if each.stored.index is None]
        for loaded in _by_station(each for each in scene if each.stored.index is not None):
            self._left += self._station(program.target, loaded, epoch, time_s)
        self._numbers = {coming.face: coming.number for coming in self._left if coming.face is not None}
        self._restored = {coming.number for coming in self._left}

    def _station(self, location: str, loaded: Sequence[LoadedKeyframe], epoch: int, time_s: float) -> Iterable[Coming]:
        assert self._stations is not None
        by_face = {each.stored.index: each for each in loaded if each.stored.index is not None}
        made = {index: (epoch, each.stored.look) for index, each in by_face.items()}
        number = self._stations.restore(location, loaded[0].stored.view.origin_m, made, time_s)
        if number is None:
            return []
        return [Coming(each, SurroundFace(number, index), self._next_number()) for index, each in by_face.items()]

    def newer(self, keyframes: Iterable[Keyframe]) -> tuple[Keyframe, ...]:
        """Of a generator's those that take no restored face's place: not asked before it was, nor for a station that
        has given way since. What is baked is shown by none of them.
        """
        return tuple(keyframe for keyframe in keyframes if self._is_newer(keyframe.request))

    def _is_newer(self, request: Request) -> bool:
        face, baked = request.face, self._on is not None and self._on[1]
        if baked and request.bus == PROGRAM:
            return False
        if face is None or self._stations is None:
            return True
        holds = self._stations.holds(face, request.location, request.plate.view.origin_m)
        return holds and request.number > self._numbers.get(face, 0)

    def plan(self) -> list[Job]:
        """The frame's job, while faces are left and none waits to be brought down."""
        if not self._left or self._drawn is not None:
            return []
        return [RestoreKeyframe(name=NAME, priority=REQUEST, meanwhile=MEANWHILE, coming=self._left[0])]

    def lost(self, keyframes: Collection[Keyframe]) -> None:
        """A frame failed to take these in: where some were restored, all of the scene's come again."""
        if {keyframe.request.number for keyframe in keyframes} & self._restored:
            self._on = None

    def _draw(self, job: RestoreKeyframe, _: Pictures) -> None:
        stored = job.coming.loaded.stored
        self._camera.draw(self._plates[stored.location], stored.view, stored.look.seed)
        self._drawn = self._left.popleft()


def _by_station(faces: Iterable[LoadedKeyframe]) -> Iterable[list[LoadedKeyframe]]:
    stations: dict[Place, list[LoadedKeyframe]] = {}
    for loaded in faces:
        stations.setdefault(loaded.stored.place, []).append(loaded)
    return stations.values()
