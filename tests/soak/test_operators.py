"""Fifty operators at once for a minute: nobody's last word is lost, and the engine's memory stays what it was."""

from __future__ import annotations

import json
import random
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from vpengine.cli.bench_live import stage_on_ports, vpengine
from vpengine.cli.ports import free_port
from vpengine.control.declared import INNER_EXPOSURE, INNER_SOFT_EDGE, OUTER_EXPOSURE, OUTER_LEVEL
from vpengine.takes.report import late_percent

CLIENTS, CHANGES_HZ, SECONDS = 50, 20, 60.0
WARM_S = 45.0  # as much of the same before: until the half minute that KEEP always holds has filled
AFTER_S = 30.0  # that the engine runs beyond both: to start in, and to be read at the end
FADERS = {
    INNER_EXPOSURE: (-8.0, 8.0),
    OUTER_EXPOSURE: (-8.0, 8.0),
    OUTER_LEVEL: (0.0, 4.0),
    INNER_SOFT_EDGE: (0.0, 128.0),
    **{f"/vp/look/{name}": (0.0, 1.0) for name in ("snow", "night", "fog", "dust", "rain", "fire")},
}
GROWTH_MB = 30.0


def packet(address: str, *arguments: Any) -> bytes:
    builder = OscMessageBuilder(address)
    for value in arguments:
        builder.add_arg(value)
    return bytes(builder.build().dgram)


class Tablet:
    """Moves faders; one that subscribed is told of all of them."""

    def __init__(self, port: int) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setblocking(False)
        self.shows: dict[str, Any] = {}

    def subscribe(self) -> None:
        self.socket.send(packet("/vp/subscribe"))

    def move(self, address: str, value: float) -> None:
        """What was told before the hand moved does not move its fader afterwards."""
        self.listen()
        self.socket.send(packet(address, value))
        self.shows[address] = value

    def listen(self) -> None:
        while True:
            try:
                data = self.socket.recv(65536)
            except (BlockingIOError, ConnectionRefusedError):  # refused: the engine has not opened its door yet
                return
            messages = OscBundle(data) if OscBundle.dgram_is_bundle(data) else [OscMessage(data)]
            self.shows.update((message.address, next(iter(message.params), None)) for message in messages)

    def wrong(self, values: Mapping[str, float]) -> dict[str, Any]:
        """What it shows where that is not so; OSC's numbers have 24 bits."""
        self.listen()
        shown = {address: self.shows.get(address) for address in values}
        return {address: value for address, value in shown.items() if value != pytest.approx(values[address], abs=1e-4)}


@contextmanager
def clients(port: int, count: int) -> Iterator[list[Tablet]]:
    with ExitStack() as stack:
        tablets = [Tablet(port) for _ in range(count)]
        for tablet in tablets:
            stack.callback(tablet.socket.close)
        yield tablets


def until(done: Callable[[], bool], limit_s: float) -> bool:
    end_s = time.monotonic() + limit_s
    while not done():
        if time.monotonic() > end_s:
            return False
        time.sleep(0.05)
    return True


def knows_of_a_running_engine(tablet: Tablet) -> bool:
    tablet.subscribe()
    time.sleep(0.5)
    tablet.listen()
    return "/vp/state/scene" in tablet.shows


def megabytes(process: psutil.Process) -> float:
    """Of the engine and its generator's process."""
    return sum(part.memory_info().rss for part in [process, *process.children(recursive=True)]) / 1e6


def move_all(tablets: list[Tablet], chance: random.Random, process: psutil.Process) -> tuple[int, list[float]]:
    """Each tablet in its turn moves a fader, for WARM_S and SECONDS. Returns the number of changes, and memory in MB
    each second of SECONDS.
    """
    changes, readings, faders, rate_hz = 0, [], list(FADERS.items()), CLIENTS * CHANGES_HZ
    begun_s = time.monotonic()
    while (now_s := time.monotonic()) < begun_s + WARM_S + SECONDS:
        address, ends = chance.choice(faders)
        tablets[changes % CLIENTS].move(address, round(chance.uniform(*ends), 3))
        if changes % rate_hz == 0 and now_s > begun_s + WARM_S:
            readings.append(megabytes(process))
        changes += 1
        time.sleep(max(begun_s + changes / rate_hz - time.monotonic(), 0.0))
    return changes, readings


def last_words(tablets: list[Tablet], chance: random.Random) -> dict[str, float]:
    """Every fader is moved once more, by tablets of both kinds."""
    last = {address: round(chance.uniform(*ends), 3) for address, ends in FADERS.items()}
    for tablet, (address, value) in zip(tablets, last.items(), strict=False):
        tablet.move(address, value)
    return last


def wrong_of(tablets: list[Tablet], values: Mapping[str, float]) -> dict[int, dict[str, Any]]:
    """By number, those that show anything else; all are listened to."""
    return {number: found for number, tablet in enumerate(tablets) if (found := tablet.wrong(values))}


@pytest.mark.timeout(300)
def test_fifty_operators_for_a_minute(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A thousand changes a second on ten faders, every second operator told of everything. Who had the last word on a
    fader is heard by all who subscribed, and by one who asks the engine only then; how late frames were is told, and
    is this machine's.
    """
    control, chance, report = free_port(), random.Random(7), tmp_path / "report.json"
    stage = stage_on_ports(tmp_path, 0, control)
    length = ["--headless", "--seconds", str(WARM_S + SECONDS + AFTER_S), "--report", str(report)]
    engine = subprocess.Popen(vpengine("run", str(stage), *length, "--takes", str(tmp_path / "takes")))
    with ExitStack() as stack:
        stack.callback(engine.kill)
        tablets, (newcomer,) = (stack.enter_context(clients(control, count)) for count in (CLIENTS, 1))
        assert until(lambda: knows_of_a_running_engine(tablets[0]), 20.0)
        told = tablets[::2]
        for tablet in told:
            tablet.subscribe()
        changes, readings = move_all(tablets, chance, psutil.Process(engine.pid))
        last = last_words(tablets, chance)
        until(lambda: not wrong_of(told, last), 5.0)
        wrong = wrong_of(told, last)
        newcomer.subscribe()
        until(lambda: not newcomer.wrong(last), 3.0)
        engine.wait(AFTER_S + 30.0)
        unheld = newcomer.wrong(last)
    late = late_percent(json.loads(report.read_text(encoding="utf-8")))
    with capsys.disabled():
        memory = f"{readings[0]:.0f} to {readings[-1]:.0f} MB in {SECONDS:.0f} s, at most {max(readings):.0f}"
        print(f"\n{changes} changes in {WARM_S + SECONDS:.0f} s; {memory}; {late:.1f} % of frames late or left out")
        print(f"last words not shown by subscribers: {wrong}, by the engine: {unheld}")
    assert changes > 0.9 * (WARM_S + SECONDS) * CLIENTS * CHANGES_HZ, "this machine could not even send so much"
    assert (wrong, unheld) == ({}, {}), last
    assert max(readings) - readings[0] < GROWTH_MB
