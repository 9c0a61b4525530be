"""When the faces of a stored surround come, and as what; without OpenGL."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vpengine.compose.restoring import LoadedKeyframe, RestoreKeyframe, Restoring
from vpengine.compose.stations import Stations
from vpengine.frames.frame_input import BusState, CameraState, FrameInput, Tick, stands_elsewhere
from vpengine.frames.grade_table import neutral_grade
from vpengine.frames.images import ImageSet
from vpengine.frames.keyframe import Keyframe, Request, SurroundFace, Timings
from vpengine.frames.look import Look
from vpengine.frames.pixels import Pixels
from vpengine.frames.provenance import Provenance
from vpengine.takes.surround import StoredKeyframe
from vpengine.view.lens import Lens
from vpengine.view.pose import Pose
from vpengine.view.surround import FACES, surround_view
from vpengine.view.view import View

HOME_M = (0.0, 0.0, 1.5)
LOOK = Look("weather", (("snow", 0.5),), 7)
ON, OFF = BusState("day", "hall"), BusState("chart", "pattern")


def plate(view: View) -> ImageSet:
    width, height = view.resolution
    color = np.zeros((height, width, 3), np.float16)
    return ImageSet.of(color, np.ones((height, width), np.float32), color[..., 0], view, Provenance("plate:hall"))


def loaded(index: int, picture: bool = False) -> LoadedKeyframe:
    """picture: a camera's, and no face."""
    view = surround_view(np.array(HOME_M), index, 2, 5.0)
    stored = StoredKeyframe(Path("evening"), "hall", None if picture else index, view, LOOK, {})
    face = None if picture else SurroundFace(9, index)

    def finish(redraw: Any) -> Keyframe:
        request = Request(90 + index, 40, "hall-then", redraw("hall-then", view, 7), LOOK, 1.0, camera="2", face=face)
        planes = Pixels(np.full((2, 2, 3), index, np.float16)), Pixels(np.zeros((2, 2, 3), np.float16))
        source = Provenance("weather", request_number=90 + index)
        return Keyframe(request, *planes, neutral_grade(), source, Timings(1.0, 2.0, 0.5))

    return LoadedKeyframe(stored, finish)


class Camera:
    """A RequestCamera whose pictures can take their time."""

    def __init__(self) -> None:
        self.is_ready = True
        self.seeds: list[int] = []

    def draw(self, _: Any, view: View, seed: int) -> None:
        self.seeds.append(seed)

    def ready(self) -> bool:
        return self.is_ready

    def bring_down(self, location: str, view: View) -> ImageSet:
        return plate(view)


class Run:
    """Frames of an engine with nothing else in it; its generator has asked ten times."""

    def __init__(self) -> None:
        self.camera, self.stations = Camera(), Stations(HOME_M, 2, 2)
        self.number, self.time_s = 10, 0.0
        scenes = {"day": [loaded(index) for index in range(FACES)]}
        self.restoring = Restoring(self.camera, {"hall": None}, self.stations, self._next, scenes)  # type: ignore[arg-type, dict-item]

    def _next(self) -> int:
        self.number += 1
        return self.number

    def frame(self, program: BusState = ON, epoch: int = 3, elsewhere: BusState | None = None) -> tuple[Keyframe, ...]:
        self.time_s += 1.0
        found = self.restoring.take(program, epoch, self.time_s, elsewhere)
        for job in self.restoring.plan():
            assert isinstance(job, RestoreKeyframe)
            self.restoring.drawers[RestoreKeyframe](job, {})  # type: ignore[arg-type]
        return found

    def frames(
        self, count: int, program: BusState = ON, epoch: int = 3, elsewhere: BusState | None = None
    ) -> list[Keyframe]:
        each = [self.frame(program, epoch, elsewhere) for _ in range(count)]
        assert all(len(keyframes) <= 1 for keyframes in each)
        return [keyframe for keyframes in each for keyframe in keyframes]


@pytest.fixture
def run() -> Run:
    return Run()


def indices(keyframes: list[Keyframe]) -> list[int]:
    return [int(keyframe.gain.rgb[0, 0, 0]) for keyframe in keyframes]


def answer(number: int, face: SurroundFace | None, location: str = "hall") -> Keyframe:
    """A generator's."""
    made = loaded(0).finish(lambda *_: plate(surround_view(np.array(HOME_M), 0, 2)))
    return replace(made, request=replace(made.request, number=number, face=face, location=location))


def test_one_a_frame_as_if_just_made(run: Run) -> None:
    assert run.frame() == ()
    first, *others = run.frames(1 + FACES)
    assert indices([first, *others]) == list(range(FACES))
    assert run.camera.seeds == [7] * FACES
    request = first.request
    assert (request.number, request.epoch, request.location, request.face) == (11, 3, "hall", SurroundFace(0, 0))
    assert (request.look, request.plate.view.time_s, request.submitted_s) == (LOOK, 5.0, 2.0)
    assert [keyframe.request.number for keyframe in others] == list(range(12, 11 + FACES))
    assert first.provenance.request_number == 90, "who made it is who made it"


def test_each_time_that_its_scene_comes_on(run: Run) -> None:
    """All of them, with other numbers, also where it went before all were there; nothing while another is on."""
    assert len(run.frames(4)) == 3
    assert run.frames(5, OFF) == []
    again = run.frames(10)
    assert indices(again) == list(range(FACES))
    assert min(keyframe.request.number for keyframe in again) > 10 + FACES


def test_what_is_not_done_is_not_waited_for(run: Run) -> None:
    run.camera.is_ready = False
    assert run.frames(5) == []
    assert len(run.camera.seeds) == 1
    run.camera.is_ready = True
    assert indices(run.frames(10)) == list(range(FACES))


def test_they_are_all_of_one_epoch(run: Run) -> None:
    """Where it changes on the way they come again; when all are there it is the generator's to make others."""
    assert len(run.frames(4, epoch=3)) == 3
    found = run.frames(10, epoch=4)
    assert indices(found) == list(range(FACES))
    assert {keyframe.request.epoch for keyframe in found} == {4}
    assert run.frames(5, epoch=5) == []


def test_what_was_asked_before_does_not_take_their_place(run: Run) -> None:
    """Faces; a camera's picture, and what was asked after, are another matter."""
    restored = run.frames(4)
    before, late = answer(9, SurroundFace(0, 5)), answer(11 + FACES, SurroundFace(0, 5))
    camera = answer(9, None)
    assert run.restoring.newer([before, late, camera]) == (late, camera)
    assert restored


def test_what_was_asked_for_a_station_that_gave_way_does_not_drive_them_out(run: Run) -> None:
    """With room for one station: an answer for the location before, to a face that is not among those that come."""
    run.stations = Stations(HOME_M, 2, 1)
    scenes = {"day": [loaded(index) for index in range(FACES - 1)]}
    run.restoring = Restoring(run.camera, {"hall": None}, run.stations, run._next, scenes)  # type: ignore[arg-type, dict-item]
    assert run.stations.restore("pattern", np.array(HOME_M), {}, 0.5) == 0
    before = answer(9, SurroundFace(0, FACES - 1), "pattern")
    assert run.restoring.newer([before]) == (before,)
    assert run.frames(4)
    lacking = answer(9, SurroundFace(0, FACES - 1))
    assert run.restoring.newer([before, lacking]) == (lacking,)


def test_what_a_frame_failed_to_take_in_comes_again(run: Run) -> None:
    faces = run.frames(10)
    other = loaded(0).finish(lambda *_: plate(surround_view(np.array(HOME_M), 0, 2)))
    run.restoring.lost([other])
    assert run.frames(5) == []
    run.restoring.lost(faces[-1:])
    assert indices(run.frames(10)) == list(range(FACES))


def test_of_a_bake_the_pictures_come_first_and_a_generator_s_do_not_come_at_all(run: Run) -> None:
    """Only while the program says that it is baked; a preview's are another matter."""
    scenes = {"day": [loaded(5, picture=True), loaded(6, picture=True), *map(loaded, range(2))]}
    run.restoring = Restoring(run.camera, {"hall": None}, run.stations, run._next, scenes, {"day"})  # type: ignore[arg-type, dict-item]
    assert run.frames(3) == []
    picture, preview = answer(99, None), answer(99, None)
    preview = replace(preview, request=replace(preview.request, bus="preview"))
    assert run.restoring.newer([picture, preview]) == (picture, preview)
    found = run.frames(10, replace(ON, baked=True))
    assert indices(found) == [5, 6, 0, 1]
    assert [keyframe.request.face for keyframe in found] == [None, None, SurroundFace(0, 0), SurroundFace(0, 1)]
    assert found[0].request.camera == "2"
    assert run.restoring.newer([picture, preview]) == (preview,)
    run.restoring.lost(found[:1])
    assert indices(run.frames(10, replace(ON, baked=True))) == [5, 6, 0, 1]
    assert run.frames(3) == []
    assert run.restoring.newer([picture]) == (picture,)


def both(standby: BusState, program: BusState = OFF) -> BusState | None:
    return stands_elsewhere({"program": program, "preview": standby})


def test_what_stands_by_elsewhere_comes_ahead_and_is_not_brought_again(run: Run) -> None:
    """On the walls it is there in its first frame, whatever the epoch is then."""
    standing = both(ON)
    ahead = run.frames(FACES + 2, OFF, elsewhere=standing)
    assert indices(ahead) == list(range(FACES))
    assert {keyframe.request.location for keyframe in ahead} == {"hall"}
    assert run.frames(FACES, OFF, elsewhere=standing) == []
    assert run.frames(FACES + 2, ON, epoch=4) == []
    late = answer(ahead[0].request.number - 1, ahead[0].request.face)
    assert run.restoring.newer([late]) == (), "asked before it was restored"


def test_what_had_not_come_when_its_scene_comes_on_comes_then(run: Run) -> None:
    ahead = run.frames(4, OFF, elsewhere=both(ON))
    after = run.frames(FACES + 2, ON)
    assert indices(ahead) == [0, 1, 2]
    assert indices(after) == list(range(3, FACES))


def test_only_at_a_location_that_is_not_on_the_walls_and_with_a_look_that_may_go(run: Run) -> None:
    assert both(ON, replace(OFF, location="hall")) is None, "its station would take the place of what is shown"
    assert both(replace(ON, may_go=False)) is None
    assert run.frames(5, OFF, elsewhere=both(replace(ON, may_go=False))) == []


def test_the_program_s_come_first_and_another_scene_stands_by_instead(run: Run) -> None:
    other = BusState("night", "street")
    scenes = {"day": [loaded(index) for index in range(FACES)], "night": [loaded(2)]}
    run.restoring = Restoring(run.camera, {"hall": None}, run.stations, run._next, scenes)  # type: ignore[arg-type, dict-item]
    found = run.frames(FACES + 4, ON, elsewhere=both(other, ON))
    assert [keyframe.request.location for keyframe in found] == ["hall"] * FACES + ["street"]
    run.frames(2, OFF, elsewhere=both(ON))
    assert run.frames(1, OFF, elsewhere=None) == [], "what was on its way is given up"


def test_what_the_gate_refuses_is_generated(run: Run) -> None:
    (refused,) = run.frames(2)
    run.restoring.refused([refused])
    state = BusState("day", "hall", look=LOOK)
    pose = Pose((0.0, 0.0, 1.6))
    camera = CameraState(pose, pose, Lens((24.89, 14.0), 24.0), 0.0)
    at = FrameInput(Tick(0, 9.0, Fraction(24)), {"1": camera}, {"program": state}, {}, 3)
    wanted = run.stations.wanted(at)
    assert wanted is not None
    assert wanted.face == refused.request.face
