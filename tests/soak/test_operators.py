"""Fifty operators at once for a minute: nobody's last word is lost, and the engine's memory stays what it was."""

from __future__ import annotations

import random
import socket
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest
from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from vpengine.cli.bench_live import free_port, stage_on_ports, vpengine
from vpengine.control.declared import INNER_EXPOSURE, INNER_SOFT_EDGE, OUTER_EXPOSURE, OUTER_LEVEL

CLIENTS, CHANGES_HZ, SECONDS = 50, 20, 60.0
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
    """Moves faders and is told of all of them."""

    def __init__(self, port: int) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setblocking(False)
        self.shows: dict[str, Any] = {}

    def move(self, address: str, value: float) -> None:
        self.socket.send(packet(address, value))
        self.shows[address] = value

    def listen(self) -> None:
        while True:
            try:
                data = self.socket.recv(65536)
            except (BlockingIOError, ConnectionRefusedError):
                return
            messages = OscBundle(data) if OscBundle.dgram_is_bundle(data) else [OscMessage(data)]
            self.shows.update((message.address, next(iter(message.params), None)) for message in messages)


@pytest.mark.timeout(300)
def test_fifty_operators_for_a_minute(tmp_path: Path) -> None:
    """A thousand changes a second on ten faders, everybody told of everything."""
    control, chance = free_port(), random.Random(7)
    stage = stage_on_ports(tmp_path, 0, control)
    arguments = ["--headless", "--seconds", str(SECONDS + 40.0), "--takes", str(tmp_path / "takes")]
    engine = subprocess.Popen(vpengine("run", str(stage), *arguments))
    with ExitStack() as stack:
        stack.callback(engine.kill)
        process = psutil.Process(engine.pid)
        tablets = [Tablet(control) for _ in range(CLIENTS)]
        watcher = tablets[0]
        while "/vp/state/scene" not in watcher.shows:
            assert engine.poll() is None
            watcher.socket.send(packet("/vp/subscribe"))
            time.sleep(0.5)
            watcher.listen()
        for tablet in tablets:
            tablet.socket.send(packet("/vp/subscribe"))
        readings = []
        begun_s, turn = time.monotonic(), 0
        while (now_s := time.monotonic()) < begun_s + SECONDS:
            tablet = tablets[turn % CLIENTS]
            address, ends = chance.choice(list(FADERS.items()))
            tablet.move(address, round(chance.uniform(*ends), 3))
            tablet.listen()
            if turn % (CLIENTS * CHANGES_HZ) == 0:
                readings.append(process.memory_info().rss / 1e6)
            turn += 1
            time.sleep(max(begun_s + turn / (CLIENTS * CHANGES_HZ) - now_s, 0.0))
        last = {address: round(chance.uniform(*ends), 3) for address, ends in FADERS.items()}
        for tablet, (address, value) in zip(tablets, last.items(), strict=False):
            tablet.move(address, value)
        time.sleep(3.0)
        for tablet in tablets:
            tablet.listen()
            assert {address: tablet.shows[address] for address in last} == pytest.approx(last, abs=1e-4)
        assert turn > 0.9 * SECONDS * CLIENTS * CHANGES_HZ, "this machine could not even send so much"
        settled = readings[len(readings) // 4 :]
        print(f"{turn} changes; {settled[0]:.0f} to {settled[-1]:.0f} MB")
        assert settled[-1] - settled[0] < GROWTH_MB
