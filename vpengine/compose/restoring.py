"""A stored surround comes back, a face a frame, as if it had just been made: when its scene comes on to the program, or
before that, when it stands by at a location that is not on the walls.
"""

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


Stored = Mapping[str, Sequence[LoadedKeyframe]]  # by a scene's slug


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
    """A keyframe on its way: which face it is in this run, if it is one, and what the take of this run calls it.

    ahead: its scene is not on the program yet.
    """

    loaded: LoadedKeyframe
    location: str
    face: SurroundFace | None
    number: int
    ahead: bool = False


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
        scenes: Stored,
        baked: Collection[str] = (),
    ) -> None:
        self._camera = camera
        self._plates = plates
        self._stations = stations
        self._next_number = next_number
        self._scenes = scenes if stations is not None else {}
        self._baked = baked
        self._on: tuple[str, bool, str] | None = None  # the scene begun last, whether it was baked, and its location
        self._moved: set[str] = set()  # scenes that a change of the show has at another location, perhaps not yet on
        self._epoch = 0
        self._left: deque[Coming] = deque()
        self._drawn: Coming | None = None
        self._standing: tuple[str, bool] | None = None  # the scene that was begun ahead
        self._ahead: dict[SurroundFace, int] = {}  # of its faces those that came, with their numbers
        self._numbers: dict[SurroundFace, int] = {}  # of the faces that were restored last
        self._restored: set[int] = set()  # the numbers of all that was

    def take_scenes(self, scenes: Stored, baked: Collection[str]) -> None:
        """Another version of the show. What is on its way comes again, unless its scene has the very same stored."""
        if self._stations is None:
            return
        stored = {
            slug: self._scenes[slug] if _same(self._scenes.get(slug), new) else new for slug, new in scenes.items()
        }
        before, on, standing = self._scenes, self._on, self._standing
        if on is not None and self._scenes.get(on[0]) is not stored.get(on[0]):
            self._on, self._drawn = None, None
            self._left.clear()
        if standing is not None and self._scenes.get(standing[0]) is not stored.get(standing[0]):
            self._standing, self._ahead = None, {}
            self._drawn = None if self._drawn is not None and self._drawn.ahead else self._drawn
            self._left = deque(coming for coming in self._left if not coming.ahead)
        self._moved |= {slug for slug, faces in stored.items() if faces is not before.get(slug)}
        self._scenes, self._baked = stored, baked

    @property
    def drawers(self) -> Mapping[type[Job], Drawer]:
        """How the executor draws each kind of job."""
        return {RestoreKeyframe: self._draw}

    def warm(self, location: str) -> None:
        """Draw a face once, before the first frame."""
        if self._scenes and self._stations is not None:
            self._camera.take(self._plates[location], location, self._stations.any_view(), 0)

    def take(
        self, program: BusState, epoch: int, time_s: float, elsewhere: BusState | None = None
    ) -> tuple[Keyframe, ...]:
        """What the frame before drew, if it is done: the keyframe is one of ``epoch``. Never waits.

        A scene that has come on begins; so does one again whose keyframes are not all there when the epoch changes.
        elsewhere: what stands by at a location that is not on the walls; its faces come when the program's are there.
        """
        if (program.scene, program.baked, program.target) != self._on or (epoch != self._epoch and self._lacks()):
            self._begin(program, epoch, time_s)
        if not self._lacks():
            self._begin_ahead(program, elsewhere, epoch, time_s)
        if self._drawn is None or not self._camera.ready():
            return ()
        coming, self._drawn = self._drawn, None
        return (self._finished(coming, epoch, time_s),)

    def _lacks(self) -> bool:
        """Whether the program's are not all there."""
        return any(not coming.ahead for coming in (self._drawn, *self._left) if coming is not None)

    def _finished(self, coming: Coming, epoch: int, time_s: float) -> Keyframe:
        assert self._stations is not None
        try:
            plate = self._camera.bring_down(coming.location, coming.loaded.stored.view)
            made = coming.loaded.finish(lambda *_: plate)
        except Exception:  # whatever it is, the executor tells of it
            if coming.face is not None:
                self._stations.lose(coming.face)  # it is generated
            raise
        if coming.ahead and coming.face is not None:
            self._ahead[coming.face] = coming.number
        request = replace(
            made.request,
            number=coming.number,
            epoch=epoch,
            location=coming.location,
            face=coming.face,
            submitted_s=time_s,
        )
        return replace(made, request=request, timings=Timings(time_s, time_s, made.timings.work_s))

    def _begin(self, program: BusState, epoch: int, time_s: float) -> None:
        there = self._there(program)
        self._on, self._epoch, self._drawn = (program.scene, program.baked, program.target), epoch, None
        self._standing, self._ahead = None, {}
        scene = self._stored_of(program)
        self._left.clear()
        self._left += [
            Coming(each, program.target, None, self._next_number()) for each in scene if each.stored.index is None
        ]
        faces = [coming for coming in self._faces(scene, program.target, epoch, time_s) if coming.face not in there]
        self._left += faces
        self._numbers = dict(there) | {coming.face: coming.number for coming in faces if coming.face is not None}
        self._restored = {coming.number for coming in self._left} | set(there.values())

    def _there(self, program: BusState) -> Mapping[SurroundFace, int]:
        """What came ahead of a scene that comes on, and still has its room."""
        if self._standing != (program.scene, program.baked) or self._stations is None:
            return {}
        eyes_m = [each.stored.view.origin_m for each in self._stored_of(program) if each.stored.index is not None]
        return {
            face: number
            for face, number in self._ahead.items()
            if any(self._stations.holds(face, program.target, eye_m) for eye_m in eyes_m)
        }

    def _begin_ahead(self, program: BusState, elsewhere: BusState | None, epoch: int, time_s: float) -> None:
        """Its faces alone: a camera's pictures are good from where that is when the scene comes on."""
        standing = (elsewhere.scene, elsewhere.baked) if elsewhere is not None else None
        if standing == self._standing:
            return
        self._standing, self._ahead, self._drawn = standing, {}, None
        self._left.clear()
        if elsewhere is not None:
            scene = self._stored_of(elsewhere)
            self._left += self._faces(scene, elsewhere.target, epoch, time_s, beside=program)
            self._numbers |= {coming.face: coming.number for coming in self._left if coming.face is not None}
            self._restored |= {coming.number for coming in self._left}

    def _stored_of(self, state: BusState) -> Sequence[LoadedKeyframe]:
        comes = state.baked or state.scene not in self._baked
        stored = self._scenes.get(state.scene, ()) if comes else ()
        if state.scene not in self._moved:
            return stored
        return [each for each in stored if each.stored.location == state.target]

    def _faces(
        self,
        scene: Sequence[LoadedKeyframe],
        location: str,
        epoch: int,
        time_s: float,
        beside: BusState | None = None,
    ) -> Iterable[Coming]:
        """Of every station that there is room for."""
        if self._stations is None:
            return
        for loaded in _by_station(each for each in scene if each.stored.index is not None):
            by_face = {each.stored.index: each for each in loaded if each.stored.index is not None}
            made = {index: (epoch, each.stored.look, each.stored.view.light) for index, each in by_face.items()}
            number = self._stations.restore(location, loaded[0].stored.view.origin_m, made, time_s, beside)
            if number is not None:
                for index, each in by_face.items():
                    face, ahead = SurroundFace(number, index), beside is not None
                    yield Coming(each, location, face, self._next_number(), ahead)

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
            self._on = self._standing = None
            self._ahead = {}

    def refused(self, keyframes: Iterable[Keyframe]) -> None:
        """The gate does not let these in: where they are faces, what may be shown is generated in their place."""
        for keyframe in keyframes:
            face = keyframe.request.face
            if face is not None and self._stations is not None:
                self._stations.lose(face)
                self._ahead.pop(face, None)

    def _draw(self, job: RestoreKeyframe, _: Pictures) -> None:
        stored = job.coming.loaded.stored
        self._camera.draw(self._plates[stored.location], stored.view, stored.look.seed)
        self._drawn = self._left.popleft()


def _same(before: Sequence[LoadedKeyframe] | None, now: Sequence[LoadedKeyframe]) -> bool:
    """Whether both are the same faces and pictures of the same takes, at the same location."""
    return before is not None and [each.stored.key for each in before] == [each.stored.key for each in now]


def _by_station(faces: Iterable[LoadedKeyframe]) -> Iterable[list[LoadedKeyframe]]:
    stations: dict[Place, list[LoadedKeyframe]] = {}
    for loaded in faces:
        stations.setdefault(loaded.stored.place, []).append(loaded)
    return stations.values()
