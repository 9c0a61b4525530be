"""A run in figures, from lists whose answers are known."""

from __future__ import annotations

import json
import math
import subprocess
import sys

import numpy as np
import pytest

from vpengine.takes import report
from vpengine.takes.report import FrameTimes, Memory, percentiles

PERIOD_S = 0.04


def times(frames: list[tuple[float, float, float, float, float]]) -> FrameTimes:
    out = FrameTimes(PERIOD_S)
    for frame in frames:
        out.note(*frame)
    return out


def test_percentiles() -> None:
    assert percentiles([]) == {"p50": None, "p99": None, "max": None}
    assert percentiles(np.arange(101.0)) == {"p50": 50.0, "p99": 99.0, "max": 100.0}
    assert percentiles([1.23456, 1.23456]) == {"p50": 1.235, "p99": 1.235, "max": 1.235}


def test_summary_of_a_run() -> None:
    """begin, done, present, display, pose age in seconds; frame 3 is shown 30 ms late."""
    run = times(
        [
            (0.00, 0.010, 0.040, 0.04, 0.002),
            (0.04, 0.052, 0.080, 0.08, 0.004),
            (0.08, 0.094, 0.130, 0.12, 0.006),
            (0.13, 0.160, 0.190, 0.16, 0.008),
        ]
    ).summary()
    assert run["frames"] == 4
    assert run["seconds"] == 0.19
    assert run["work_ms"] == {"p50": 13.0, "p99": pytest.approx(29.52), "max": 30.0}
    assert run["interval_ms"] == {"p50": 50.0, "p99": pytest.approx(59.8), "max": 60.0}
    assert run["late_frames"] == 1  # 10 ms is less than half a period
    assert run["pose_age_ms"] == {"p50": 5.0, "p99": pytest.approx(7.94), "max": 8.0}
    # The pose's age when the frame began, and from there until it was seen.
    assert run["motion_to_present_ms"]["max"] == pytest.approx(68.0)  # type: ignore[index]


def test_what_is_missed_after_the_first_seconds_is_told_apart() -> None:
    """A late frame at once counts in the whole only; later one late and three ticks without a frame, of eleven."""
    out, missed = FrameTimes(PERIOD_S), []
    out.note(0.0, 0.01, 0.09, 0.04, 0.002, 0)
    for place, number in enumerate([200, 201, 202, 203, 204, 208, 209]):
        begin_s = number * PERIOD_S
        late_s = 0.03 if place == 3 else 0.0
        missed.append(out.note(begin_s, begin_s + 0.01, begin_s + 0.04 + late_s, begin_s + 0.04, 0.002, number))
    assert missed == [199, 0, 0, 1, 0, 3, 0]
    run = out.summary()
    assert run["late_frames"] == 2
    assert run["settled_late_percent"] == pytest.approx(100.0 * (1 + 199 + 3) / (7 + 199 + 3), abs=0.01)


def test_frames_without_a_tracker_do_not_shift_the_others() -> None:
    """Ages and presents belong together, wherever the tracker was missing."""
    run = times(
        [
            (0.00, 0.01, 0.50, 0.50, math.inf),  # half a second until it was seen, but nothing moved in it
            (0.50, 0.51, 0.54, 0.54, 0.003),
            (0.54, 0.55, 0.58, 0.58, math.inf),
        ]
    ).summary()
    assert run["pose_age_ms"] == {"p50": 3.0, "p99": 3.0, "max": 3.0}
    assert run["motion_to_present_ms"] == {"p50": 43.0, "p99": 43.0, "max": 43.0}


@pytest.mark.parametrize("frames", [[], [(0.0, 0.01, 0.04, 0.04, math.inf)]])
def test_a_short_or_empty_run_is_a_report_too(frames: list[tuple[float, float, float, float, float]]) -> None:
    run = times(frames).summary()
    assert run["frames"] == len(frames)
    assert run["late_frames"] == 0
    assert run["interval_ms"] == {"p50": None, "p99": None, "max": None}
    assert run["motion_to_present_ms"] == {"p50": None, "p99": None, "max": None}
    assert "NaN" not in json.dumps(run)


def test_memory_counts_the_neural_process() -> None:
    memory = Memory()
    code = "data = bytearray(120_000_000)\nprint(1, flush=True)\ninput()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdin is not None
        child.stdout.readline()
        memory.sample(child.pid)
        child.stdin.write(b"\n")
        child.stdin.close()
        child.wait()
        memory.sample(child.pid)  # it has gone: no error, and nothing counted
    figures = memory.summary()
    assert figures["max"] - figures["start"] > 110.0
    assert figures["end"] < figures["max"] - 100.0


def test_a_long_day_costs_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts go on; only the newest times are kept."""
    monkeypatch.setattr(report, "HISTORY", 10)
    run = times([(0.04 * n, 0.04 * n + 0.001 * n, 0.04 * n + 0.07, 0.04 * n + 0.04, 0.001) for n in range(25)])
    assert run.work_ms(3) == pytest.approx([22.0, 23.0, 24.0])
    assert len(run.work_ms(100)) == 10
    summary = run.summary()
    assert summary["frames"] == 25
    assert summary["late_frames"] == 25
    assert summary["seconds"] == pytest.approx(0.04 * 24 + 0.07)


def test_late_percent_counts_ticks_that_were_left_out() -> None:
    """A freeze of two seconds is not one late frame."""
    assert report.late_percent({"frames": 240, "late_frames": 0, "skipped_ticks": 0}) == 0.0
    assert report.late_percent({"frames": 240, "late_frames": 2, "skipped_ticks": 48}) == pytest.approx(100 * 50 / 288)
