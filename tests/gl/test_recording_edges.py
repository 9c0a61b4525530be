"""Recordings of a running engine at their edges: begun late, cut while the disk stands still, tried again."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from tests.recording import move, numbers_of, recording, recordings, run_frames, running, shown, with_outputs
from tests.waiting import until
from vpengine.control.triggers import TakeTrigger
from vpengine.output.recording import FIRST_AGAIN_S


def chan_numbers(path: Path) -> list[int]:
    return [int(line.split()[0]) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize(("format", "file"), [("h264", "a.mp4"), ("ffv1", "a.mkv")])
def test_the_first_picture_is_frame_1_of_the_track(
    small_stage: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format: str, file: str
) -> None:
    """As where three pictures of the take before are still in flight: the first two find no buffer."""
    stage = with_outputs(small_stage, recording("wall:main", format, when="always", name="a"))
    with running(stage, tmp_path) as app:
        (output,) = recordings(app)
        real, asked = output._reader.begin, iter(range(1000))
        monkeypatch.setattr(output._reader, "begin", lambda *given: next(asked) >= 2 and real(*given))
        run_frames(app, 8, ())
    (figures,) = app.recorded()
    assert (figures["frames"], figures["dropped"]) == (6, 2)
    assert numbers_of(tmp_path / "recordings" / file)[0] == list(range(6))
    assert chan_numbers(tmp_path / "recordings" / "a.chan") == list(range(1, 7))


def test_what_found_no_room_before_the_cut_is_in_the_track(
    small_stage: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = with_outputs(small_stage, recording("wall:main", "ffv1", name="a"))
    goes = threading.Event()
    with running(stage, tmp_path) as app:
        (output,) = recordings(app)
        monkeypatch.setattr(output, "_place", lambda *a, real=output._place: (goes.wait(60.0), real(*a))[1])
        app.inbox.add(TakeTrigger("roll"))
        for number in range(40):
            move(app, number)
            app.run_frames(1)
            shown(app, "wall:main")
        app.inbox.add(TakeTrigger("cut"))
        app.run_frames(3)
        goes.set()
    (figures,) = app.recorded()
    assert (figures["frames"], figures["dropped"]) == (24, 16)
    assert chan_numbers(tmp_path / "takes" / "take-1" / "a.chan") == list(range(1, 41))


def test_ticks_that_the_show_had_no_time_for_are_told(small_stage: Path, tmp_path: Path) -> None:
    """They are holes in the file, and no picture of it was ever asked for."""
    stage = with_outputs(small_stage, recording("wall:main", "ffv1", when="always", name="a"))
    with running(stage, tmp_path) as app:
        (output,) = recordings(app)
        run_frames(app, 3, ())
        assert output._session is not None
        output._session.last -= 4  # as if the clock had left out so many
        run_frames(app, 2, ())
    (figures,) = app.recorded()
    assert (figures["frames"], figures["dropped"], figures["whole"]) == (5, 4, True)


def test_what_is_recorded_all_the_time_is_tried_again(
    small_stage: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The disk was full for a while, and no take rolls."""
    stage = with_outputs(small_stage, recording("wall:main", "ffv1", when="always", name="a"))
    now_s, full = [100.0], [True]

    def place(*given: object) -> object:
        if full[0]:
            raise OSError(28, "No space left on device")
        return real(*given)  # type: ignore[arg-type]

    with running(stage, tmp_path) as app:
        (output,) = recordings(app)
        real = output._place
        monkeypatch.setattr(output, "_clock", lambda: now_s[0])
        monkeypatch.setattr(output, "_place", place)
        app.run_frames(1)
        assert output._session is not None
        until(lambda: output._session.encoding.error is not None)
        app.run_frames(2)
        assert output._session is None
        full[0] = False
        now_s[0] += 2.0 * FIRST_AGAIN_S - 0.1
        app.run_frames(2)
        assert output._session is None
        now_s[0] += 0.2
        seen = run_frames(app, 6, ("wall:main",))
    said = [message for message in caplog.messages if "No space left" in message]
    assert said == [
        "recording wall:main: No space left on device; it is not recorded, and it is tried again.",
    ]
    numbers, frames = numbers_of(tmp_path / "recordings" / "a.mkv")
    assert numbers == list(range(6))
    np.testing.assert_array_equal(frames[5].to_ndarray(format="rgb24"), seen[5]["wall:main"][..., :3])
