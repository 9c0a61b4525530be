"""A location's surround in a take: which faces there are to be shown again, found without reading their pictures."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from vpengine.errors import UserError
from vpengine.frames.feed import PROGRAM
from vpengine.frames.keyframe import Keyframe
from vpengine.frames.look import Look
from vpengine.stage.show_file import Scene, location_in
from vpengine.takes.arrays import check_arrays
from vpengine.takes.log import (
    BROKEN,
    Redraw,
    keyframe_file,
    open_frames,
    parsed_line,
    read_frame,
    read_light,
    read_placement,
    read_playhead,
    stored_keyframe,
)
from vpengine.takes.looks import read_look
from vpengine.takes.run_file import own_show
from vpengine.view.surround import FACES, surround_view
from vpengine.view.view import View

log = logging.getLogger(__name__)

Place = tuple[float, ...]  # where a station stands, in metres
_FARTHEST_M = 1e4
_EXACT = 1e-6  # in metres, and in a matrix's numbers


@dataclass(frozen=True, eq=False)
class StoredKeyframe:
    """A face of a surround, or a camera's picture. location: what it is called now. index: which face, None for a
    picture. view: what its plate is drawn with. line: its request's, as the take has it.
    """

    take: Path
    location: str
    index: int | None
    view: View
    look: Look
    line: dict[str, Any]

    @property
    def place(self) -> Place:
        """The same for all faces of a station."""
        return tuple(float(value) for value in np.round(self.view.origin_m, 4) + 0.0)

    @property
    def key(self) -> tuple[Path, str, Any]:
        """No other keyframe has it."""
        return self.take, self.location, self.line["number"]

    def check(self) -> None:
        """Reads the headers of its pictures alone. Raises UserError where they are not what they must be."""
        try:
            check_arrays(keyframe_file(self.line, self.take), self.view.resolution)
        except BROKEN as error:
            raise self._damaged(error) from error

    def load(self) -> Callable[[Redraw], Keyframe]:
        """What makes the keyframe when its plate is drawn; its pictures are in memory then. Raises UserError."""
        try:
            return stored_keyframe(self.line, self.take)
        except BROKEN as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> UserError:
        what = "a face of its surround" if self.index is not None else "a camera's picture in it"
        return UserError(f"{self.take}: {what} is damaged ({error or type(error).__name__})")


def stored_faces(take: Path, location: str, looks: Collection[Look] | None = None) -> list[StoredKeyframe]:
    """The newest of each face of each station of a location, of one look; those made last come last.

    looks: that it may be; by default any.
    Of the newest look that has a station whole, or else as many faces of one as there are: a take often ends while its
    look fades, and each of the last faces is of another. Lines of the log in which no face is are passed over unread.
    Ends at the first damage of the others, with a warning that names file and line. Raises UserError: not a take, or
    without a surround of the location.
    """
    by_look: dict[Look, dict[tuple[Place, int | None], StoredKeyframe]] = {}  # the newest look last
    for face in _stored(take, location, b'"face"'):
        same_look = by_look[face.look] = by_look.pop(face.look, {})
        same_look.pop((face.place, face.index), None)
        same_look[face.place, face.index] = face
    if looks is not None:
        by_look = {look: faces for look, faces in by_look.items() if look in looks}
    if not by_look:
        raise UserError(f"{take}: there is no surround of {location!r} in this take")
    return list(max(reversed(by_look.values()), key=_most_of_a_station).values())


def _most_of_a_station(faces: Iterable[tuple[Place, int | None]]) -> int:
    """How many faces of one station there are, where there are most."""
    return max(Counter(place for place, _ in faces).values())


def stored_for(scene: Scene, resolution: int) -> list[StoredKeyframe]:
    """``fitting_faces`` of the bake or the take that a scene names, none where it names none, and a bake's pictures.

    Raises UserError.

    Locations are numbered in the order of a show's scenes: where the take has its show, its plate says which it was.
    """
    take, location = scene.baked or scene.surround, scene.location
    if take is None:
        return []
    show = own_show(take)
    then = location if show is None else location_in(show, scene.plate)
    if then is None:
        raise UserError(f"{take}: no scene of this take had the plate that this scene has, {scene.plate.kind!r}")
    found = fitting_faces(take, then, resolution)
    if scene.baked is not None:
        found += _fitting_pictures(take, then, found[0].look)
    return [replace(stored, location=location) for stored in found]


def _fitting_pictures(bake: Path, location: str, look: Look) -> list[StoredKeyframe]:
    """The program's cameras' of one look, the oldest first, whole as far as their headers show. Raises UserError."""
    pictures = [stored for stored in _stored(bake, location, b'"camera"') if stored.index is None]
    found = [stored for stored in pictures if stored.look == look and stored.line["bus"] == PROGRAM]
    for stored in found:
        stored.check()
    return found


def fitting_faces(take: Path, location: str, resolution: int) -> list[StoredKeyframe]:
    """``stored_faces``, of ``resolution`` pixels a side and whole as far as their headers show. Raises UserError."""
    faces = stored_faces(take, location)
    for face in faces:
        side = face.view.resolution[0]
        if side != resolution:
            raise UserError(
                f"{take}: the faces of its surround have {side} x {side} pixels, and [neural] surround_resolution is "
                f"{resolution} now"
            )
        face.check()
    return faces


def _stored(take: Path, location: str, mark: bytes) -> list[StoredKeyframe]:
    """All of a location, in order. mark: what a line of the log must have in it to be read; faces have "face"."""
    found: list[StoredKeyframe] = []
    try:
        with open_frames(take) as lines:
            for number, text in enumerate(lines, 1):
                if mark not in text:
                    continue
                try:
                    found += _stored_in(text, take, location, faces_only=mark == b'"face"')
                except BROKEN as error:
                    what = f"{take / 'frames.jsonl'}:{number}: not a frame of a take ({error or type(error).__name__})"
                    if not found:
                        raise UserError(what) from error
                    log.warning("%s; the surround before it is used.", what)
                    break
    except OSError as error:
        raise UserError(f"{take}: cannot be read ({error.strerror or error})") from error
    return found


def _stored_in(text: bytes, take: Path, location: str, faces_only: bool) -> list[StoredKeyframe]:
    line = parsed_line(text)
    read_frame(line, {} | line["controls"], None)
    return [
        _face(item, take, location) if "face" in item else _picture(item, take, location)
        for item in line["keyframes"]
        if item["location"] == location and ("face" in item or not faces_only)
    ]


def _picture(line: dict[str, Any], take: Path, location: str) -> StoredKeyframe:
    """Raises one of BROKEN."""
    view = _view(line)
    str(line["camera"]), int(line["number"])
    return StoredKeyframe(take, location, None, view, read_look(line["look"]), line)


def _view(line: dict[str, Any]) -> View:
    stored = line["view"]
    width, height = (int(side) for side in stored["resolution"])
    matrices = [np.array(stored[name], float) for name in ("view_from_stage", "clip_from_view")]
    if any(matrix.shape != (4, 4) for matrix in matrices):
        raise ValueError("a view that is none")
    light, playhead = read_light(stored), read_playhead(stored.get("playhead", "0"))
    placement = read_placement(stored.get("placement", {}))
    view = View(matrices[0], matrices[1], (width, height), float(stored["time_s"]), light, playhead, placement)
    if not np.abs(view.origin_m).max() < _FARTHEST_M:
        raise ValueError("a picture from nowhere")
    return view


def _face(line: dict[str, Any], take: Path, location: str) -> StoredKeyframe:
    """Raises one of BROKEN also for what does not look where a face does: it would be shown in another's place."""
    index, view = int(line["face"]["face"]), _view(line)
    if not 0 <= index < FACES or view.resolution[0] != view.resolution[1]:
        raise ValueError("a face that is none")
    expected = surround_view(view.origin_m, index, view.resolution[0])
    ours, theirs = ([each.view_from_stage, each.clip_from_view] for each in (view, expected))
    if not np.allclose(ours, theirs, rtol=_EXACT, atol=_EXACT):
        raise ValueError("a face that looks elsewhere")
    int(line["number"])
    return StoredKeyframe(take, location, index, view, read_look(line["look"]), line)
