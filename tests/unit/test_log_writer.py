"""A take is written beside the show: a disk that fails, is full or does not answer never holds it up."""

from __future__ import annotations

import errno
import os
import sys
import threading
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.take_frames import frame, keyframe, plate
from tests.waiting import until, waited_s, waits_here
from vpengine.frames.frame_input import Tick
from vpengine.frames.keyframe import Keyframe
from vpengine.takes.log import LogWriter, count_frames, read_log


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


class SlowDisk:
    """A writer whose folder is made when it is told to: what it is given meanwhile waits."""

    def __init__(self, folder: Path) -> None:
        self._answers = threading.Event()
        (folder / "keyframes").mkdir()
        self.writer = LogWriter(folder, make=lambda: folder if self._answers.wait(60.0) else Path())

    def answers(self) -> None:
        self._answers.set()
        until(self.writer._queue.empty)


def test_what_finds_no_room_is_counted_and_its_keyframes_come_with_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``note`` never waits. A keyframe comes once: a film of the log without it would show another picture."""
    monkeypatch.setattr("vpengine.takes.log._LEAST_FRAMES", 4)
    monkeypatch.setattr("vpengine.takes.log._QUEUE_S", 0.1)
    disk = SlowDisk(tmp_path)
    for number in range(1, 11):
        disk.writer.note(frame(number, (keyframe(number),) if number in (2, 6) else ()))
    assert (disk.writer.dropped, disk.writer.noted) == (6, 10)
    disk.answers()
    disk.writer.note(frame(11, (keyframe(11),)))
    disk.writer.close()
    assert (disk.writer.dropped, disk.writer.noted) == (6, 11)
    found = [(item.tick.number, [key.request.number for key in item.keyframes]) for item in read_log(tmp_path, plate)]
    assert found == [(1, []), (2, [2]), (3, []), (4, []), (11, [6, 11])]


def test_there_is_room_for_ten_seconds_of_any_rate_and_the_preroll(tmp_path: Path) -> None:
    disk = SlowDisk(tmp_path)
    for number in range(12 * 144):
        disk.writer.note(replace(frame(number), tick=Tick(number, number / 144.0, Fraction(144))))
    assert disk.writer.dropped == 0
    disk.answers()
    disk.writer.close(60.0)


def test_a_disk_that_fails_is_told_and_does_not_hold_up_the_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The folder for keyframes disappears: the log ends there, the run does not."""
    writer = LogWriter(tmp_path)
    (tmp_path / "keyframes").rmdir()
    for number in range(300):
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
    with waits_here() as waits:
        writer.close(60.0)
    assert waited_s(waits) < 30.0
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
    with waits_here() as waits:
        writer.close()
    assert 0.0 < waited_s(waits) < 3.0
    assert "the disk does not answer" in caplog.text
    assert writer.dropped == count, "whoever asks whether all is there hears that it is not"
    os.close(os.open(tmp_path / "frames.jsonl", os.O_RDONLY | os.O_NONBLOCK))  # it answers; the thread sees the end
    writer._thread.join(30.0)
    assert not writer._thread.is_alive()
    assert not [thread for thread in threading.enumerate() if thread.name == "take-writer"]
