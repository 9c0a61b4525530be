"""A take that is damaged: what is broken is named by file and line, and the good frames before it are used."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.take_frames import frame, keyframe, plate, written
from vpengine.errors import UserError
from vpengine.takes.log import count_frames, read_log


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
