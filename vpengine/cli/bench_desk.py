"""Bench: the desk. From an OSC message to its value in a frame, from GO and SAFE to the walls; by real UDP."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from pythonosc.osc_message_builder import OscMessageBuilder

from vpengine.app import App, RunOptions
from vpengine.cli.bench_live import free_port, stage_on_ports
from vpengine.control import buttons
from vpengine.control.declared import INNER_EXPOSURE
from vpengine.frames.frame_input import FrameInput
from vpengine.gpu.transfer import download

MESSAGES, MESSAGES_HZ = 4000, 1000
TRIES = 8
PATIENCE_FRAMES = 200
STEP = 1.0 / 4096.0  # between two messages' values: exact in OSC's numbers, and MESSAGES of them are in the range
CUES = "version = 1\n" + "".join(
    f'[[cue]]\nnumber = "{number}"\nscene = "{scene}"\ntransition = "cut"\n'
    for number, scene in enumerate(("chart", "day") * TRIES, 1)
)
# In a process of its own: it must not share an interpreter with what it measures.
SENDER = """
import json, socket, sys, time
packets, port, rate = json.load(sys.stdin)
out, sent, begun = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), [], time.monotonic()
for number, packet in enumerate(packets):
    while time.monotonic() < begun + number / rate:
        time.sleep(0.0002)
    sent.append(time.monotonic())
    out.sendto(bytes.fromhex(packet), ("127.0.0.1", port))
print(json.dumps(sent))
"""


def measure_desk() -> dict[str, Any]:
    """``message``: from its sending to the frame that has its value, at 1,000 a second, in milliseconds, beside the
    frame's period. ``go_frames``, ``safe_frames``: until a wall shows another picture, and until all are safe.
    """
    with tempfile.TemporaryDirectory() as folder:
        control = free_port()
        stage = stage_on_ports(Path(folder), 0, control)
        (Path(folder) / "shows" / "street.cues.toml").write_text(CUES, encoding="utf-8")
        options = RunOptions(stage, headless=True, scene="day", remember=False, takes=Path(folder) / "takes")
        with App(options) as app:
            app.wait_until_ready()
            app.run(1.0)
            go = [_frames_until_changed(app, control) for _ in range(TRIES)]
            return {
                "message": _messages(app, control),
                "go_frames": {"p50": float(np.median(go)), "max": max(go)},
                "safe_frames": _frames_until_safe(app, control),
            }


def _messages(app: App, control: int) -> dict[str, float]:
    packets = [_packet(INNER_EXPOSURE, float(STEP * number)).hex() for number in range(1, MESSAGES + 1)]
    applied: list[tuple[float, int]] = []  # when a frame had gathered, and the newest message in it
    gather = app.loop.gather

    def gathered(*arguments: Any) -> FrameInput:
        frame = gather(*arguments)
        applied.append((time.monotonic(), round(float(frame.controls[INNER_EXPOSURE]) / STEP)))
        return frame

    app.loop.gather = gathered  # type: ignore[assignment, method-assign]
    sender = subprocess.Popen([sys.executable, "-c", SENDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert sender.stdin is not None
    sender.stdin.write(json.dumps([packets, control, MESSAGES_HZ]))
    sender.stdin.close()
    app.run(MESSAGES / MESSAGES_HZ + 2.0)
    app.loop.gather = gather  # type: ignore[method-assign]
    assert sender.stdout is not None
    sent = json.loads(sender.stdout.read())
    sender.wait()
    times = np.array([time_s for time_s, _ in applied])
    newest = np.maximum.accumulate([number for _, number in applied])
    first = np.searchsorted(newest, np.arange(1, MESSAGES + 1))  # the frame that has each, or a newer one
    waited_ms = 1e3 * (times[np.minimum(first, len(times) - 1)] - np.array(sent))
    p50, p99 = np.percentile(waited_ms, [50, 99])
    return {
        "p50_ms": round(float(p50), 2),
        "p99_ms": round(float(p99), 2),
        "max_ms": round(float(waited_ms.max()), 2),
        "period_ms": round(1e3 / float(app.files.stage.rate), 2),
        "lost_last": float(newest[-1] != MESSAGES),
    }


def _frames_until_changed(app: App, control: int) -> int:
    """Frames from GO's arrival to the first in which a wall shows another picture."""
    app.run(0.5)
    before = _walls(app)
    _send(control, buttons.GO)
    for count in range(1, PATIENCE_FRAMES):
        app.run_frames(1)
        if any(not np.array_equal(now, then) for now, then in zip(_walls(app), before, strict=True)):
            return count
    return PATIENCE_FRAMES


def _frames_until_safe(app: App, control: int) -> int:
    """Frames from SAFE's arrival to the first in which every wall shows what it shows ever after."""
    app.desk.controls.set("/vp/look/snow", 0.8)
    app.run(3.0)
    _send(control, buttons.SAFE)
    shown = []
    for _ in range(12):
        app.run_frames(1)
        shown.append(_walls(app))
    same = [all(map(np.array_equal, walls, shown[-1])) for walls in shown]
    return same.index(True) + 1


def _walls(app: App) -> list[Any]:
    pictures = app.loop.executor.pictures
    return [download(pictures[f"wall:{wall.id}"].color) for wall in app.files.stage.walls]


def _send(control: int, address: str) -> None:
    """And until the door has heard it: what is counted is the engine's frames."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.sendto(_packet(address, 1), ("127.0.0.1", control))
    time.sleep(0.01)


def _packet(address: str, value: float) -> bytes:
    builder = OscMessageBuilder(address)
    builder.add_arg(value)
    return bytes(builder.build().dgram)
