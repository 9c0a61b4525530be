"""Bench: the desk. From an OSC message to its value in a frame, from GO and SAFE to the walls; by real UDP."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pythonosc.osc_message_builder import OscMessageBuilder

from vpengine.app import App, RunOptions
from vpengine.cli.bench_live import stage_on_ports
from vpengine.cli.ports import free_port
from vpengine.control import buttons
from vpengine.control.declared import INNER_EXPOSURE
from vpengine.control.messages import OperatorMessage
from vpengine.frames.frame_input import FrameInput, Tick
from vpengine.gpu.transfer import download

MESSAGES, MESSAGES_HZ = 4000, 1000
DRAWING_S = 0.5  # before the first: a run begins by collecting garbage, which no frame of a show waits for
TRIES, SAFES = 8, 2
STILL_S = 0.4  # between a cut and the next GO
SNOWED_S = 2.0  # until the walls show what is generated, which SAFE has to take away
UNITS = ("frames", "ms")
GO_OF: Sequence[tuple[str, Callable[..., float]]] = (("p50", np.median), ("max", np.max))
PATIENCE_FRAMES = 200
ARRIVAL_S = 5.0
STEP = 1.0 / 4096.0  # between two messages' values: exact in OSC's numbers, and MESSAGES of them are in the range
CUES = "version = 1\n" + "".join(
    f'[[cue]]\nnumber = "{number}"\nscene = "{scene}"\ntransition = "cut"\n'
    for number, scene in enumerate(("chart", "day") * TRIES, 1)
)
# In a process of its own: it must not share an interpreter with what it measures.
SENDER = """
import json, socket, sys, time
packets, port, rate, after_s = json.load(sys.stdin)
out, sent, begun = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), [], time.monotonic() + after_s
for number, packet in enumerate(packets):
    while time.monotonic() < begun + number / rate:
        time.sleep(0.0002)
    sent.append(time.monotonic())
    out.sendto(bytes.fromhex(packet), ("127.0.0.1", port))
print(json.dumps(sent))
"""


def measure_desk() -> dict[str, Any]:
    """``message``: from its sending to the beginning of the first frame that has its value, at 1,000 a second, in
    milliseconds and in frames' periods. ``go``: from its sending until a wall shows another picture. ``safe``: frames
    until every wall is safe. ``goals``: in the same units.
    """
    with tempfile.TemporaryDirectory() as folder:
        control = free_port()
        stage = stage_on_ports(Path(folder), 0, control)
        (Path(folder) / "shows" / "street.cues.toml").write_text(CUES, encoding="utf-8")
        options = RunOptions(stage, headless=True, scene="day", remember=False, takes=Path(folder) / "takes")
        with App(options) as app:
            app.wait_until_ready()
            app.run(1.0)
            period_ms = 1e3 / float(app.files.stage.rate)
            at_s = np.linspace(0.0, 1e-3 * period_ms, TRIES, endpoint=False)  # a hand keeps no time with frames
            go = np.array([_until_changed(app, control, after_s) for after_s in at_s])
            return {
                "message": _messages(app, control, period_ms),
                "go": {f"{name}_{unit}": _figure(of(go[:, i])) for i, unit in enumerate(UNITS) for name, of in GO_OF},
                "safe": {"max_frames": max(_frames_until_safe(app, control) for _ in range(SAFES))},
                "goals": {"message_p99_ms": round(period_ms + 2.0, 2), "go_max_frames": 2, "safe_max_frames": 1},
            }


def _messages(app: App, control: int, period_ms: float) -> dict[str, float]:
    packets = [_packet(INNER_EXPOSURE, float(STEP * number)).hex() for number in range(1, MESSAGES + 1)]
    begun: list[tuple[float, int]] = []  # when a frame began, and the newest message whose value it settled
    gather = app.loop.gather

    def gathered(tick: Tick, now_s: float) -> FrameInput:
        frame = gather(tick, now_s)
        begun.append((now_s, round(float(frame.controls[INNER_EXPOSURE]) / STEP)))
        return frame

    app.loop.gather = gathered  # type: ignore[method-assign]
    sender = subprocess.Popen([sys.executable, "-c", SENDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert sender.stdin is not None
    sender.stdin.write(json.dumps([packets, control, MESSAGES_HZ, DRAWING_S]))
    sender.stdin.close()
    app.run(DRAWING_S + MESSAGES / MESSAGES_HZ + 1.0)
    app.loop.gather = gather  # type: ignore[method-assign]
    assert sender.stdout is not None
    sent = json.loads(sender.stdout.read())
    sender.wait()
    return _waits(np.array(begun), np.array(sent), period_ms)


def _waits(begun: NDArray[np.float64], sent: NDArray[np.float64], period_ms: float) -> dict[str, float]:
    """begun: (frames, 2), when each began (s) and the newest message in it, counted from 1. sent: (messages,) s.

    A message that comes between its frame's beginning and the reading of the inbox has waited for nothing.
    """
    newest = np.maximum.accumulate(begun[:, 1])
    first = np.searchsorted(newest, np.arange(1, len(sent) + 1))  # the frame that has each, or a newer one
    waited_ms = 1e3 * np.maximum(begun[np.minimum(first, len(begun) - 1), 0] - sent, 0.0)
    figures = dict(zip(("p50", "p99", "max"), np.percentile(waited_ms, [50, 99, 100]), strict=True))
    return {
        **{f"{name}_ms": _figure(value) for name, value in figures.items()},
        **{f"{name}_frames": _figure(value / period_ms) for name, value in figures.items()},
        "period_ms": _figure(period_ms),
        "lost_last": float(newest[-1] != len(sent)),
    }


def _figure(value: float) -> float:
    return round(float(value), 2)


def _until_changed(app: App, control: int, after_s: float) -> tuple[int, float]:
    """From GO, sent ``after_s`` from now while frames are drawn, to the first in which a wall shows another picture:
    frames that were presented since, the one under way included, and milliseconds.
    """
    app.run(STILL_S)
    before, sent_s = _walls(app), list[float]()

    def press() -> None:
        sent_s.append(time.monotonic())
        _send(control, buttons.GO)

    pressing = threading.Timer(after_s, press)
    pressing.start()
    count = 0
    with _one_rung(app):
        while count < PATIENCE_FRAMES:
            app.run_frames(1)
            presented_s = time.monotonic()
            count += bool(sent_s and sent_s[0] < presented_s)
            if count and any(map(_differ, _walls(app), before)):
                break
    pressing.join()
    return count, 1e3 * (presented_s - sent_s[0])


def _frames_until_safe(app: App, control: int) -> int:
    """Frames from SAFE's arrival to the first in which every wall shows what it shows ever after. Where that is what
    was there before, SAFE had nothing to do, and the answer is PATIENCE_FRAMES.
    """
    _send(control, buttons.RELEASE)
    app.desk.controls.set("/vp/look/snow", 0.8)
    app.run(SNOWED_S)
    before, shown = _walls(app), []
    with _one_rung(app):
        _send_safe(app, control)
        for _ in range(12):
            app.run_frames(1)
            shown.append(_walls(app))
    if not any(map(_differ, before, shown[-1])):
        return PATIENCE_FRAMES
    unsafe = [any(map(_differ, walls, shown[-1])) for walls in shown]
    return unsafe.index(False) + 1


@contextmanager
def _one_rung(app: App) -> Iterator[None]:
    """Reading walls back makes frames late, and a governor that steps down for it draws other pictures: what is
    counted here would be its steps.
    """
    governor = app.loop.governor
    note = governor.note
    governor.note = lambda *told: None  # type: ignore[method-assign]
    try:
        yield
    finally:
        governor.note = note  # type: ignore[method-assign]


def _differ(one: NDArray[Any], other: NDArray[Any]) -> bool:
    return not np.array_equal(one, other)


def _walls(app: App) -> list[Any]:
    pictures = app.loop.executor.pictures
    return [download(pictures[f"wall:{wall.id}"].color) for wall in app.files.stage.walls]


def _send_safe(app: App, control: int) -> None:
    """Until the door has put it in the inbox, however late this machine wakes its thread: what is counted from there
    is the engine's frames.
    """
    renew, arrived = app.inbox.renew, threading.Event()

    def renewed(key: str, message: OperatorMessage) -> bool:
        room = renew(key, message)
        arrived.set()
        return room

    app.inbox.renew = renewed  # type: ignore[method-assign]
    try:
        _send(control, buttons.SAFE)
        if not arrived.wait(ARRIVAL_S):
            raise TimeoutError(f"SAFE did not arrive within {ARRIVAL_S:g} s")
    finally:
        app.inbox.renew = renew  # type: ignore[method-assign]


def _send(control: int, address: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.sendto(_packet(address, 1), ("127.0.0.1", control))


def _packet(address: str, value: float) -> bytes:
    builder = OscMessageBuilder(address)
    builder.add_arg(value)
    return bytes(builder.build().dgram)
