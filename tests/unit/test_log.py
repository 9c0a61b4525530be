"""A take: what is written is read back bit for bit, and what is broken is named by file and line."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vpengine.errors import UserError
from vpengine.frames.frame_input import CameraState, FrameInput, ProgramState, Tick
from vpengine.frames.grade_table import SHAPE
from vpengine.frames.images import ImageSet
from vpengine.frames.keyframe import Grade, Keyframe, Request, Timings
from vpengine.frames.look import look_from
from vpengine.frames.provenance import Provenance
from vpengine.takes.log import LogWriter, read_log
from vpengine.view.camera import camera_view
from vpengine.view.lens import Lens
from vpengine.view.pose import from_opentrackio
from vpengine.view.view import View

RNG = np.random.default_rng(5)
LENS = Lens((24.89, 14.0), 24.1, (0.1, -0.2), 0.13, 2.7, 4.0)


def plate(place: str, view: View, seed: int) -> ImageSet:
    """Stands for drawing: a picture that depends on all it is asked for, and on nothing else."""
    width, height = view.resolution
    key = float(view.clip_from_stage.sum()) + seed + len(place)
    color = np.full((height, width, 3), np.sin(key), np.float16)
    return ImageSet(color, np.full((height, width), 4.0, np.float32), color[..., 0], view, Provenance(f"plate:{place}"))


def keyframe(number: int) -> Keyframe:
    view = camera_view(from_opentrackio((0.1 / 3.0, number / 7.0, 1.6), 10.0 / 3.0, -1.0, 0.2), LENS, (6, 4), 15.0, 0.3)
    look = look_from("weather", {"snow": 1.0 / 3.0, "fog": 0.1}, 11)
    request = Request(number, 2, "street", plate("street", view, 11), look, 7.0 / 3.0, bus="program", camera="b")
    planes = [RNG.normal(size=(4, 6, 3)).astype(np.float16) for _ in range(2)]
    grade = Grade(RNG.normal(size=(*SHAPE, 3, 4)).astype(np.float32))
    provenance = Provenance("weather", "abc", "onnxruntime", look.named(), 11, number, "0.1.0")
    return Keyframe(request, planes[0], planes[1], grade, provenance, Timings(7.0 / 3.0, 2.5, 0.1 + 0.2))


def frame(number: int, keyframes: tuple[Keyframe, ...] = (), **controls: Any) -> FrameInput:
    pose = from_opentrackio((1.0 / 3.0, 0.7, 1.6), 12.3456789, 0.1, -0.3)
    state = CameraState(pose, replace(pose, position_m=(1.0, 2.0, 3.0)), LENS, math.inf if number == 0 else 1.0 / 300.0)
    return FrameInput(
        tick=Tick(number, 1000.0 + number / 3.0, Fraction(24000, 1001)),
        cameras={"a": state, "b": replace(state, age_s=0.25)},
        program=ProgramState("dawn", "street", "hall", 0.3, (("field", 0.2),))
        if number == 1
        else ProgramState("dawn", "street"),
        controls={"/vp/neural/amount": 1.0, "/vp/inner/visible": True, "/vp/title": "dé\n", **controls},
        epoch=2,
        keyframes=keyframes,
    )


def written(folder: Path, *frames: FrameInput) -> Path:
    writer = LogWriter(folder)
    for item in frames:
        writer.note(item)
    writer.close()
    assert writer.dropped == 0
    return folder


def assert_same_keyframe(found: Keyframe, expected: Keyframe) -> None:
    for name in ("gain", "bias"):
        assert getattr(found, name).dtype == np.float16
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    np.testing.assert_array_equal(found.grade.table, expected.grade.table)
    assert found.grade.table.dtype == np.float32
    assert (found.provenance, found.timings) == (expected.provenance, expected.timings)
    ours, theirs = found.request, expected.request
    assert ours.plate.view.same_as(theirs.plate.view)
    np.testing.assert_array_equal(ours.plate.color, theirs.plate.color)
    fields = ("number", "epoch", "place", "look", "submitted_s", "bus", "camera")
    assert all(getattr(ours, name) == getattr(theirs, name) for name in fields)


def test_a_take_is_read_back_bit_for_bit(tmp_path: Path) -> None:
    frames = [
        frame(0, fader=0.1 + 0.2),
        frame(1, (keyframe(1), keyframe(2)), fader=0.1 + 0.2),
        frame(3, fader=0.5),
    ]
    found = list(read_log(written(tmp_path / "take", *frames), plate))
    assert len(found) == 3
    for ours, theirs in zip(found, frames, strict=True):
        assert (ours.tick, ours.program, ours.epoch) == (theirs.tick, theirs.program, theirs.epoch)
        assert ours.cameras == theirs.cameras
        assert ours.controls == theirs.controls
        assert {key: type(value) for key, value in ours.controls.items()} == {
            key: type(value) for key, value in theirs.controls.items()
        }
        assert len(ours.keyframes) == len(theirs.keyframes)
        for pair in zip(ours.keyframes, theirs.keyframes, strict=True):
            assert_same_keyframe(*pair)


def test_only_controls_that_changed_are_written(tmp_path: Path) -> None:
    folder = written(tmp_path, frame(0, fader=0.1), frame(1, fader=0.1), frame(2, fader=0.2))
    lines = [json.loads(line) for line in (folder / "frames.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [set(line["controls"]) for line in lines[1:]] == [set(), {"fader"}]


def test_what_is_no_take_says_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"not a take: there is no frames\.jsonl"):
        next(read_log(tmp_path, plate))


def broken(folder: Path, change: Any) -> Path:
    """A take of three frames whose second line was changed."""
    written(folder, frame(0), frame(1, (keyframe(1),)), frame(2))
    path = folder / "frames.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[1] = change(lines[1])
    path.write_text("\n".join(lines), encoding="utf-8")
    return folder


BREAKS = {
    "cut": lambda line: line[: len(line) // 2],
    "not JSON": lambda _: "frame two",
    "not an object": lambda _: "[1, 2]",
    "a key is missing": lambda line: line.replace('"cameras"', '"camera"'),
    "a number is text": lambda line: line.replace('"epoch": 2, "keyframes"', '"epoch": 2, "keyframes": 5, "x"'),
    "cameras is a list": lambda line: json.dumps({**json.loads(line), "cameras": [1]}),
    "a rate of nothing": lambda line: line.replace("24000/1001", "24000/0"),
}


@pytest.mark.parametrize("change", BREAKS.values(), ids=BREAKS.keys())
def test_a_broken_line_is_named(tmp_path: Path, change: Any) -> None:
    """The frames before it are good."""
    frames = read_log(broken(tmp_path, change), plate)
    assert next(frames).tick.number == 0
    with pytest.raises(UserError, match=r"frames\.jsonl:2: not a frame of a take"):
        next(frames)


@pytest.mark.parametrize("damage", ["gone", "cut", "foreign"])
def test_a_broken_keyframe_is_named(tmp_path: Path, damage: str) -> None:
    written(tmp_path, frame(0), frame(1, (keyframe(1),)))
    path = tmp_path / "keyframes" / "1.npz"
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:200] if damage == "cut" else b"not a zip file")
    frames = read_log(tmp_path, plate)
    next(frames)
    with pytest.raises(UserError, match=r"frames\.jsonl:2: "):
        next(frames)


def test_a_full_queue_drops_and_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``note`` never waits: with a disk that stands still, frames beyond the queue are counted."""
    monkeypatch.setattr("vpengine.takes.log._QUEUE_FRAMES", 4)
    writer = LogWriter(tmp_path)
    writer._queue.put(None)
    writer._thread.join()  # nobody writes any more
    for number in range(10):
        writer.note(frame(number))
    assert writer.dropped == 6
    while not writer._queue.empty():
        writer._queue.get()
    writer.close()


def test_a_disk_that_fails_is_told_and_does_not_hold_up_the_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The folder for keyframes disappears: the log ends there, the run does not."""
    writer = LogWriter(tmp_path)
    (tmp_path / "keyframes").rmdir()
    for number in range(300):  # more than the queue holds
        writer.note(frame(number, (keyframe(1),) if number == 0 else ()))
    writer.close()
    assert not writer._thread.is_alive()
    assert writer.dropped >= 299
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "the rest of the run is not recorded" in caplog.text
