"""Which face of which station's surround is to be made next. Pure: no OpenGL, and told of all that it depends on."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from vpengine.frames.frame_input import BusState, FrameInput
from vpengine.frames.keyframe import SurroundFace
from vpengine.frames.look import Look
from vpengine.view.light import DAY, Light
from vpengine.view.surround import FACES, surround_directions, surround_view
from vpengine.view.view import View

APART_M = 2.0  # a camera that is farther from every station gets one where it is
OLD_S = 2.0  # where the plate moves
UNDER_WAY = 3  # faces that may be asked and not yet be shown: one drawn, and as many as a host works on

Array = NDArray[np.floating]
Asked = tuple[int, Look, Light]


@dataclass
class _Station:
    """asked: the epoch, look and light that each face was last asked with. stored: of these, faces of another run whose
    scene is still coming on. made_s: the plate's time then.
    """

    location: str
    eye_m: Array
    asked: dict[int, Asked] = field(default_factory=dict)
    stored: set[int] = field(default_factory=set)
    made_s: dict[int, float] = field(default_factory=dict)
    used_s: float = -np.inf

    def agreement(self, face: int, epoch: int, look: Look) -> float:
        """Of a look with the one that a face was last asked with; none where it was not."""
        asked = self.asked.get(face)
        return asked[1].agreement(look) if asked is not None and asked[0] == epoch else 0.0


@dataclass(frozen=True, eq=False)
class WantedFace:
    """face: which. view: what its plate is drawn with."""

    face: SurroundFace
    view: View


class Stations:
    """Keeps a book of what was asked. Every location has a station at home, where the outer picture is seen from, and
    more where its camera went; where there is no room for another, the one that nobody used for longest goes. Places
    are in the plate's own space (``view.placement``): where its world is moved, stations go with it.
    """

    def __init__(self, home_m: Iterable[float], resolution: int, rooms: int) -> None:
        """resolution: the side of a face in pixels. rooms: how many stations there may be, all locations together."""
        self._home_m = np.array(tuple(home_m), float)
        self._resolution = resolution
        self._rooms: list[_Station | None] = [None] * max(rooms, 1)
        self._under_way: deque[SurroundFace] = deque(maxlen=UNDER_WAY)
        self._look: Look | None = None  # that was asked about last

    def any_view(self) -> View:
        """Of the kind that faces are drawn with."""
        return surround_view(self._home_m, 0, self._resolution)

    def wanted(self, frame: FrameInput, moves: bool = False, light: Light = DAY) -> WantedFace | None:
        """The face that the program's location lacks most: round the station nearest to a camera, where that looks.

        moves: its plate does; faces of more than OLD_S ago are made again, the oldest first. light: that it is under.
        """
        state, time_s = frame.program, frame.tick.display_time_s
        if state.look.plain or state.look.view_consistency <= 0.0:
            return None  # the plate is the answer, or the faces would not be shown
        poses = _in_plate(frame, state)
        asks = (frame.epoch, state.look, light)
        rests, self._look = state.look == self._look, state.look
        lacking: list[tuple[tuple[float, ...], SurroundFace]] = []
        for location, _ in state.shares:
            home = self._home(location)
            if location != state.target and home is not None:  # it is seen yet: nobody takes its room
                self._use(home, time_s)
        for near, number in enumerate(self._in_use(state.target, poses, time_s)):
            station = self._station(number)
            if rests:
                station.stored.clear()
            for place, index in enumerate(_by_direction(poses[0])):
                made_s = station.made_s.get(index, -np.inf)
                if station.asked.get(index) != asks and index not in station.stored:
                    # Each has its turn while a look moves on; what is of quite another look is as good as none.
                    agreement = station.agreement(index, frame.epoch, state.look)
                    turn_s = made_s if agreement > 0.0 else -np.inf
                    lacking.append(((agreement, turn_s, near, place), SurroundFace(number, index)))
                elif moves and time_s - made_s >= OLD_S:
                    lacking.append(((np.inf, made_s, place), SurroundFace(number, index)))
        return self._wanted(min(lacking, key=lambda each: each[0])[1], time_s, light) if lacking else None

    def wanted_standby(self, frame: FrameInput, light: Light = DAY) -> WantedFace | None:
        """The face round home that lacks at the location that stands by, after what the program wanted in this frame.

        Whatever its epoch: a face that is there is shown, in the first frame that its location is in.
        """
        state, time_s = frame.elsewhere, frame.tick.display_time_s
        if state is None or state.baked or state.look.plain or state.look.view_consistency <= 0.0:
            return None
        home = self._home(state.target)
        number = self._made(state.target, self._home_m, time_s, beside=frame.program) if home is None else home
        if number is None:
            return None
        asked = self._station(self._use(number, time_s)).asked
        lacking = (
            index
            for index in _by_direction(_in_plate(frame, state)[0])
            if index not in asked or asked[index][1:] != (state.look, light)
        )
        index = next(lacking, None)
        return self._wanted(SurroundFace(number, index), time_s, light) if index is not None else None

    def _wanted(self, face: SurroundFace, time_s: float, light: Light) -> WantedFace:
        view = surround_view(self._station(face.station).eye_m, face.face, self._resolution, time_s)
        return WantedFace(face, replace(view, light=light))

    def note(self, face: SurroundFace, epoch: int, look: Look, time_s: float = -np.inf, light: Light = DAY) -> None:
        """It has been asked. time_s, light: the plate's."""
        station = self._rooms[face.station]
        if station is not None:
            station.asked[face.face] = (epoch, look, light)
            station.made_s[face.face] = time_s
            if face in self._under_way:
                self._under_way.remove(face)
            self._under_way.append(face)

    def lose(self, face: SurroundFace) -> None:
        """It was asked, and will not be answered: it is asked again."""
        station = self._rooms[face.station]
        if station is not None:
            station.asked.pop(face.face, None)
            station.stored.discard(face.face)

    def holds(self, face: SurroundFace, location: str, eye_m: Array) -> bool:
        """Whether the station that a face was asked for is in its room still, and has not given way to another."""
        station = self._rooms[face.station]
        return station is not None and station.location == location and np.allclose(station.eye_m, eye_m)

    def restore(
        self,
        location: str,
        eye_m: Array,
        made: Mapping[int, Asked],
        time_s: float,
        beside: BusState | None = None,
    ) -> int | None:
        """A station some of whose faces were ``made`` before: with that epoch, look and light they count as asked.

        The number of its room; None where there is none. While its scene's look moves to where it will rest, nothing
        is asked in the place of these. beside: the program, whose locations keep their rooms.
        """
        number = next((n for n in self._of(location) if np.allclose(self._eye_m(n), eye_m)), None)
        if number is None:
            here_m = self._home_m if np.allclose(eye_m, self._home_m) else eye_m
            number = self._made(location, here_m, time_s, beside)
        if number is None:
            return None
        self._use(number, time_s)
        station, self._look = self._station(number), None
        station.asked.update(made)
        station.stored = set(made)
        kept = [face for face in self._under_way if face.station != number or face.face not in made]
        self._under_way = deque(kept, maxlen=UNDER_WAY)
        return number

    def forget(self) -> None:
        """What is under way may be lost: it is asked again."""
        while self._under_way:
            self.lose(self._under_way.pop())

    def refresh(self) -> None:
        """All faces are made anew."""
        for station in self._rooms:
            if station is not None:
                station.asked.clear()
                station.stored.clear()

    def _in_use(self, location: str, poses: list[Array], time_s: float) -> list[int]:
        """The stations that a frame draws from: those nearest to each camera, then home. Makes those that lack."""
        home = self._home(location)
        if home is None:
            home = self._made(location, self._home_m, time_s)
        if home is not None:
            self._use(home, time_s)
        found = []
        for pose in poses:
            place_m = pose[:3, 3]
            nearest = min(self._of(location), key=lambda number: self._distance_m(number, place_m))
            if self._distance_m(nearest, place_m) > APART_M:
                made = self._made(location, place_m, time_s)
                nearest = nearest if made is None else made
            found.append(self._use(nearest, time_s))
        return list(dict.fromkeys(number for number in (*found, home) if number is not None))

    def _home(self, location: str) -> int | None:
        return next((n for n in self._of(location) if np.array_equal(self._eye_m(n), self._home_m)), None)

    def _use(self, number: int, time_s: float) -> int:
        self._station(number).used_s = time_s
        return number

    def _of(self, location: str) -> Iterator[int]:
        return (n for n, station in enumerate(self._rooms) if station is not None and station.location == location)

    def _station(self, number: int) -> _Station:
        station = self._rooms[number]
        assert station is not None
        return station

    def _eye_m(self, number: int) -> Array:
        return self._station(number).eye_m

    def _distance_m(self, number: int, place_m: Array) -> float:
        return float(np.linalg.norm(self._eye_m(number) - place_m))

    def _made(self, location: str, eye_m: Array, time_s: float, beside: BusState | None = None) -> int | None:
        """A station in an empty room, or in the one that nobody used for longest; None where this frame uses all.

        beside: the program, whose locations keep their rooms.
        """
        kept = dict(beside.shares) if beside is not None else {}
        used_s = [
            -np.inf if station is None else time_s if station.location in kept else station.used_s
            for station in self._rooms
        ]
        number = int(np.argmin(used_s))
        if used_s[number] >= time_s:
            return None
        self._rooms[number] = _Station(location, eye_m)
        return number


def _in_plate(frame: FrameInput, state: BusState) -> list[Array]:
    """Where the cameras will be in the space of the bus's plate, in the order of ``frame.cameras``: (4, 4) each."""
    plate_from_stage = state.placement(state.target).plate_from_stage
    return [plate_from_stage @ camera.request_pose.matrix() for camera in frame.cameras.values()]


def _by_direction(pose: Array) -> list[int]:
    """The faces, those that a camera looks towards first. pose: plate_from_camera, as ``_in_plate`` makes it."""
    forward = pose[:3, 1]
    return sorted(range(FACES), key=lambda index: -float(surround_directions()[index] @ forward))
