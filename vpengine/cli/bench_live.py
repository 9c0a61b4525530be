"""Bench: the running stage. Steadiness, quiet and loaded; pose age. Real processes and real UDP, on free ports."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pythonosc.osc_message_builder import OscMessageBuilder

from vpengine.cli.ports import free_port
from vpengine.errors import UserError
from vpengine.files import controls_of
from vpengine.stage.shipped import stage_folder
from vpengine.stage.stage_file import load_stage
from vpengine.stage.state_folder import OVERRIDE
from vpengine.takes.report import late_percent

DEMO_STAGE = stage_folder() / "led_volume.toml"
SECONDS = 12.0
LOADED_HZ, FLOOD_HZ = 1000, 5000
TRACKER_HZ = 120


def measure_steadiness() -> dict[str, Any]:
    """Late frames and the interval's p99 in periods at the stage's rate: quiet, under load, on a machine of which
    another program has half a core, and on one core.
    """
    tracked = ["handheld", "--rate", str(TRACKER_HZ)]
    results = {
        "quiet": _steadiness(run_stage([], nothing)),
        "loaded": _steadiness(run_stage(["handheld", "--rate", str(LOADED_HZ)], flood)),
        "slow": _steadiness(run_stage(tracked, hog)),
    }
    if hasattr(os, "sched_setaffinity"):
        results["one_core"] = _steadiness(run_stage(tracked, nothing, cores={0}))
    return results


def _steadiness(report: dict[str, Any]) -> dict[str, float]:
    rate = float(load_stage(DEMO_STAGE, controls_of).rate)
    return {
        "late_percent": round(late_percent(report), 2),
        "interval_p99_periods": round(report["interval_ms"]["p99"] * rate / 1e3, 3),
        "settled_late_percent": report["settled_late_percent"],
        "images_per_s": report["generator"]["images_per_s"],
        "rung": report["rung"]["lowest"],
    }


def nothing(control: int) -> None:
    """A quiet machine."""


def hog(control: int) -> None:
    """Half of a core for the length of the run, in turns of ten milliseconds."""
    end_s = time.monotonic() + SECONDS
    while (now_s := time.monotonic()) < end_s:
        while time.monotonic() - now_s < 0.01:
            pass
        time.sleep(0.01)


def measure_pose_age() -> dict[str, float]:
    """How old a pose is when the frame reads it, with a tracker at its usual rate and the generator at work."""
    report = run_stage(["handheld", "--rate", str(TRACKER_HZ)], nothing)
    return {
        "p99_ms": report["pose_age_ms"]["p99"],
        "tracker_interval_ms": round(1e3 / TRACKER_HZ, 3),
        "motion_to_present_p50_ms": report["motion_to_present_ms"]["p50"],
    }


def run_stage(
    move: list[str],
    beside: Callable[[int], None],
    cores: set[int] | None = None,
    of_show: Sequence[str] = ("--set", "look.snow=0.85", "--set", "look.night=0.7"),
    neural: Mapping[str, Any] = {},
) -> dict[str, Any]:
    """The demo stage in a process of its own, a simulated tracker in another; ``beside`` runs here meanwhile.

    cores: those that the stage's processes may use, all by default. of_show: options of ``vpengine run``, which say
    what is shown. neural: what its [neural] says instead. Raises UserError where the stage does not run, with its last
    words.
    """
    tracking, control = free_port(), free_port()
    with tempfile.TemporaryDirectory() as folder:
        stage, report = stage_on_ports(Path(folder), tracking, control, neural), Path(folder) / "report.json"
        length = ["--headless", "--seconds", str(SECONDS), "--report", str(report)]
        run = vpengine("run", str(stage), *length, *of_show)
        state = {**os.environ, OVERRIDE: folder}  # where a stage that is gone soon stood is nothing to remember
        words = Path(folder) / "words.txt"
        with words.open("w", encoding="utf-8") as said:
            running = [subprocess.Popen(run, stdout=subprocess.DEVNULL, stderr=said, env=state)]
        if cores is not None:
            os.sched_setaffinity(running[0].pid, cores)  # it has no thread yet: all that it starts inherits this
        if move:
            to = ["--to", f"osc://127.0.0.1:{tracking}"]
            running.append(subprocess.Popen(vpengine("simulate", *move, *to), stdout=subprocess.DEVNULL))
        beside(control)
        running[0].wait()
        for process in running[1:]:
            process.terminate()
            process.wait()
        if not report.exists():
            last = words.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
            raise UserError(f"the stage did not run: {' '.join(last) or 'it said nothing'}")
        return dict(json.loads(report.read_text(encoding="utf-8")))


def vpengine(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "vpengine", *arguments]


def stage_on_ports(folder: Path, tracking: int, control: int, neural: Mapping[str, Any] = {}) -> Path:
    """A copy of the demo stage that listens on other ports, beside a copy of its show, approved looks and clip.

    neural: keys of its [neural] with other values, texts or numbers.
    """
    text = DEMO_STAGE.read_text(encoding="utf-8")
    before, section, after = re.split(r"(?m)^(\[neural\]\n(?:(?!\[).*\n)*)", text)
    lines = [line for line in section.splitlines() if line.partition("=")[0].strip() not in neural]
    text = "\n".join([before + lines[0], *(f"{key} = {json.dumps(value)}" for key, value in neural.items())])
    text += "\n" + "\n".join(lines[1:]) + "\n" + after
    text = text.replace("port = 9000", f"port = {tracking}").replace("osc_port = 9001", f"osc_port = {control}")
    (folder / "shows").mkdir()
    for name in ("street.toml", "street.looks.toml", "dusk.mp4"):
        shutil.copyfile(stage_folder() / "shows" / name, folder / "shows" / name)
    path = folder / "stage.toml"
    path.write_text(text, encoding="utf-8")
    return path


def flood(control: int) -> None:
    """FLOOD_HZ fader messages a second for the length of the run, in bursts of a hundredth of a second."""
    builder = OscMessageBuilder("/vp/look/fog")
    builder.add_arg(0.1)
    packet = builder.build().dgram
    end_s = time.monotonic() + SECONDS
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        while time.monotonic() < end_s:
            for _ in range(FLOOD_HZ // 100):
                sender.sendto(packet, ("127.0.0.1", control))
            time.sleep(0.01)
