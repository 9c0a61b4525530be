"""The bench's keys, on stages small enough for a test: what other programs read out of its JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vpengine.cli import bench_desk, bench_keyframe, bench_pictures, bench_reprojection
from vpengine.cli.bench import MEASURES, bench, table
from vpengine.cli.bench_frame import SMALL, demo_stage, scaled
from vpengine.cli.bench_pictures import Frame, Studio
from vpengine.cli.bench_reprojection import FRAMES, PACES, START_S, decibels, measure_reprojection, recorded
from vpengine.compose import keyframe_textures, neural
from vpengine.errors import UserError
from vpengine.frames.keyframe import Request
from vpengine.gpu.context import is_software
from vpengine.neural.process_host import ProcessHost
from vpengine.tracking.moves import MOVES


def test_a_keyframe_s_cost_by_size(gpu: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many frames as its bytes need, besides the one that brings it down; the sum is more than the most."""
    for module in (keyframe_textures, neural):
        monkeypatch.setattr(module, "BYTES_A_FRAME", 64 * 36 * 20 // 2)
    found = bench_keyframe.measure_keyframe(((32, 18), (64, 36)), keyframes=3)
    assert json.loads(json.dumps(found)) == found
    assert [set(row) for row in found] == [{"size", "main_thread_ms", "most_in_a_frame_ms", "frames"}] * 2
    assert [(row["size"], row["frames"]) for row in found] == [("32x18", 2), ("64x36", 3)]
    assert all(0.0 < row["most_in_a_frame_ms"] < row["main_thread_ms"] for row in found)
    assert table("keyframe", found).row_count == 2


@pytest.mark.alone
def test_a_keyframe_that_the_generator_loses_is_asked_again(gpu: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine makes a generator late, and its host ends it: the measure goes on with the next."""
    submit, killed = ProcessHost.submit, []

    def losing(host: ProcessHost, request: Request, now_s: float) -> None:
        submit(host, request, now_s)
        if len(killed) < 1:
            killed.append(host.health.pid)
            host._fail("it was late", now_s)

    monkeypatch.setattr(ProcessHost, "submit", losing)
    (found,) = bench_keyframe.measure_keyframe(((32, 18),), keyframes=1)
    assert killed
    assert found["main_thread_ms"] > 0.0


@pytest.mark.alone
def test_every_job_of_the_demo_stage_is_timed(gpu: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those of requests: the generator is at work."""
    small = demo_stage(lambda stage: scaled(replace(stage, outputs=()), SMALL))
    monkeypatch.setattr(bench_keyframe, "demo_stage", lambda _: small)
    found = bench_keyframe.measure_jobs(60)
    assert json.loads(json.dumps(found)) == found
    assert {"wall main", "outer", "request, its plate", "request, brought down", "keyframes, program 1"} <= found.keys()
    for times in found.values():
        assert times.keys() == {"cpu_ms_p50", "gpu_ms_p50"}
        assert times["cpu_ms_p50"] >= 0.0
        assert (times["gpu_ms_p50"] is None) == is_software(gpu)
    assert found["wall main"]["cpu_ms_p50"] > 0.0
    assert table("jobs", found).row_count == 2 * len(found)


DAY = {"day": {"snow": 1.0, "fog": 0.2}}
KEYS = "track look staleness_ms images_per_s stale_db reprojected_db worst5_db holes_percent frames"


@pytest.fixture
def small(gpu: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_pictures, "SIZE", (160, 90))


@pytest.fixture
def studio(small: None) -> Iterator[Studio]:
    made = Studio(DAY, face_px=128)
    yield made
    made.release()


def errors_db(studio: Studio, move: str, time_s: float, ages_s: list[float]) -> tuple[float, float, float]:
    """Of the stale picture and of the re-projected one; and the share of holes."""
    found = Frame(studio, MOVES[move](1), time_s).compared("day", ages_s)
    stale, reprojected = (
        decibels([float(np.mean((it - found.truth) ** 2))]) for it in (found.stale, found.reprojected)
    )
    return stale, reprojected, float(found.holes.mean())


@pytest.mark.slow
def test_reprojection_has_a_row_for_every_look_course_and_pace(
    small: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looks by day first; recorded tracks beside the moves."""
    monkeypatch.setattr(bench_reprojection, "FRAMES", 2)
    monkeypatch.setattr(bench_reprojection, "SPANS_S", {"dolly": (2.0, 14.0)})
    monkeypatch.setattr(bench_reprojection, "PACES", PACES[-2:])
    track = tmp_path / "still.txt"
    track.write_text("".join(f"{0.05 * i:.2f} 0 0 0 0.70711 0 0 -0.70711\n" for i in range(61)))
    found = measure_reprojection([track], face_px=64)
    assert json.loads(json.dumps(found)) == found
    assert {" ".join(row) for row in found} == {KEYS}
    expected = [
        (look, name, pace) for look in ("snow day", "snow night") for name in ("still", "dolly") for pace in (8, 1)
    ]
    assert [(row["look"], row["track"], row["images_per_s"]) for row in found] == expected
    assert [row["staleness_ms"] for row in found] == [1000, 1500] * 4
    assert {row["frames"] for row in found} == {2}
    assert table("reprojection", found).row_count == 8


def test_a_camera_at_rest_has_nothing_stale_and_no_holes(studio: Studio) -> None:
    stale, reprojected, holes = errors_db(studio, "still", 3.0, [1.0])
    assert min(stale, reprojected) > 45.0
    assert holes == 0.0


@pytest.mark.slow
def test_after_a_whip_the_surround_fills_what_no_keyframe_saw(small: None) -> None:
    """Fifty degrees in a third of a second: a keyframe from before shows a part of the picture alone."""
    found = []
    for surround in (True, False):  # one after the other: each has an OpenGL context of its own
        studio = Studio(DAY, surround, face_px=128)
        found.append(errors_db(studio, "whip", 1.36, [0.36]))
        studio.release()
    (stale, around, few), (_, without, many) = found
    assert many > 0.5
    assert few < 0.1 * many
    assert around > stale + 6.0
    assert around > without + 1.0


def test_what_is_shown_depends_on_the_frame_alone(studio: Studio) -> None:
    """Not on what was looked at before."""
    first = errors_db(studio, "dolly", 3.0, [0.5, 0.625])
    errors_db(studio, "whip", 1.36, [0.36])
    assert errors_db(studio, "dolly", 3.0, [0.5, 0.625]) == first


def test_ages_are_what_a_row_says() -> None:
    for pace in PACES:
        newest_s = [pace.ages_s(number)[0] for number in range(FRAMES)]
        assert np.mean(newest_s) * 1e3 == pytest.approx(pace.staleness_ms)
        assert np.diff(pace.ages_s(3)) == pytest.approx([1.0 / pace.images_per_s] * 3)
    assert sorted(newest_s) == pytest.approx(np.linspace(1.0, 2.0, FRAMES, endpoint=False) + 0.5 / FRAMES)
    assert max(newest_s) <= START_S


def test_frames_after_a_dropout_are_left_out(tmp_path: Path) -> None:
    """Those whose newest keyframe may be from before it: its samples are 50 ms apart, but from 4 s to 5 s."""
    times_s = [0.05 * i for i in range(201) if not 80 < i < 100]
    track = tmp_path / "gap.txt"
    track.write_text("".join(f"{time_s:.2f} {time_s} 0 0 0.70711 0 0 -0.70711\n" for time_s in times_s))
    course = recorded(track)
    assert course.name == "gap"
    assert {time_s for time_s in course.frames_s if 4.0 < time_s < 7.0} == set()
    assert (course.frames_s[0], course.frames_s[-1]) == (2.0, 10.0)
    assert len(course.frames_s) == FRAMES - 6


def test_a_track_that_cannot_be_read_is_told_of_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(tracks: object) -> None:
        raise AssertionError("measured")

    monkeypatch.setattr("vpengine.cli.bench.MEASURES", {"x": never})
    with pytest.raises(UserError, match=r"none\.txt: cannot be read as a camera track"):
        bench(track=[tmp_path / "none.txt"])


def test_they_are_measures_of_the_command() -> None:
    assert {"keyframe", "jobs", "reprojection", "generator"} <= MEASURES.keys()


@pytest.mark.slow
@pytest.mark.alone
def test_the_desk_is_measured_by_real_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    """No message is lost, every GO changes a wall, and SAFE is in its own frame on any machine; how long they take is
    this machine's.
    """
    monkeypatch.setattr(bench_desk, "MESSAGES", 100)
    monkeypatch.setattr(bench_desk, "TRIES", 2)
    monkeypatch.setattr(bench_desk, "SAFES", 1)
    found = bench_desk.measure_desk()
    assert json.loads(json.dumps(found)) == found
    message, go = found["message"], found["go"]
    assert message["lost_last"] == 0.0
    assert 0.0 < message["p50_ms"] <= message["p99_ms"] <= message["max_ms"]
    assert message["p50_frames"] == pytest.approx(message["p50_ms"] / message["period_ms"], abs=0.01)
    assert 1 <= go["p50_frames"] <= go["max_frames"] < bench_desk.PATIENCE_FRAMES
    assert 0.0 < go["p50_ms"] <= go["max_ms"]
    assert found["safe"] == {"max_frames": 1}
    assert found["goals"] == {"message_p99_ms": 43.67, "go_max_frames": 2, "safe_max_frames": 1}


def test_a_message_waits_for_the_first_frame_that_has_it_or_a_newer_one() -> None:
    """Three frames, 40 ms apart; the second message is overtaken by the third in the frame that would have had it."""
    begun = np.array([(0.0, 0), (0.04, 1), (0.08, 3)])
    waits = bench_desk._waits(begun, np.array([0.01, 0.045, 0.07]), 40.0)
    assert (waits["p50_ms"], waits["max_ms"]) == (30.0, 35.0)
    assert (waits["p50_frames"], waits["max_frames"]) == (0.75, 0.88)
    assert waits["lost_last"] == 0.0
    assert bench_desk._waits(begun, np.array([0.01, 0.045, 0.07, 0.075]), 40.0)["lost_last"] == 1.0
