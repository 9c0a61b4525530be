"""The bench's keys, on stages small enough for a test: what other programs read out of its JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from vpengine.cli import bench_keyframe
from vpengine.cli.bench import MEASURES, table
from vpengine.cli.bench_frame import SMALL, demo_stage, scaled
from vpengine.compose import keyframe_textures, neural
from vpengine.frames.keyframe import Request
from vpengine.gpu.context import is_software
from vpengine.neural.process_host import ProcessHost


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


def test_they_are_measures_of_the_command() -> None:
    assert {"keyframe", "jobs"} <= MEASURES.keys()
