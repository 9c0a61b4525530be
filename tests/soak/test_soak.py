"""What takes longer than a minute: memory over ten minutes of the demo stage, a generator stopped for half of one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from itertools import groupby
from pathlib import Path

import psutil
import pytest

from vpengine.cli.bench_live import stage_on_ports, vpengine
from vpengine.cli.ports import free_port

MINUTES = float(os.environ.get("VPENGINE_SOAK_MINUTES", "10"))


def megabytes(process: psutil.Process) -> float:
    return sum(part.memory_info().rss for part in [process, *process.children(recursive=True)]) / 1e6


@pytest.mark.timeout(3600)
def test_memory_stays_flat_under_the_demo(tmp_path: Path) -> None:
    """A moving camera, the generator at work: at most 1.2 GB, and no growth after the first minute."""
    tracking, control = free_port(), free_port()
    stage = stage_on_ports(tmp_path, tracking, control)
    seconds = str(60.0 * MINUTES)
    look = ["--set", "look.snow=0.85", "--set", "look.night=0.7"]
    engine = subprocess.Popen(vpengine("run", str(stage), "--headless", "--seconds", seconds, *look))
    tracker = subprocess.Popen(vpengine("simulate", "handheld", "--to", f"osc://127.0.0.1:{tracking}"))
    readings: list[float] = []
    try:
        process = psutil.Process(engine.pid)
        while engine.poll() is None:
            time.sleep(5.0)
            if engine.poll() is None:
                readings.append(megabytes(process))
    finally:
        tracker.kill()
        engine.kill()
    assert engine.returncode == 0
    settled = readings[len(readings) // 10 + 1 :]
    assert max(settled) < 1200.0
    first, last = settled[: len(settled) // 4], settled[-(len(settled) // 4) :]
    assert sum(last) / len(last) < 1.03 * sum(first) / len(first)


@pytest.mark.timeout(300)
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGSTOP on this system")
def test_a_generator_stopped_for_thirty_seconds(tmp_path: Path) -> None:
    """Every tick is drawn while the neural process is stopped, killed and started again."""
    tracking, control = free_port(), free_port()
    stage, report = stage_on_ports(tmp_path, tracking, control), tmp_path / "report.json"
    command = vpengine("run", str(stage), "--headless", "--seconds", "45", "--report", str(report))
    engine = subprocess.Popen([*command, "--set", "look.snow=0.8", "--log", str(tmp_path / "take")])
    tracker = subprocess.Popen(vpengine("simulate", "handheld", "--to", f"osc://127.0.0.1:{tracking}"))
    try:
        end_s = time.monotonic() + 35.0
        time.sleep(5.0)
        while time.monotonic() < end_s:
            for child in psutil.Process(engine.pid).children():
                with suppress(psutil.NoSuchProcess):  # it was just killed, and is not yet gone
                    if "spawn_main" in " ".join(child.cmdline()):
                        child.send_signal(signal.SIGSTOP)
            time.sleep(1.0)
        engine.wait(60.0)
    finally:
        tracker.kill()
        engine.kill()
    figures = json.loads(report.read_text(encoding="utf-8"))
    lines = (tmp_path / "take" / "frames.jsonl").read_text(encoding="utf-8").splitlines()
    ticks = [json.loads(line)["tick"][0] for line in lines]
    assert ticks == list(range(ticks[0], ticks[0] + len(ticks)))
    assert figures["generator"]["restarts"] >= 2


TRACK = Path(__file__).parent.parent.parent.parent / "shared" / "data" / "tracks" / "tum_fr2_desk_groundtruth.txt"


@pytest.mark.timeout(300)
@pytest.mark.skipif(not TRACK.is_file(), reason="the recorded track fr2_desk is not here")
def test_a_recorded_track_with_a_dropout_is_replayed_over_udp(tmp_path: Path) -> None:
    """Fifteen seconds either side of the real 12 s gap: the camera is held through it, and never flies away."""
    rows = [line for line in TRACK.read_text(encoding="utf-8").splitlines() if line and line[0] != "#"]
    times = [float(row.split()[0]) for row in rows]
    gap = max(range(1, len(times)), key=lambda i: times[i] - times[i - 1])
    kept = [row for row, t in zip(rows, times, strict=True) if times[gap - 1] - 15.0 <= t <= times[gap] + 15.0]
    cut = tmp_path / "cut.txt"
    cut.write_text("\n".join(kept) + "\n", encoding="utf-8")
    tracking, control = free_port(), free_port()
    stage, take = stage_on_ports(tmp_path, tracking, control), tmp_path / "take"
    seconds = times[gap] - times[gap - 1] + 30.0
    command = vpengine("run", str(stage), "--headless", "--seconds", str(seconds + 8.0), "--log", str(take))
    engine = subprocess.Popen([*command, "--set", "look.snow=0.8"])
    time.sleep(6.0)
    tracker = subprocess.Popen(vpengine("simulate", str(cut), "--to", f"osc://127.0.0.1:{tracking}"))
    assert engine.wait(seconds + 60.0) == 0
    tracker.wait(10.0)
    lines = [json.loads(line) for line in (take / "frames.jsonl").read_text(encoding="utf-8").splitlines()]
    cameras = [line["cameras"]["1"] for line in lines]
    stretches = [list(group) for lost, group in groupby(cameras, lambda camera: 1.0 < camera["age_s"] < 1e3) if lost]
    print([(len(stretch), len({tuple(c["pose"]["position_m"]) for c in stretch})) for stretch in stretches])
    assert max(len(stretch) for stretch in stretches) > 100
    for stretch in stretches:  # the gap, and after the track's end: each is held at one pose
        assert len({tuple(camera["pose"]["position_m"]) for camera in stretch}) == 1
    assert max(abs(value) for camera in cameras for value in camera["pose"]["position_m"]) < 6.0
    ticks = [line["tick"][0] for line in lines]
    assert ticks == sorted(set(ticks))
