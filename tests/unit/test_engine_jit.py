"""What a card compiled of an engine: read back whole, for this engine, card, driver and library alone, or not."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from vpengine.neural import engine_jit
from vpengine.neural.engine_cache import EngineCache
from vpengine.neural.engine_jit import JitFile, JitSpec
from vpengine.stage import whole_file

ENGINE = "a" * 64
SPEC = JitSpec("b" * 64, "NVIDIA L4", "580.65.06", "tensorrt-rtx 1.7.1.116")
DATA = bytes(range(256)) * 20 + b"\n\n"


def of(folder: Path, spec: JitSpec = SPEC) -> JitFile:
    return JitFile(folder, ENGINE, spec, "weather.onnx: its engine")


def test_it_comes_back_as_it_was_written(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert of(tmp_path).read() is None
    of(tmp_path).write(DATA)
    assert of(tmp_path).read() == DATA
    assert caplog.messages == []
    assert [path.name for path in tmp_path.iterdir()] == [f"{ENGINE}.{SPEC.key[:16]}.jit"]


@pytest.mark.parametrize(
    "change",
    [{"engine_sha256": "c" * 64}, {"card": "NVIDIA L40"}, {"driver": "580.82.07"}, {"library": "tensorrt-rtx 1.8"}],
)
def test_another_of_anything_is_another_file(tmp_path: Path, change: dict[str, str]) -> None:
    of(tmp_path).write(DATA)
    assert of(tmp_path, replace(SPEC, **change)).read() is None


@pytest.mark.parametrize("damage", ["cut", "changed", "empty", "no head", "another's"])
def test_what_is_damaged_or_foreign_is_said_and_written_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    file = of(tmp_path)
    file.write(DATA)
    whole = file.path.read_bytes()
    if damage == "another's":
        foreign = of(tmp_path / "other", replace(SPEC, driver="1"))
        (tmp_path / "other").mkdir()
        foreign.write(DATA)
        foreign.path.rename(file.path)
    else:
        broken = {"cut": whole[:-1], "changed": whole[:-1] + b"x", "empty": b"", "no head": b"\0\xff" * 99}
        file.path.write_bytes(broken[damage])
    assert file.read() is None
    assert caplog.messages == [
        "weather.onnx: its engine: what was compiled of it before is damaged; it is compiled anew."
    ]
    file.write(DATA)
    assert file.read() == DATA


def test_a_full_disk_leaves_what_there_was(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    of(tmp_path).write(DATA)
    monkeypatch.setattr(whole_file.os, "fsync", full)
    of(tmp_path).write(b"newer")
    assert caplog.messages == [
        "weather.onnx: its engine: what was compiled of it cannot be kept (No space left on device)."
    ]
    assert of(tmp_path).read() == DATA
    assert list(tmp_path.glob("*.part")) == []


def test_one_whose_engine_is_gone_is_pruned(tmp_path: Path) -> None:
    file = of(tmp_path)
    file.write(DATA)
    assert EngineCache(tmp_path).prune() == []  # its engine may be on its way
    os.utime(file.path, (0.0, 0.0))
    assert EngineCache(tmp_path).prune() == [file.path.name]


def test_another_driver_s_that_goes_meanwhile_is_no_trouble(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process that compiles for the same card takes it away first."""
    gone = of(tmp_path, replace(SPEC, driver="1")).path
    monkeypatch.setattr(engine_jit, "jit_files", lambda *_: [gone])
    of(tmp_path).write(DATA)
    assert of(tmp_path).read() == DATA
    assert caplog.messages == []
