"""A bake: what of a take is taken, how the camera's pictures lie over a surround's faces, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vpengine.cli.bake import bake, beside
from vpengine.cli.check import check_files
from vpengine.errors import UserError
from vpengine.files import conflicts, inspected
from vpengine.frames.frame_input import BusState, CameraState, FrameInput, Tick
from vpengine.frames.grade_table import neutral_grade
from vpengine.frames.images import ImageSet
from vpengine.frames.keyframe import Grade, Keyframe, Request, SurroundFace, Timings
from vpengine.frames.look import Look
from vpengine.frames.pixels import Pixels
from vpengine.frames.provenance import Provenance
from vpengine.takes.bake import (
    KEPT,
    MOST_PICTURES,
    baked_face,
    chosen_pictures,
    faces_of,
    kept_pictures,
    merged_grade,
    read_scene,
    write_bake,
)
from vpengine.takes.log import LogWriter
from vpengine.takes.surround import fitting_faces, stored_for
from vpengine.view.camera import camera_view
from vpengine.view.lens import Lens
from vpengine.view.pose import Pose, look_at
from vpengine.view.surround import FACES, surround_view
from vpengine.view.view import View

EYE_M = (0.0, 0.0, 1.6)
LENS = Lens((24.89, 14.0), 35.0)
DUSK, NIGHT = (Look("weather", (("night", value),), 3) for value in (0.4, 0.9))
DAY = BusState("day", "hall", look=NIGHT)


def plate(view: View, depth_m: float = np.inf) -> ImageSet:
    width, height = view.resolution
    color = np.zeros((height, width, 3), np.float16)
    depth = np.full((height, width), depth_m, np.float32)
    return ImageSet.of(color, depth, color[..., 0], view, Provenance("plate:hall"))


def towards(pan_deg: float, size: tuple[int, int] = (32, 18), moved_m: float = 0.0) -> View:
    eye_m = np.add(EYE_M, (moved_m, 0.0, 0.0))
    pan = np.radians(pan_deg)
    return camera_view(look_at(eye_m, np.add(eye_m, (np.sin(pan), np.cos(pan), 0.0))), LENS, size)


def keyframe(view: View, bias: Any, look: Look = NIGHT, face: int | None = None, number: int = 1) -> Keyframe:
    where = None if face is None else SurroundFace(0, face)
    request = Request(number, 0, "hall", plate(view), look, 1.0, camera="" if face is not None else "1", face=where)
    width, height = view.resolution
    biases = np.broadcast_to(np.asarray(bias, np.float16), (height, width, 3)).copy()
    source = Provenance("weather", "abc", "drill", look.values, look.seed, number, "0.1.0")
    gain = Pixels(np.ones_like(biases))
    return Keyframe(request, gain, Pixels(biases), neutral_grade(), source, Timings(1.0, 2.0, 0.5))


def faces(look: Look = NIGHT, px: int = 16, first: int = 1) -> list[Keyframe]:
    return [
        keyframe(surround_view(np.array(EYE_M), face, px), 0.01 * face, look, face, first + face)
        for face in range(FACES)
    ]


def written(folder: Path, frames: Iterable[tuple[BusState, list[Keyframe]]]) -> Path:
    camera = CameraState(Pose(EYE_M), Pose(EYE_M), LENS, 0.0)
    writer = LogWriter(folder)
    for number, (program, keyframes) in enumerate(frames):
        tick = Tick(number, number / 24.0, Fraction(24))
        writer.note(FrameInput(tick, {"1": camera}, {"program": program}, {"/vp/x": 1.0}, 0, tuple(keyframes)))
    writer.close()
    return folder


def test_the_camera_s_picture_lies_over_the_face_where_it_sees_it() -> None:
    """It is 40 degrees wide in a face of 100: tan 20 over tan 50 of its sides."""
    face = keyframe(surround_view(np.array(EYE_M), 0, 200), 0.1, face=0)
    baked, covered = baked_face(face, [keyframe(towards(0.0, (320, 180)), 0.5)], 200)
    bias = baked.bias.rgb[..., 0].astype(float)
    assert bias[100, 100] == pytest.approx(0.5, abs=1e-3)
    assert bias[10, 10] == pytest.approx(0.1, abs=1e-3)
    across = np.tan(np.arctan(24.89 / 70.0)) / np.tan(np.radians(50.0))
    high = across * 14.0 / 24.89
    assert 0.6 * across * high < covered < across * high
    inside = np.abs(bias[100] - 0.1) > 1e-3
    assert inside.mean() == pytest.approx(across, abs=0.03)
    assert np.array_equal(baked.gain.rgb, np.ones_like(baked.gain.rgb))


def test_what_it_sees_of_another_surface_it_has_no_word_on() -> None:
    face = keyframe(surround_view(np.array(EYE_M), 0, 64), 0.1, face=0)
    near = keyframe(towards(0.0), 0.5)
    near = replace(near, request=replace(near.request, plate=plate(near.request.plate.view, 2.0)))
    baked, covered = baked_face(face, [near], 64)
    assert covered == 0.0
    assert np.allclose(baked.bias.rgb, 0.1, atol=1e-3)


def test_the_first_picture_lies_over_the_second() -> None:
    face = keyframe(surround_view(np.array(EYE_M), 0, 64), 0.0, face=0)
    pictures = [keyframe(towards(pan), bias) for pan, bias in ((-10.0, 0.25), (10.0, 0.75))]
    bias = baked_face(face, pictures, 64)[0].bias.rgb[32, :, 0].astype(float)
    assert bias[32] == pytest.approx(0.25, abs=0.01)  # both see it
    assert bias[43] == pytest.approx(0.75, abs=0.01)


def test_a_picture_much_finer_than_the_face_is_averaged_and_not_picked_from() -> None:
    """Stripes one pixel wide would be one or the other, by chance."""
    stripes = np.zeros((360, 640, 3))
    stripes[:, ::2] = 1.0
    face = keyframe(surround_view(np.array(EYE_M), 0, 32), 0.0, face=0)
    bias = baked_face(face, [keyframe(towards(0.0, (640, 360)), stripes)], 32)[0].bias.rgb[16, 14:18, 0]
    assert np.allclose(bias.astype(float), 0.5, atol=0.06)


def test_a_face_may_be_baked_larger_than_it_was_made() -> None:
    """A ramp stays one, in the same place."""
    small, large = (surround_view(np.array(EYE_M), 0, px) for px in (16, 64))
    ramp = np.broadcast_to(((np.arange(16) + 0.5) / 16.0)[None, :, None], (16, 16, 3))
    face = keyframe(small, ramp, face=0)
    face = replace(face, request=replace(face.request, plate=plate(large)))
    bias = baked_face(face, [], 16)[0].bias.rgb[30, :, 0].astype(float)
    expected = (np.arange(64) + 0.5) / 64.0
    assert np.allclose(bias[4:-4], expected[4:-4], atol=2e-3)


def test_pictures_are_chosen_newest_first_and_none_for_what_a_newer_one_shows(tmp_path: Path) -> None:
    made = [
        keyframe(towards(0.0), 0.0, number=11),  # as 14, but for a hand's width
        keyframe(towards(60.0), 0.0, number=12),
        keyframe(towards(60.0), 0.0, DUSK, number=13),  # another look
        keyframe(towards(0.0, moved_m=0.1), 0.0, number=14),
        keyframe(towards(0.0, moved_m=2.0), 0.0, number=15),
    ]
    take = written(tmp_path / "take", [(DAY, faces()), *((DAY, [key]) for key in made)])
    scene = read_scene(take, "day")
    assert [item["number"] for item in chosen_pictures(scene, NIGHT)] == [15, 14, 12]
    many = [(DAY, [keyframe(towards(0.0, moved_m=float(n)), 0.0, number=20 + n)]) for n in range(MOST_PICTURES + 9)]
    scene = read_scene(written(tmp_path / "many", many), "day")
    assert len(chosen_pictures(scene, NIGHT)) == MOST_PICTURES


def test_the_look_is_one_that_the_scene_rested_in(tmp_path: Path) -> None:
    """Another scene of the same location was shown later, with a whole surround of its own."""
    dusk = BusState("dusk", "hall", look=DUSK)
    take = written(tmp_path / "take", [(DAY, faces()), (dusk, faces(DUSK, first=21)), (dusk, [])])
    assert {face.look for face in faces_of(take, read_scene(take, "day"))} == {NIGHT}
    assert {face.look for face in faces_of(take, read_scene(take, "dusk"))} == {DUSK}
    assert read_scene(take, "day").frame.program == DAY


def test_it_is_read_as_a_take_s_surround_is(tmp_path: Path) -> None:
    take = written(tmp_path / "take", [(DAY, faces())])
    scene, made = read_scene(take, "day"), faces()
    pictures = kept_pictures([keyframe(towards(30.0 * n), 0.1 * n, number=50 + n) for n in range(KEPT + 2)])
    write_bake(tmp_path / "bake", scene, made, pictures)
    assert len(fitting_faces(tmp_path / "bake", "hall", 16)) == FACES
    shown = type("Scene", (), {"baked": tmp_path / "bake", "surround": None, "location": "hall", "slug": "day"})()
    found = stored_for(shown, 16)
    assert [stored.index for stored in found] == [*range(FACES), *[None] * KEPT]
    biases = [stored.load()(lambda _, view, __: plate(view)).bias.rgb[0, 0, 0] for stored in found[FACES:]]
    assert biases == pytest.approx([0.2, 0.1, 0.0], abs=1e-3), "the first of them last, and so over the others"


def test_the_grade_of_all_is_each_s_where_it_saw_most() -> None:
    neutral = neutral_grade()
    seen = [np.zeros(neutral.table.shape[:3], np.float32) for _ in range(2)]
    seen[0][0], seen[1][1] = 1.0, 1.0
    pair = [
        replace(key, grade=Grade(np.full_like(neutral.table, value), evidence))
        for key, value, evidence in zip(faces(), (2.0, 4.0), seen, strict=False)
    ]
    merged = merged_grade(pair)
    assert merged.table[0] == pytest.approx(2.0, abs=1e-3)
    assert merged.table[1] == pytest.approx(4.0, abs=1e-3)
    assert merged.table[2:] == pytest.approx(3.0)
    assert merged.evidence is not None
    assert merged.evidence[0].all()
    assert not merged.evidence[2:].any()


def test_what_cannot_be_baked_is_one_sentence(tmp_path: Path) -> None:
    take = written(tmp_path / "take", [(DAY, [keyframe(towards(0.0), 0.0)])])
    with pytest.raises(UserError, match=r"the scene 'dai' is not shown alone in this take; shown were: day"):
        bake(take, "dai", None, None)
    with pytest.raises(UserError, match=r"there is no surround of 'hall' in this take"):
        bake(take, "day", None, None)
    with pytest.raises(UserError, match=r"not a take: there is no frames.jsonl"):
        bake(tmp_path, "day", None, None)
    whole = written(tmp_path / "whole", [(DAY, faces())])
    with pytest.raises(UserError, match=r"--to .*whole: is the take that is baked"):
        bake(whole, "day", whole, None, False, True)
    assert (whole / "frames.jsonl").is_file()


@pytest.mark.parametrize(
    ("line", "settings", "said"),
    [
        ('baked = "none"', "", r"scene\[1\].baked: .*not a take: there is no frames.jsonl"),
        ('baked = "bake"', "surround_resolution = 0", r"a bake is shown by the surround, and .* is 0"),
        ('baked = "bake"', "surround_resolution = 64", r"have 16 x 16 pixels, and .* is 64"),
        ('baked = "bake"\nsurround = "bake"', "", r"scene\[1\].surround: a scene that is baked has its surround in"),
        ('baked = "../bake"', "", r"scene\[1\].baked: found '../bake', which lies outside"),
    ],
)
def test_check_tells_what_is_wrong_with_a_bake(
    small_stage: Path, capsys: pytest.CaptureFixture[str], line: str, settings: str, said: str
) -> None:
    """Also where the stage has no generator: it is shown all the same."""
    bake_at = replace(DAY, scene="first", location="pattern")
    made = [replace(face, request=replace(face.request, location="pattern")) for face in faces()]
    written(small_stage.parent / "bake", [(bake_at, made)])
    show = small_stage.parent / "show.toml"
    text = show.read_text(encoding="utf-8").replace('slug = "first"', f'slug = "first"\n{line}')
    show.write_text(text, encoding="utf-8")
    stage = small_stage.read_text(encoding="utf-8").replace('generator = "none"', f'generator = "none"\n{settings}')
    small_stage.write_text(stage, encoding="utf-8")
    assert check_files([small_stage], inspected, conflicts) == 1
    assert re.search(said, capsys.readouterr().err)


@pytest.mark.parametrize(("take", "bake_at"), [("take", "take-day-bake"), (".", "../in-it-day-bake")])
def test_a_bake_goes_beside_its_take(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, take: str, bake_at: str) -> None:
    (tmp_path / "in-it").mkdir()
    monkeypatch.chdir(tmp_path / "in-it")
    assert beside(Path(take), "day").resolve() == Path(bake_at).resolve()


def test_a_long_lens_s_picture_lies_over_a_small_face() -> None:
    """All of it is less than a pixel there: its mean, where it is."""
    face = keyframe(surround_view(np.array(EYE_M), 0, 16), 0.1, face=0)
    view = camera_view(look_at(EYE_M, np.add(EYE_M, (0.0, 1.0, 0.0))), Lens((24.89, 14.0), 2000.0), (32, 18))
    baked, covered = baked_face(face, [keyframe(view, 0.5)], 16)
    assert 0.0 <= covered < 0.02
    assert np.isfinite(baked.bias.rgb).all()
