"""Surrounds: what a location looks like all round, generated from a few stations, for what no camera keyframe shows.

A station is the faces of view.surround made from one place of the plate's own space, so that it goes with the world
where that is moved on the stage (view.placement). All are kept in one atlas of three textures, the faces of a
station as four columns and two rows, the stations one above the other.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vpengine.compose.keyframe_textures import with_brightness
from vpengine.frames.keyframe import Keyframe, MadeOf
from vpengine.frames.look import Look
from vpengine.frames.pixels import Pixels
from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.passes import Bound
from vpengine.gpu.transfer import texels, write_part, write_rows
from vpengine.view.placement import AS_SET, Placement
from vpengine.view.surround import FACES, FOLD, SEAM, faces_from_stage
from vpengine.view.view import View, in_plate

FADE_S = 0.5  # a face follows its successor, and comes to be trusted, over this
FALL_S = 0.15  # and is not believed any more: where a cut is to another look, the old one does not linger
BLENDED = 2  # stations that a pixel is looked for in: those nearest to the eye
BYTES_A_PIXEL = 8 + 8 + 8  # gain, bias, depth with brightness
MOST_STATIONS, MOST_PIXELS = 16, 16384  # on a side of the atlas: what every driver takes
COLUMNS, ROWS = 4, 2  # of the atlas, a station
STEP = 1.0 / 512.0  # of a face's trust: what is less is not drawn again on the walls

FADE_BLOCK = UniformBlock("SurroundFade", share="float")
# What shaders/include/surround.glsl is told, within a pass's own block. station: where it stands, in the space of the
# pixel's rays, and which it is in the atlas. face_trust: of each station's faces.
FIELDS = {
    "face_from_stage": f"mat3[{FACES}]",
    "stage_from_ray": "mat3",
    "station": f"vec4[{BLENDED}]",
    "station_share": f"vec4[{BLENDED}]",
    "face_trust": f"vec4[{BLENDED * FACES}]",
    "stations": "int",
}


class _Coming:
    """Owns the textures of a face that has come, until what is shown has followed it."""

    def __init__(self, gpu: Gpu, resolution: int) -> None:
        self.gain, self.bias = (gpu.texture((resolution, resolution), 4, "f2") for _ in range(2))

    def write(self, keyframe: Keyframe) -> None:
        for texture, pixels in ((self.gain, keyframe.gain), (self.bias, keyframe.bias)):
            write_rows(texture, texels(pixels, 4))

    def clear(self) -> None:
        nothing = np.zeros((*self.gain.size, 4), np.float16)
        for texture in (self.gain, self.bias):
            write_rows(texture, nothing)

    def release(self) -> None:
        self.gain.release()
        self.bias.release()


@dataclass
class _Face:
    """One that there is. coming: what it is becoming, made of ``made_of``, and before of ``before``. shown: how far it
    has come there.
    """

    made_of: MadeOf
    before: MadeOf | None = None
    trust: float = 0.0
    coming: _Coming | None = None
    since_s: float = 0.0
    shown: float = 0.0


@dataclass
class _Station:
    location: str
    eye_m: NDArray[np.floating]
    faces: dict[int, _Face] = field(default_factory=dict)
    stamp: int = 0  # the number of the newest change of what it shows, among those of all stations
    rests_on: Look | None = None  # nothing of it moves, as long as this look is trusted


def stations_in(megabytes: float, resolution: int) -> int:
    """How many stations with faces of ``resolution`` there is room for; two at least (a dissolve has two locations),
    and no more than are of use.
    """
    fitting = int(megabytes * 1e6 / (COLUMNS * ROWS * BYTES_A_PIXEL * resolution**2))
    return max(min(fitting, MOST_STATIONS, MOST_PIXELS // (ROWS * resolution)), 2)


class Surrounds:
    """Owns the atlas. resolution: the side of a face, in pixels. stations: how many there is room for."""

    def __init__(self, gpu: Gpu, resolution: int, stations: int) -> None:
        self.resolution = resolution
        self.rooms = stations
        self._gpu = gpu
        self._atlas = gpu.atlas((COLUMNS * resolution, ROWS * resolution * stations), 2)
        self._depth = gpu.texture(self._atlas.size, 2, "f4", nearest=True)
        self._fade = gpu.pass_("surround_fade", FADE_BLOCK)
        self._stations: dict[int, _Station] = {}
        self._references: dict[str, Look] = {}  # by location: the look that is trusted
        self._free: list[_Coming] = []
        self._changes = 0  # of what stations show, so far
        self._time_s: float | None = None

    @property
    def defines(self) -> dict[str, str]:
        """For a shader that includes surround.glsl."""
        return {
            "SURROUND": "1",
            "FACE_PX": f"{self.resolution}.0",
            "FACES": str(FACES),
            "COLUMNS": str(COLUMNS),
            "ROWS": str(ROWS),
            "SEAM": repr(SEAM),
            "FOLD": repr(FOLD),
        }

    def warm(self) -> None:
        """Draw the fade once, to no effect, before the first frame."""
        coming = _Coming(self._gpu, self.resolution)
        coming.clear()
        self._free.append(coming)
        self._blend((0, 0), coming, 0.0)

    def enter(self, location: str, look: Look) -> None:
        """It comes on to the walls: what is there of its surround is trusted where it agrees with what is asked for.

        From then on with the newest picture that there is: nothing of what is shown goes before something newer comes.
        """
        self._references[location] = look

    def add(self, keyframe: Keyframe, time_s: float, moves: bool = False) -> None:
        """Take in a picture: of its look all that is shown is to be, and if it is a face it is shown itself.

        A station of another place that stood where it goes is given up. moves: the plate does.
        """
        request = keyframe.request
        self._references[request.location] = request.look
        asked, eye_m = request.face, request.plate.view.origin_m
        if asked is None:
            return
        station = self._stations.get(asked.station)
        if station is None or station.location != request.location or not np.allclose(station.eye_m, eye_m):
            self._give_up(asked.station)
            station = self._stations[asked.station] = _Station(request.location, eye_m)
        station.rests_on = None
        coming = self._free.pop() if self._free else _Coming(self._gpu, self.resolution)
        coming.write(keyframe)
        face = station.faces.get(asked.face)
        if face is not None and face.coming is not None:
            self._free.append(face.coming)
        if face is None or face.trust < STEP:
            face = station.faces[asked.face] = _Face(keyframe.made_of)
        face.before, face.made_of = face.made_of, keyframe.made_of
        face.coming, face.since_s, face.shown = coming, time_s, 0.0
        depth = with_brightness(request.plate) if moves else _with_zeros(request.plate.depth)
        write_part(self._depth, texels(depth, 2), self._cell(asked.station, asked.face))

    def advance(self, time_s: float) -> None:
        """Once a frame: faces follow what has come, and are trusted where they agree with the newest picture."""
        elapsed_s = 0.0 if self._time_s is None else max(time_s - self._time_s, 0.0)
        self._time_s = time_s
        for index, station in self._stations.items():
            look = self._references[station.location]
            if station.rests_on == look:
                continue  # most of them, in most frames
            before = [face.trust for face in station.faces.values()]
            coming = [(number, face) for number, face in station.faces.items() if face.coming is not None]
            for number, face in coming:
                self._follow(self._cell(index, number), face, time_s)
            _trust(station, look, elapsed_s)
            if coming or before != [face.trust for face in station.faces.values()]:
                self._changes += 1
                station.stamp = self._changes
            elif elapsed_s > 0.0:
                station.rests_on = look

    def _follow(self, cell: tuple[int, int], face: _Face, time_s: float) -> None:
        """Towards what is coming; at once where nobody believes what is there."""
        assert face.coming is not None
        t = 1.0 if face.trust < STEP else min(max((time_s - face.since_s) / FADE_S, 0.0), 1.0)
        shown = t * t * (3.0 - 2.0 * t)
        share = 1.0 if shown >= 1.0 else (shown - face.shown) / (1.0 - face.shown)
        self._blend(cell, face.coming, share)
        face.shown = shown
        if shown >= 1.0:
            self._free.append(face.coming)
            face.coming = face.before = None

    def _blend(self, cell: tuple[int, int], coming: _Coming, share: float) -> None:
        textures = {"coming_gain": coming.gain, "coming_bias": coming.bias}
        self._fade.blend(self._atlas, (*cell, self.resolution, self.resolution), textures, share=share)

    def _cell(self, station: int, face: int) -> tuple[int, int]:
        """A face's lower left corner in the atlas."""
        return face % COLUMNS * self.resolution, (ROWS * station + face // COLUMNS) * self.resolution

    @property
    def kept(self) -> set[MadeOf]:
        """What its faces were made of, also those that go over into others now."""
        faces = [face for station in self._stations.values() for face in station.faces.values()]
        return {made_of for face in faces for made_of in (face.made_of, face.before) if made_of is not None}

    def forget(self, looks: Collection[Look]) -> None:
        """Faces of these looks are there no more, nor those that have not wholly gone over from one yet."""
        for station in self._stations.values():
            gone = [
                number
                for number, face in station.faces.items()
                if face.made_of[0] in looks or (face.before is not None and face.before[0] in looks)
            ]
            for number in gone:
                coming = station.faces.pop(number).coming
                self._free += [coming] if coming is not None else []
            if gone:
                self._changes += 1
                station.stamp, station.rests_on = self._changes, None

    def _give_up(self, station: int) -> None:
        if station in self._stations:
            gone = self._stations.pop(station)
            self._free += [face.coming for face in gone.faces.values() if face.coming is not None]

    def shows(self, location: str) -> bool:
        """Whether anything of a location is trusted."""
        return any(face.trust >= STEP for station in self._of(location).values() for face in station.faces.values())

    def agreement(self, location: str, look: Look) -> float:
        """How far what is shown of a location is of a look, 0 to 1."""
        reference = self._references.get(location)
        return reference.agreement(look) if reference is not None and self.shows(location) else 0.0

    def stamp(self, location: str) -> int:
        """Another number whenever what the surround of a location shows has changed."""
        return max((station.stamp for station in self._of(location).values()), default=0)

    def coverage(self, location: str) -> float:
        """How much of the directions round its best station is trusted, 0 to 1."""
        stations = self._of(location).values()
        return max((sum(face.trust for face in station.faces.values()) / FACES for station in stations), default=0.0)

    def report(self, location: str) -> dict[str, float | int | None]:
        """In figures: coverage of a location in percent, its stations, and what room all have in megabytes.

        No coverage where none is wanted: the plate itself is the answer, or views of the look do not agree.
        """
        megabytes = self.rooms * COLUMNS * ROWS * BYTES_A_PIXEL * self.resolution**2 / 1e6
        look = self._references.get(location)
        none = look is not None and (look.plain or look.view_consistency <= 0.0)
        return {
            "coverage_percent": None if none else round(100.0 * self.coverage(location), 1),
            "stations": len(self._of(location)),
            "room_mb": round(megabytes, 1),
        }

    def _of(self, location: str) -> dict[int, _Station]:
        return {index: station for index, station in self._stations.items() if station.location == location}

    @property
    def textures(self) -> dict[str, Bound]:
        gain, bias = self._atlas.colors
        return {"surround_gain": gain, "surround_bias": bias, "surround_depth": self._depth}

    def values(self, location: str, view: View) -> dict[str, Any]:
        """Of FIELDS, for rays in the space of a View."""
        view = in_plate(view)
        return self._values(location, view.origin_m, view.view_from_stage, view.stage_from_view[:3, :3])

    def values_from(self, location: str, eye_m: NDArray[np.floating], placement: Placement = AS_SET) -> dict[str, Any]:
        """The same for rays in stage space, that start at ``eye_m``, of the world as it is placed."""
        eye_from_stage = np.eye(4)
        eye_from_stage[:3, 3] = -np.asarray(eye_m)
        if placement == AS_SET:
            return self._values(location, np.asarray(eye_m), eye_from_stage, np.eye(3))
        eye_in_plate = (placement.plate_from_stage @ [*eye_m, 1.0])[:3]
        space_from_plate = eye_from_stage @ placement.stage_from_plate
        return self._values(location, eye_in_plate, space_from_plate, placement.plate_from_stage[:3, :3])

    def _values(
        self,
        location: str,
        eye_m: NDArray[np.floating],
        space_from_plate: NDArray[np.floating],
        plate_from_space: NDArray[np.floating],
    ) -> dict[str, Any]:
        near = self._nearest(location, eye_m)
        stations, shares = np.zeros((BLENDED, 4)), np.zeros((BLENDED, 4))
        trusts = np.zeros((BLENDED * FACES, 4))
        for place, (index, share) in enumerate(near):
            station = self._stations[index]
            stations[place] = *(space_from_plate @ [*station.eye_m, 1.0])[:3], index
            shares[place, 0] = share
            for number, face in station.faces.items():
                trusts[place * FACES + number, 0] = face.trust
        return {
            "face_from_stage": faces_from_stage(),
            "stage_from_ray": plate_from_space,
            "station": stations,
            "station_share": shares,
            "face_trust": trusts,
            "stations": len(near),
        }

    def _nearest(self, location: str, eye_m: NDArray[np.floating]) -> Sequence[tuple[int, float]]:
        """The stations of a location that are nearest to an eye, with their shares: by what they are nearer than the
        next one, so that none comes or goes at once.
        """
        found = [
            (float(np.linalg.norm(station.eye_m - eye_m)), index)
            for index, station in self._of(location).items()
            if any(face.trust >= STEP for face in station.faces.values())
        ]
        near, next_m = sorted(found)[:BLENDED], min((far[0] for far in sorted(found)[BLENDED:]), default=np.inf)
        weights = [1.0 / max(distance_m, 0.01) - 1.0 / max(next_m, 0.01) for distance_m, _ in near]
        total = max(sum(weights), 1e-6)
        return [(index, max(weight / total, 1e-3)) for weight, (_, index) in zip(weights, near, strict=True)]

    def release(self) -> None:
        for station in list(self._stations):
            self._give_up(station)
        for textures in self._free:
            textures.release()
        self._depth.release()
        self._atlas.release()


def _with_zeros(depth: Pixels) -> Pixels:
    return Pixels(np.concatenate([depth.stored, np.zeros_like(depth.stored)], axis=-1), depth.bottom_up)


def _trust(station: _Station, look: Look, elapsed_s: float) -> None:
    """Towards how far each face agrees with what is trusted."""
    for face in station.faces.values():
        # Whatever its epoch: a seed or a text that comes back is the same look.
        aim = face.made_of[0].agreement(look) * look.view_consistency
        face.trust += min(max(aim - face.trust, -elapsed_s / FALL_S), elapsed_s / FADE_S)
