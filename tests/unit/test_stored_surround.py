"""A surround in a take: which faces are found, and what is said of takes that have none, or are damaged."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vpengine.cli import run
from vpengine.cli.check import check_files
from vpengine.compose.restoring import load_keyframes
from vpengine.errors import ProblemsError, UserError
from vpengine.files import conflicts, inspected, read_files
from vpengine.frames.frame_input import BusState, CameraState, FrameInput, Tick
from vpengine.frames.grade_table import neutral_grade
from vpengine.frames.images import ImageSet
from vpengine.frames.keyframe import Keyframe, Request, SurroundFace, Timings
from vpengine.frames.look import Look
from vpengine.frames.pixels import Pixels
from vpengine.frames.provenance import Provenance
from vpengine.takes import log as take_log
from vpengine.takes.log import LogWriter
from vpengine.takes.run_file import write_run
from vpengine.takes.surround import StoredKeyframe, fitting_faces, stored_faces, stored_for
from vpengine.view.lens import Lens
from vpengine.view.pose import Pose
from vpengine.view.surround import FACES, surround_view
from vpengine.view.view import View

PX = 8
HOME_M, AWAY_M, FAR_M = (0.0, 0.0, 1.6), (1.0 / 3.0, 2.0, 1.6), (7.0, 7.0, 1.6)
DUSK, NIGHT = (Look("weather", (("night", value), ("title", "dé")), 3) for value in (0.4, 0.9))


def plate(view: View) -> ImageSet:
    width, height = view.resolution
    color = np.zeros((height, width, 3), np.float16)
    return ImageSet.of(color, np.ones((height, width), np.float32), color[..., 0], view, Provenance("plate:hall"))


class Recorded:
    """Makes a take; a keyframe's gain is its number."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.number = 0
        self.frames: list[FrameInput] = []

    def face(self, index: int, look: Look = NIGHT, eye_m: Any = HOME_M, location: str = "hall", px: int = PX) -> None:
        self.keyframe(surround_view(np.array(eye_m), index, px, 0.25), SurroundFace(0, index), look, location)

    def keyframe(self, view: View, face: SurroundFace | None, look: Look = NIGHT, location: str = "hall") -> None:
        self.number += 1
        request = Request(self.number, 0, location, plate(view), look, 1.0, camera="", face=face)
        gain = np.full((*view.resolution[::-1], 3), self.number, np.float16)
        source = Provenance("weather", "abc", "drill", look.values, look.seed, self.number, "0.1.0")
        planes = Pixels(gain), Pixels(np.zeros_like(gain))
        self.frame(Keyframe(request, *planes, neutral_grade(), source, Timings(1.0, 2.0, 0.5)))

    def frame(self, *keyframes: Keyframe) -> None:
        camera = CameraState(Pose(HOME_M), Pose(HOME_M), Lens((24.89, 14.0), 24.0), 0.0)
        tick, program = Tick(len(self.frames), len(self.frames) / 24.0, Fraction(24)), BusState("a", "hall", look=NIGHT)
        self.frames.append(FrameInput(tick, {"1": camera}, {"program": program}, {"/vp/x": 1.0}, 0, keyframes))

    def written(self) -> Path:
        writer = LogWriter(self.folder)
        for frame in self.frames:
            writer.note(frame)
        writer.close()
        return self.folder


@pytest.fixture
def take(tmp_path: Path) -> Recorded:
    return Recorded(tmp_path / "evening")


def whole(take: Recorded, **same: Any) -> Path:
    for index in range(FACES):
        take.face(index, **same)
    return take.written()


def numbers(faces: list[StoredKeyframe]) -> dict[tuple[Any, int], float]:
    """Which keyframe each face is, by its pictures."""
    loaded = ((face, face.load()(lambda _, view, __: plate(view))) for face in faces)
    return {(face.place, face.index): float(key.gain.rgb[0, 0, 0]) for face, key in loaded}


def test_of_each_face_the_newest_of_the_newest_look(take: Recorded) -> None:
    take.face(0)  # 1: made again later
    take.face(1)  # 2
    take.frame()
    take.face(0)  # 3
    take.face(0, look=DUSK)  # 4: another look, in between
    take.face(4, look=DUSK)  # 5
    take.face(2, location="street")  # 6
    take.keyframe(surround_view(np.array(HOME_M), 5, PX), None)  # 7: a camera's
    take.face(0, eye_m=AWAY_M)  # 8: another station
    faces = stored_faces(take.written(), "hall")
    home, away = (tuple(np.round(eye, 4)) for eye in (HOME_M, AWAY_M))
    assert numbers(faces) == {(home, 0): 3.0, (home, 1): 2.0, (away, 0): 8.0}
    assert {face.look for face in faces} == {NIGHT}
    assert numbers(stored_faces(take.folder, "street")) == {(home, 2): 6.0}
    keyframe = faces[-1].load()(lambda _, view, __: plate(view))
    assert (keyframe.provenance.source, keyframe.timings.work_s) == ("weather", 0.5)
    assert keyframe.request.plate.view.same_as(surround_view(np.array(AWAY_M), 0, PX))


@pytest.mark.parametrize("whole_again", [False, True])
def test_a_take_that_ends_while_its_look_fades_has_the_last_one_that_was_whole(
    take: Recorded, whole_again: bool
) -> None:
    """Each of the last faces has a look of its own, the very last one none to speak of."""
    fading = [Look("weather", (("night", 0.8 - 0.1 * step), ("title", "dé")), 3) for step in range(FACES)]
    for look in [NIGHT, DUSK] if whole_again else [NIGHT]:
        for index in range(FACES):
            take.face(index, look=look)
    for index, look in enumerate(fading):
        take.face(index, look=look)
    faces = stored_faces(take.written(), "hall")
    assert len(faces) == FACES
    assert {face.look for face in faces} == {DUSK if whole_again else NIGHT}


def test_no_pictures_are_read_but_those_that_are_wanted(take: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    whole(take, look=DUSK)
    whole(take)
    read: list[str] = []
    load = take_log.load_arrays
    monkeypatch.setattr(take_log, "load_arrays", lambda file, size: read.append(file.name) or load(file, size))
    faces = fitting_faces(take.folder, "hall", PX)
    assert read == []
    load_keyframes(faces[:2], HOME_M, 4)
    assert sorted(read) == sorted(f"{FACES + number}.npz" for number in (1, 2))


def test_there_may_be_less_room_than_stations(take: Recorded) -> None:
    """The one at home comes first, then those that were made last."""
    for eye_m in (HOME_M, AWAY_M, FAR_M):
        whole(take, eye_m=eye_m)
    found = stored_faces(take.folder, "hall")

    def places(rooms: int) -> list[Any]:
        return list(dict.fromkeys(loaded.stored.place for loaded in load_keyframes(found, HOME_M, rooms)))

    assert len(found) == 3 * FACES
    assert places(1) == [HOME_M]
    assert places(2) == [HOME_M, FAR_M]
    assert [loaded.stored.index for loaded in load_keyframes(found, HOME_M, 1)] == list(range(FACES)), (
        "as they were made"
    )
    assert len(places(9)) == 3


def altered(folder: Path, line: int, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "frames.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()
    whole_line = json.loads(lines[line])
    change(whole_line)
    lines[line] = json.dumps(whole_line)
    path.write_text("\n".join(lines), encoding="utf-8")


def in_request(*keys: Any, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(line: dict[str, Any]) -> None:
        table = line["keyframes"][0]
        for key in keys[:-1]:
            table = table[key]
        table[keys[-1]] = value

    return change


NAN = {"non-finite": "nan"}
DAMAGE = {
    "one face too many": in_request("face", "face", value=FACES),
    "a face without a number": in_request("face", value={}),
    "a face that is text": in_request("face", "face", value="left"),
    "a face that looks elsewhere": in_request("face", "face", value=3),
    "a wider one": in_request("view", "clip_from_view", 0, 0, value=0.1),
    "a flat one": in_request("view", "resolution", value=[PX, 2 * PX]),
    "nowhere": in_request("view", "view_from_stage", 0, 3, value=NAN),
    "beyond all": in_request("view", "view_from_stage", 0, 3, value=1e9),
    "not even a matrix": in_request("view", "view_from_stage", value=[[1.0]]),
    "no way back": in_request("view", "view_from_stage", value=np.zeros((4, 4)).tolist()),
    "a number that is a path": in_request("number", value="../1"),
    "a look that is none": in_request("look", value={"generator": "x"}),
    "no frame": lambda line: line.pop("cameras"),
}


@pytest.mark.parametrize("change", DAMAGE.values(), ids=DAMAGE.keys())
def test_before_a_damaged_line_the_surround_is_good(
    take: Recorded, change: Any, caplog: pytest.LogCaptureFixture
) -> None:
    whole(take)
    altered(take.folder, 4, change)
    assert [face.index for face in stored_faces(take.folder, "hall")] == [0, 1, 2, 3]
    (told,) = caplog.messages
    assert "frames.jsonl:5: not a frame of a take (" in told
    assert told.endswith("; the surround before it is used.")
    altered(take.folder, 0, change)
    with pytest.raises(UserError, match=r"frames\.jsonl:1: not a frame of a take"):
        stored_faces(take.folder, "hall")


def test_a_torn_tail(take: Recorded, caplog: pytest.LogCaptureFixture) -> None:
    path = whole(take) / "frames.jsonl"
    path.write_bytes(path.read_bytes()[:-40])
    assert len(stored_faces(take.folder, "hall")) == FACES - 1
    assert f"frames.jsonl:{FACES}" in caplog.text


@pytest.mark.parametrize("damage", ["gone", "cut", "foreign", "empty", "of another size"])
def test_a_damaged_picture_is_one_sentence(take: Recorded, damage: str, caplog: pytest.LogCaptureFixture) -> None:
    """Also where it can only be seen when it is read; the other faces are good."""
    path = whole(take) / "keyframes" / "3.npz"
    data = path.read_bytes()
    if damage == "gone":
        path.unlink()
    elif damage == "of another size":
        np.savez(path, gain=np.ones((1, 1, 3), np.float16))
    else:
        path.write_bytes({"cut": data[: len(data) // 2], "foreign": b"not a zip file", "empty": b""}[damage])
    with pytest.raises(UserError, match=r"evening: a face of its surround is damaged \(") as caught:
        fitting_faces(take.folder, "hall", PX)
    assert "\n" not in str(caught.value)
    loaded = load_keyframes(stored_faces(take.folder, "hall"), HOME_M, 4)
    assert sorted(face.stored.index for face in loaded) == [0, 1, *range(3, FACES)]
    assert len(caplog.messages) == 1


def test_a_face_with_nan_is_left_out(take: Recorded, caplog: pytest.LogCaptureFixture) -> None:
    for index in range(FACES):
        take.face(index)
    keyframe = take.frames[2].keyframes[0]
    bad = replace(keyframe, gain=Pixels(np.full((PX, PX, 3), np.nan, np.float16)))
    take.frames[2] = replace(take.frames[2], keyframes=(bad,))
    found = fitting_faces(take.written(), "hall", PX)
    assert sorted(face.stored.index for face in load_keyframes(found, HOME_M, 4)) == [0, 1, *range(3, FACES)]
    assert "a face of its surround is damaged (3.npz: gain has NaN or infinity in it); it is generated" in caplog.text


@pytest.fixture
def stage(small_stage: Path) -> Path:
    """Its first scene's location is ``pattern``; its show names the take."""
    text = small_stage.read_text(encoding="utf-8").replace('"none"', f'"weather"\nsurround_resolution = {PX}')
    small_stage.write_text(text, encoding="utf-8")
    show = small_stage.parent / "show.toml"
    text = show.read_text(encoding="utf-8").replace('slug = "first"', 'slug = "first"\nsurround = "evening"')
    show.write_text(text, encoding="utf-8")
    return small_stage


def refused(stage: Path) -> str:
    """What ``check`` and a run say, the same one sentence."""
    with pytest.raises(ProblemsError) as caught:
        read_files(stage, None)
    (problem,) = caught.value.problems
    assert problem.key == "scene[1].surround"
    return str(problem)


def test_a_scene_names_a_take(stage: Path, take: Recorded) -> None:
    whole(take, location="pattern")
    scenes = read_files(stage, None).show.scenes
    assert [scene.surround for scene in scenes] == [take.folder, None]


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (None, "evening: not a take: there is no frames.jsonl in it"),
        ({"location": "hall"}, "evening: there is no surround of 'pattern' in this take"),
        (
            {"location": "pattern", "px": 16},
            "the faces of its surround have 16 x 16 pixels, and [neural] surround_resolution is 8 now",
        ),
    ],
    ids=["no take", "another location", "another size"],
)
def test_what_cannot_be_shown_is_one_problem(
    stage: Path, take: Recorded, made: dict[str, Any] | None, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """For ``check`` and at the start; a film of a take needs none of it, nor does a stage without a generator."""
    if made is not None:
        whole(take, **made)
    assert says in refused(stage)
    assert check_files([stage], inspected, conflicts) == 1
    assert says in capsys.readouterr().err
    assert read_files(stage, None, surrounds=False).show.scenes[0].surround == take.folder
    stage.write_text(stage.read_text(encoding="utf-8").replace('"weather"', '"none"'), encoding="utf-8")
    read_files(stage, None)


@pytest.mark.parametrize(("value", "says"), [("5", "found 5, expected the path of a folder"), ('" "', "found ' '")])
def test_what_is_no_path(stage: Path, value: str, says: str) -> None:
    show = stage.parent / "show.toml"
    show.write_text(show.read_text(encoding="utf-8").replace('"evening"', value), encoding="utf-8")
    assert says in refused(stage)


def test_a_take_outside_is_refused_unless_it_is_allowed(stage: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("elsewhere") / "evening"
    whole(Recorded(outside), location="pattern")
    show = stage.parent / "show.toml"
    show.write_text(show.read_text(encoding="utf-8").replace('"evening"', f"'{outside}'"), encoding="utf-8")
    assert "lies outside the folder" in refused(stage)
    assert read_files(stage, None, allow_outside=True).show.scenes[0].surround == outside


def test_a_location_is_known_by_its_plate(stage: Path, take: Recorded) -> None:
    """Its name has to do with the order of the scenes, which is another one now; another plate is another location."""
    show = stage.parent / "show.toml"
    text = show.read_text(encoding="utf-8")
    whole(take, location="pattern")
    write_run(take.folder, stage, show)
    head, first, second = text.split("[[scene]]")
    show.write_text("[[scene]]".join((head, second, first)), encoding="utf-8")
    scenes = read_files(stage, None).show.scenes
    assert [scene.location for scene in scenes] == ["pattern", "pattern-2"]
    assert stored_for(scenes[0], PX) == []
    faces = stored_for(scenes[1], PX)
    assert [face.location for face in faces] == ["pattern-2"] * FACES
    show.write_text(text.replace('plate.kind = "pattern"', 'plate.kind = "street"'), encoding="utf-8")
    assert refused(stage).endswith("evening: no scene of this take had the plate that this scene has, 'street'")


def test_a_take_is_not_overwritten_by_a_run_that_shows_its_surround(stage: Path, take: Recorded) -> None:
    whole(take, location="pattern")
    for log in (take.folder, take.folder.parent / "x" / ".." / "evening"):
        with pytest.raises(UserError, match="scene 'first' shows the surround of this take; name another folder"):
            run.run(stage, headless=True, seconds=0.1, log=log, force=True)
    assert len(stored_faces(take.folder, "pattern")) == FACES
