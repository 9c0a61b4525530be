"""Ten minutes of a green-screen stage, of which a take rolls in all, and which is then killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from statistics import fmean, median
from typing import Any

import av
import psutil
import pytest

from tests.soak.test_soak import MINUTES, megabytes
from tests.stage_text import green_stage

SCREEN = "[[screen]]\nsize_m = [6.0, 4.0]\nposition_m = [0.0, 4.0, 0.0]\n"
RECORDED = '[[output]]\nkind = "recording"\nfeed = "composite:1"\n'
LATE = 'kind = "synthetic"\nresolution = [320, 180]\nlatency_ms = 40.0'
STAGE = green_stage("key:1", source=LATE, overscan=5.0).replace("rate = 24\n", 'rate = 24\nshow = "show.toml"\n')
STAGE = STAGE.replace("[control]", SCREEN + RECORDED + "[control]")
SHOW = 'version = 1\nshow.name = "x"\n[[scene]]\nslug = "a"\nplate.kind = "street"\n'
# Twice a second: the newest tick, now, and how old the camera's picture in it is when it is seen.
SCRIPT = """\
import json, logging, sys, time
from pathlib import Path
from vpengine.app import App, RunOptions
from vpengine.control.triggers import TakeTrigger
logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")
with App(RunOptions(Path(sys.argv[1]), headless=True, takes=Path(sys.argv[2]), remember=False)) as app:
    app.wait_until_ready()
    while app.loop.newest is None or "1" not in app.loop.newest.captured:
        app.run_frames(1)
    app.inbox.add(TakeTrigger("roll"))
    def tell(_):
        newest = app.loop.newest
        captured = newest.captured.get("1")
        age_s = newest.tick.display_time_s - captured.time_s if captured else None
        number = captured.number if captured else None
        print(json.dumps([newest.tick.number, number, time.monotonic(), age_s]), flush=True)
    app.run(86400.0, tell)
"""
KILL_S, LATE_S = 1.5, 0.02  # what a kill may cost, and how much older a picture may become


def quarters(values: Sequence[float]) -> tuple[Sequence[float], Sequence[float]]:
    """The first and the last, after a tenth in which it settles."""
    settled = values[len(values) // 10 + 1 :]
    return settled[: len(settled) // 4], settled[-(len(settled) // 4) :]


def played(film: Path) -> tuple[int, int, float]:
    """How many pictures can be decoded, the last one's place, and the longest gap in seconds."""
    count, last, gap_s = 0, -1, 0.0
    with av.open(str(film)) as container:
        stream = container.streams.video[0]
        with suppress(av.error.InvalidDataError, av.error.EOFError):  # what is broken at its end is passed over
            for frame in container.decode(stream):
                assert frame.time is not None
                number = round(frame.time * 24)
                gap_s = max(gap_s, (number - last) / 24.0)
                count, last = count + 1, number
    return count, last, gap_s


def tick_of(film: Path) -> int:
    """The tick of its first frame."""
    with av.open(str(film)) as container:
        said = {key.lower(): value for key, value in container.metadata.items()}["comment"]
    return int(said.split("tick ")[1].split(",")[0])


@pytest.mark.timeout(3600)
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL on this system")
def test_a_green_screen_stage_that_is_killed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Key, world, proxy and the camera's raw picture: memory stays flat, no picture becomes older, and what was
    recorded plays up to the last second.
    """
    stage, takes = tmp_path / "stage.toml", tmp_path / "takes"
    stage.write_text(STAGE, encoding="utf-8")
    (tmp_path / "show.toml").write_text(SHOW, encoding="utf-8")
    readings, told = list[float](), list[list[Any]]()
    command = [sys.executable, "-c", SCRIPT, str(stage), str(takes)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as engine:
        assert engine.stdout is not None
        process, end_s = psutil.Process(engine.pid), time.monotonic() + 3600.0
        while time.monotonic() < end_s and (line := engine.stdout.readline()):
            if not told:
                end_s = time.monotonic() + 60.0 * MINUTES
            told.append(json.loads(line))
            readings.append(megabytes(process))
        ended = engine.poll()
        engine.send_signal(signal.SIGKILL)
        killed_s = time.monotonic()
        said = engine.communicate(timeout=10.0)[1]
    assert ended is None, said
    tick, number, at_s, _ = told[-1]
    take = takes / "take-1"
    proxy, raw = take / "composite-1.mp4", take / "picture-1.mkv"
    composites, last_composite, longest_gap_s = played(proxy)
    pictures, last_picture, _ = played(raw)
    lines = map(json.loads, (take / "picture-1.pictures.jsonl").read_text(encoding="utf-8").splitlines())
    last_number = {line["frame"]: line["number"] for line in lines}[last_picture + 1]
    proxy_lacks_s = (tick - tick_of(proxy) - last_composite) / 24.0 + killed_s - at_s
    raw_lacks_s = (number - last_number) / 24.0 + killed_s - at_s
    memory, ages_s = quarters(readings), quarters([age for *_, age in told if age is not None])
    with capsys.disabled():
        print(f"\n{60.0 * MINUTES:.0f} s: {fmean(memory[0]):.0f} to {fmean(memory[1]):.0f} MB; a picture is")
        print(f"{1e3 * median(ages_s[0]):.0f} to {1e3 * median(ages_s[1]):.0f} ms old; {composites} of the composite,")
        print(f"all but {proxy_lacks_s:.2f} s, {longest_gap_s:.2f} s apart at most; {pictures} raw, all but")
        print(f"{raw_lacks_s:.2f} s. {said.strip()}")
    assert fmean(memory[1]) < 1.03 * fmean(memory[0])
    assert median(ages_s[1]) < median(ages_s[0]) + LATE_S
    assert proxy_lacks_s < KILL_S
    assert raw_lacks_s < KILL_S
    assert pictures > 0.9 * last_picture
    assert composites > 0.5 * last_composite
