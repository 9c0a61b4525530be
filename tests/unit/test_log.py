"""A take: what is written is read back bit for bit, and what is broken is named by file and line."""

from __future__ import annotations

import errno
import io
import json
import math
import os
import sys
import threading
import time
import zipfile
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vpengine.errors import UserError
from vpengine.frames.frame_input import BusState, CameraState, FrameInput, Tick
from vpengine.frames.grade_table import SHAPE
from vpengine.frames.images import ImageSet
from vpengine.frames.keyframe import Grade, Keyframe, Request, Timings
from vpengine.frames.look import Look
from vpengine.frames.pixels import Pixels
from vpengine.frames.provenance import Provenance
from vpengine.takes.log import LogWriter, count_frames, read_log
from vpengine.view.camera import camera_view
from vpengine.view.lens import Lens
from vpengine.view.pose import from_opentrackio
from vpengine.view.timecode import Timecode
from vpengine.view.view import View

RNG = np.random.default_rng(5)
LENS = Lens((24.89, 14.0), 24.1, (0.1, -0.2), 0.13, 2.7, 4.0)
LOOK = (("zeal", 1.0 / 3.0), ("style", "dé\n"), ("mirrored", True), ("fog", 0.1))  # in no order but its own


def plate(location: str, view: View, seed: int) -> ImageSet:
    """Stands for drawing: a picture that depends on all it is asked for, and on nothing else."""
    width, height = view.resolution
    key = float(view.clip_from_stage.sum()) + seed + len(location)
    color = np.full((height, width, 3), np.sin(key), np.float16)
    return ImageSet.of(
        color, np.full((height, width), 4.0, np.float32), color[..., 0], view, Provenance(f"plate:{location}")
    )


def keyframe(number: int) -> Keyframe:
    view = camera_view(from_opentrackio((0.1 / 3.0, number / 7.0, 1.6), 10.0 / 3.0, -1.0, 0.2), LENS, (6, 4), 15.0, 0.3)
    look = Look("weather", LOOK, 11)
    request = Request(number, 2, "street", plate("street", view, 11), look, 7.0 / 3.0, bus="program", camera="b")
    planes = [RNG.normal(size=(4, 6, 3)).astype(np.float16) for _ in range(2)]
    grade = Grade(RNG.normal(size=(*SHAPE, 3, 4)).astype(np.float32))
    provenance = Provenance("weather", "abc", "onnxruntime", look.values, 11, number, "0.1.0", told=(("a.png", "ab"),))
    return Keyframe(
        request, Pixels(planes[0]), Pixels(planes[1]), grade, provenance, Timings(7.0 / 3.0, 2.5, 0.1 + 0.2)
    )


def frame(number: int, keyframes: tuple[Keyframe, ...] = (), **controls: Any) -> FrameInput:
    pose = from_opentrackio((1.0 / 3.0, 0.7, 1.6), 12.3456789, 0.1, -0.3)
    state = CameraState(pose, replace(pose, position_m=(1.0, 2.0, 3.0)), LENS, math.inf if number == 0 else 1.0 / 300.0)
    return FrameInput(
        tick=Tick(number, 1000.0 + number / 3.0, Fraction(24000, 1001)),
        cameras={"a": state, "b": replace(state, age_s=0.25)},
        buses={
            "program": BusState("dawn", "street", "hall", 0.3, (("field", 0.2),))
            if number == 1
            else BusState("dawn", "street"),
            **({"preview": BusState("hall", "hall")} if number == 2 else {}),
        },
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
        assert getattr(found, name).stored.dtype == np.float16
        np.testing.assert_array_equal(getattr(found, name).rgb, getattr(expected, name).rgb)
    np.testing.assert_array_equal(found.grade.table, expected.grade.table)
    assert found.grade.table.dtype == np.float32
    assert (found.provenance, found.timings) == (expected.provenance, expected.timings)
    ours, theirs = found.request, expected.request
    assert ours.plate.view.same_as(theirs.plate.view)
    np.testing.assert_array_equal(ours.plate.color, theirs.plate.color)
    fields = ("number", "epoch", "location", "look", "submitted_s", "bus", "camera")
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
        assert (ours.tick, ours.buses, ours.epoch) == (theirs.tick, theirs.buses, theirs.epoch)
        assert ours.cameras == theirs.cameras
        assert ours.controls == theirs.controls
        assert {key: type(value) for key, value in ours.controls.items()} == {
            key: type(value) for key, value in theirs.controls.items()
        }
        assert len(ours.keyframes) == len(theirs.keyframes)
        for pair in zip(ours.keyframes, theirs.keyframes, strict=True):
            assert_same_keyframe(*pair)


def test_a_timecode_that_came_in_is_replayed(tmp_path: Path) -> None:
    received = (Timecode(1, 2, 3, 4), None, Timecode(23, 59, 59, 29, drop=True))
    frames = [replace(frame(n), tick=replace(frame(n).tick, received=timecode)) for n, timecode in enumerate(received)]
    found = list(read_log(written(tmp_path / "take", *frames), plate))
    assert [item.tick for item in found] == [item.tick for item in frames]
    assert [str(item.tick.timecode) for item in found] == ["01:02:03:04", "00:00:00:01", "23:59:59;29"]


@pytest.mark.parametrize("timecode", ["one", "01:02:03", 5, ["01:02:03:04"]])
def test_a_timecode_that_is_none_is_damage(tmp_path: Path, timecode: Any) -> None:
    file = written(tmp_path / "take", frame(0), frame(1)) / "frames.jsonl"
    first, second = file.read_text(encoding="utf-8").splitlines()
    damaged = json.dumps({**json.loads(second), "timecode": timecode})
    file.write_text(f"{first}\n{damaged}\n", encoding="utf-8")
    assert len(list(read_log(tmp_path / "take", plate))) == 1


def looks_of(folder: Path) -> list[Look]:
    return [keyframe.request.look for item in read_log(folder, plate) for keyframe in item.keyframes]


def relooked(folder: Path, look: dict[str, Any]) -> Path:
    """A take of one keyframe whose look was written otherwise."""
    file = written(folder, frame(0, (keyframe(1),))) / "frames.jsonl"
    line = json.loads(file.read_text(encoding="utf-8"))
    line["keyframes"][0]["look"] = look
    file.write_text(json.dumps(line) + "\n", encoding="utf-8")
    return folder


def test_a_take_that_is_older_than_what_was_told_is_read(tmp_path: Path) -> None:
    file = written(tmp_path, frame(0, (keyframe(1),))) / "frames.jsonl"
    line = json.loads(file.read_text(encoding="utf-8"))
    assert line["keyframes"][0]["provenance"].pop("told") == [["a.png", "ab"]]
    file.write_text(json.dumps(line) + "\n", encoding="utf-8")
    (found,) = [key for item in read_log(tmp_path, plate) for key in item.keyframes]
    assert (found.provenance.told, found.provenance.model_sha256) == ((), "abc")


def test_looks_are_stored_by_name(tmp_path: Path) -> None:
    folder = written(tmp_path, frame(0, (keyframe(1),)))
    (item,) = json.loads((folder / "frames.jsonl").read_text(encoding="utf-8"))["keyframes"]
    assert item["look"] == {
        "generator": "weather",
        "values": dict(LOOK),
        "seed": 11,
        "plain": False,
        "view_consistency": 1.0,
    }
    assert list(item["look"]["values"]) == [name for name, _ in LOOK]


def test_a_plain_look_is_one_after_reading(tmp_path: Path) -> None:
    plain = {"generator": "x", "values": {"a": 0.0}, "seed": 2, "plain": True}
    assert looks_of(relooked(tmp_path, plain)) == [Look("x", (("a", 0.0),), 2, plain=True)]


@pytest.mark.parametrize("snow", [0.25, 0.0])
def test_the_older_form_of_a_look_is_read(tmp_path: Path, snow: float) -> None:
    """Six faders without names, in the order that they had; all at zero was plain."""
    older = {"generator": "weather", "faders": [snow, 0.0, 0.0, 0.0, 0.0, snow / 2.0], "seed": 5}
    (look,) = looks_of(relooked(tmp_path, older))
    assert [name for name, _ in look.values] == ["snow", "night", "fog", "dust", "rain", "fire"]
    assert dict(look.values) == {**dict.fromkeys(("night", "fog", "dust", "rain"), 0.0), "snow": snow, "fire": snow / 2}
    assert (look.generator, look.seed, look.plain) == ("weather", 5, snow == 0.0)


@pytest.mark.parametrize(
    "look",
    [
        {"generator": "weather", "faders": [0.0, 1.0], "seed": 0},
        {"generator": "weather", "faders": ["much"] * 6, "seed": 0},
        {"generator": "weather", "values": {"snow": [1.0]}, "seed": 0, "plain": False},
        {"generator": "weather", "values": [0.5], "seed": 0, "plain": False},
        {"generator": "weather", "values": {}, "seed": 0},
        {"generator": "weather", "seed": 0},
    ],
)
def test_a_look_that_is_none_is_damage(tmp_path: Path, look: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"frames\.jsonl:1: not a frame of a take"):
        looks_of(relooked(tmp_path, look))


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
def test_before_a_broken_line_the_frames_are_good(
    tmp_path: Path, change: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """One warning names file and line; what comes after it is not used."""
    folder = broken(tmp_path, change)
    assert count_frames(folder) == 1
    assert [found.tick.number for found in read_log(folder, plate)] == [0]
    (told,) = caplog.messages
    assert "frames.jsonl:2: not a frame of a take (" in told
    assert told.endswith("; the good frames before it (1) are used.")


def altered(*keys: str | int, value: Any) -> Any:
    """A change that puts ``value`` in the place that ``keys`` lead to."""

    def change(line: str) -> str:
        whole = json.loads(line)
        table = whole
        for key in keys[:-1]:
            table = table[key]
        table[keys[-1]] = value
        return json.dumps(whole)

    return change


NAN = {"non-finite": "nan"}
WRONG_VALUES = {
    "a tick that leaps": altered("tick", 0, value=10**9),
    "a tick that goes back": altered("tick", 0, value=0),
    "a time that is none": altered("tick", 1, value=NAN),
    "a rate that would take for ever": altered("tick", 2, value="1e999999999"),
    "a position that is none": altered("cameras", "a", "pose", "position_m", 0, value=NAN),
    "a position beyond all": altered("cameras", "a", "pose", "position_m", 0, value=1e300),
    "no rotation": altered("cameras", "a", "pose", "rotation", value=[0, 0, 0, 0]),
    "no focal length": altered("cameras", "a", "lens", "pinhole_focal_length_mm", value=0),
    "half a sensor": altered("cameras", "a", "lens", "sensor_mm", value=[24.0]),
    "a location without a name": altered("buses", "program", "location", value=5),
    "a share that is none": altered("buses", "program", "mix", value="x"),
    "a control without a value": altered("controls", "/vp/title", value=None),
}


@pytest.mark.parametrize("change", WRONG_VALUES.values(), ids=WRONG_VALUES.keys())
def test_before_a_value_that_cannot_be_the_frames_are_good(
    tmp_path: Path, change: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """One byte that a disk turned over is still JSON."""
    folder = broken(tmp_path, change)
    assert count_frames(folder) == 1
    assert [found.tick.number for found in read_log(folder, plate)] == [0]
    assert "frames.jsonl:2: not a frame of a take (" in caplog.text


def saved(array: Any) -> bytes:
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def npy(shape: str) -> bytes:
    """An array's header, and nothing after it."""
    header = f"{{'descr': '<f2', 'fortran_order': False, 'shape': {shape}, }}".encode().ljust(117) + b"\n"
    return b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header


ARRAYS = {
    "larger than any memory": npy("(1000000000, 1000000000, 3)"),
    "of another picture": npy("(5, 6, 3)"),
    "not a picture": npy("()"),
    "not an array": b"no array",
    "an object": saved(np.array([{}], object)),
    "of another type": saved(np.ones((4, 6, 3))),
}


@pytest.mark.parametrize("gain", ARRAYS.values(), ids=ARRAYS.keys())
def test_a_keyframe_s_arrays_are_looked_at_before_they_are_loaded(tmp_path: Path, gain: bytes) -> None:
    written(tmp_path, frame(0), frame(1, (keyframe(1),)))
    path = tmp_path / "keyframes" / "1.npz"
    with np.load(path) as arrays:
        others = {name: arrays[name] for name in arrays.files if name != "gain"}
    np.savez(path, **others)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("gain.npy", gain)
    assert count_frames(tmp_path) == 1
    assert len(list(read_log(tmp_path, plate))) == 1


def test_a_keyframe_with_nan_never_reaches_a_picture(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    bad = keyframe(1)
    bad.bias.stored[2, 3] = np.nan
    written(tmp_path, frame(0), frame(1, (bad,)))
    assert [found.tick.number for found in read_log(tmp_path, plate)] == [0]
    assert "bias has NaN or infinity" in caplog.text


@pytest.mark.parametrize("damage", ["gone", "cut", "foreign", "empty"])
def test_before_a_broken_keyframe_the_frames_are_good(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    written(tmp_path, frame(0), frame(1, (keyframe(1),)), frame(2))
    path = tmp_path / "keyframes" / "1.npz"
    if damage == "gone":
        path.unlink()
    else:
        data = path.read_bytes()
        path.write_bytes({"cut": data[: len(data) // 2], "foreign": b"not a zip file", "empty": b""}[damage])
    assert count_frames(tmp_path) == 1
    assert [found.tick.number for found in read_log(tmp_path, plate)] == [0]
    (told,) = caplog.messages
    assert "frames.jsonl:2: not a frame of a take (" in told


TAILS = {
    "cut": (lambda data: data[:-40], 2, 1),
    "cut inside a letter": (lambda data: data[: data.rindex("é".encode()) + 1], 2, 1),
    "zeros after the last line": (lambda data: data + bytes(5000), 3, 1),
    "zeros for its end": (lambda data: data[:-40] + bytes(40), 2, 1),
    "zeros for its line feed": (lambda data: data[:-1] + bytes(4096), 3, 0),
    "no line feed": (lambda data: data[:-1], 3, 0),
    "empty lines after it": (lambda data: data + b"\n\n", 3, 0),
    "brackets without end": (lambda data: data + b"[" * 100_000, 3, 1),
}


@pytest.mark.parametrize(("change", "good", "told"), TAILS.values(), ids=TAILS.keys())
def test_of_a_torn_tail_the_good_frames_are_used(
    tmp_path: Path, change: Any, good: int, told: int, caplog: pytest.LogCaptureFixture
) -> None:
    title = {"/vp/title": "é"}
    lines = written(tmp_path, *(replace(frame(n), controls=title | {"n": n, "/z": f"é{n}"}) for n in range(3)))
    path = lines / "frames.jsonl"
    text = path.read_bytes().decode("unicode_escape")  # as if it had been written without escapes
    path.write_bytes(change(text.encode()))
    assert count_frames(tmp_path) == good
    assert [found.tick.number for found in read_log(tmp_path, plate)] == list(range(good))
    assert len(caplog.messages) == told


@pytest.mark.parametrize("text", ["", "\n", '{"tick": [0,', "\0" * 100])
def test_a_take_without_one_good_frame_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "frames.jsonl").write_text(text, encoding="utf-8")
    assert count_frames(tmp_path) == 0
    with pytest.raises(UserError, match=r"no frame in this take|frames\.jsonl:1: not a frame"):
        list(read_log(tmp_path, plate))


def no_constant(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


def test_lines_are_strict_json_and_read_back_to_the_same_numbers(tmp_path: Path) -> None:
    item = frame(0, exposure=-math.inf, shade=math.nan, text="inf", count=2.0)
    lens = replace(LENS, focus_distance_m=math.inf)
    item = replace(item, cameras={"a": replace(item.cameras["a"], lens=lens)})
    folder = written(tmp_path, item, frame(1, exposure=-math.inf))
    for line in (folder / "frames.jsonl").read_text(encoding="utf-8").splitlines():
        json.loads(line, parse_constant=no_constant)
    found = next(read_log(folder, plate))
    assert found.cameras["a"] == item.cameras["a"]
    assert math.isinf(found.cameras["a"].age_s)
    assert math.isnan(found.controls["shade"])  # type: ignore[arg-type]
    assert {**found.controls, "shade": 0.0} == {**item.controls, "shade": 0.0}


def test_lines_of_an_older_version_are_read(tmp_path: Path) -> None:
    """They had Infinity where there was no tracker."""
    path = written(tmp_path, frame(0)) / "frames.jsonl"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('{"non-finite": "inf"}', "Infinity"), encoding="utf-8")
    assert "Infinity" in path.read_text(encoding="utf-8")
    assert next(read_log(tmp_path, plate)).cameras == frame(0).cameras


def test_an_older_word_for_a_location_is_read(tmp_path: Path) -> None:
    frames = [frame(0, (keyframe(1),)), frame(1)]
    path = written(tmp_path, *frames) / "frames.jsonl"
    newer = path.read_text(encoding="utf-8")
    older = newer.replace('"location": ', '"place": ').replace('"incoming_location": ', '"incoming_place": ')
    assert older.count('"place"') == 3  # two frames' program and a keyframe
    assert older.count('"incoming_place"') == 2
    assert "location" not in older
    path.write_text(older, encoding="utf-8")
    found = list(read_log(tmp_path, plate))
    assert [item.buses for item in found] == [item.buses for item in frames]
    assert found[0].keyframes[0].request.location == "street"
    assert count_frames(tmp_path) == 2


def test_half_a_keyframe_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """On a full disk: the report of the run may have its room."""

    def half(path: Path, **_: Any) -> None:
        path.write_bytes(b"PK")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(np, "savez", half)
    writer = LogWriter(tmp_path)
    writer.note(frame(0))
    writer.note(frame(1, (keyframe(1),)))
    writer.close()
    assert list((tmp_path / "keyframes").iterdir()) == []
    assert caplog.messages == [f"take {tmp_path}: No space left on device; the rest of the run is not recorded."]
    assert count_frames(tmp_path) == 1


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


@pytest.mark.parametrize("error", [ValueError("a value"), MemoryError(), RuntimeError("a fault"), OSError(28, "full")])
def test_whatever_goes_wrong_ends_the_recording_in_one_sentence(
    tmp_path: Path, error: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(self: LogWriter, item: Keyframe) -> None:
        raise error

    monkeypatch.setattr(LogWriter, "_write_keyframe", fail)
    writer = LogWriter(tmp_path)
    for number in range(300):
        writer.note(frame(number, (keyframe(1),) if number == 1 else ()))
    begun_s = time.monotonic()
    writer.close()
    assert time.monotonic() - begun_s < 1.0
    assert not writer._thread.is_alive()
    assert writer.dropped == 299
    assert len(caplog.records) == 1
    assert "the rest of the run is not recorded" in caplog.text
    assert count_frames(tmp_path) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="no FIFO on this system")
@pytest.mark.parametrize("count", [1, 300])
def test_a_disk_that_does_not_answer_holds_nothing_up(
    tmp_path: Path, count: int, caplog: pytest.LogCaptureFixture
) -> None:
    """A FIFO that nobody reads stands for it: opening it does not come back. With room in the queue, and without."""
    os.mkfifo(tmp_path / "frames.jsonl")
    writer = LogWriter(tmp_path)
    for number in range(count):
        writer.note(frame(number))
    begun_s = time.monotonic()
    writer.close()
    assert time.monotonic() - begun_s < 3.0
    assert "the disk does not answer" in caplog.text
    os.close(os.open(tmp_path / "frames.jsonl", os.O_RDONLY | os.O_NONBLOCK))  # it answers; the thread sees the end
    writer._thread.join(5.0)
    assert not writer._thread.is_alive()
    assert not [thread for thread in threading.enumerate() if thread.name == "take-writer"]
