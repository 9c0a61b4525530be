"""A take is read back bit for bit, an older one too."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.take_frames import LENS, LOOK, frame, keyframe, plate, written
from vpengine.errors import UserError
from vpengine.frames.keyframe import Keyframe
from vpengine.frames.look import Look
from vpengine.takes.log import count_frames, read_log
from vpengine.view.timecode import Timecode


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
        replace(frame(3, fader=0.5), barred=frozenset({Look("weather", (("snow", 0.25),)), Look("other", ())})),
    ]
    found = list(read_log(written(tmp_path / "take", *frames), plate))
    assert len(found) == 3
    for ours, theirs in zip(found, frames, strict=True):
        assert (ours.tick, ours.buses, ours.epoch) == (theirs.tick, theirs.buses, theirs.epoch)
        assert ours.barred == theirs.barred
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


@pytest.mark.parametrize("light", [{"sun": 1.5}, {"sun": "much"}, {"moon": 1.0}, [1.0], {"sun": math.nan}])
@pytest.mark.parametrize("of", ["bus", "keyframe"])
def test_a_light_that_is_none_is_damage(tmp_path: Path, light: Any, of: str) -> None:
    file = written(tmp_path / "take", frame(0), frame(1, (keyframe(1),))) / "frames.jsonl"
    first, second = file.read_text(encoding="utf-8").splitlines()
    line = json.loads(second)
    (line["buses"]["program"] if of == "bus" else line["keyframes"][0]["view"])["light"] = light
    file.write_text(f"{first}\n{json.dumps(line)}\n", encoding="utf-8")
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
    assert line["keyframes"][0]["provenance"].pop("settings") == [["steps", "2"]]
    file.write_text(json.dumps(line) + "\n", encoding="utf-8")
    (found,) = [key for item in read_log(tmp_path, plate) for key in item.keyframes]
    assert (found.provenance.told, found.provenance.settings, found.provenance.model_sha256) == ((), (), "abc")


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
