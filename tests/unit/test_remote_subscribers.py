"""Subscribers over real sockets, independent programs among them; a stand-in for the engine draws 24 frames/s."""

from __future__ import annotations

import queue
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest
from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_message import OscMessage
from pythonosc.tcp_client import SimpleTCPClient

from tests.senders import packet
from tests.waiting import Clock, until
from vpengine.cli.ports import free_port
from vpengine.control.controls import Control, Controls, Value
from vpengine.control.displays import Shown
from vpengine.control.messages import ControlChange, OperatorMessage
from vpengine.mailbox import Board, Inbox
from vpengine.remote.feedback import MTU_BYTES, Feedback
from vpengine.remote.osc_control import OscControl
from vpengine.remote.thread import RemoteThread

pytestmark = pytest.mark.alone

PERIOD_S = 1 / 24
SNOW, HOLD, NOTE = "/vp/look/snow", "/vp/neural/hold", "/vp/note"
DECLARED = (
    Control(SNOW, "float", 0.25, "Snow."),
    Control(HOLD, "bool", False, "Hold."),
    Control(NOTE, "text", "", "A note."),
    *(Control(f"/vp/look/fader{number}", "float", 0.0, "A fader.") for number in range(50)),
)
BY_ADDRESS = {control.address: control for control in DECLARED}


class Engine:
    """Takes what operators say and shows what is so, once a frame."""

    def __init__(self, port: int, fixed: tuple[str, ...], clock: Callable[[], float]) -> None:
        """clock: that of subscriptions."""
        self.inbox: Inbox[str, OperatorMessage] = Inbox()
        self.board: Board[Shown] = Board()
        self.controls = Controls(DECLARED)
        self.feedback = Feedback(self.board, clock=clock)
        self.door = OscControl("127.0.0.1", port, BY_ADDRESS, self.inbox, feedback=self.feedback, fixed=fixed)
        self.ended, self.frames = threading.Event(), 0
        self.note = ""
        self.thread = threading.Thread(target=self.draw)

    def draw(self) -> None:
        while not self.ended.wait(PERIOD_S):
            for message in self.inbox.take():
                assert isinstance(message, ControlChange)
                self.controls.set(message.address, message.value)
            self.frames += 1
            self.board.put(Shown(self.controls.freeze(0.0), {"/vp/state/timecode": self.note}))

    @property
    def values(self) -> dict[str, Value]:
        shown = self.board.read()
        assert shown is not None
        return {**shown.controls, **shown.displays}


@contextmanager
def running(*fixed: str, clock: Callable[[], float] = time.monotonic) -> Iterator[tuple[Engine, int]]:
    port = free_port()
    engine = Engine(port, fixed, clock)
    remote = RemoteThread([engine.door])
    remote.start()
    engine.thread.start()
    try:
        until(lambda: engine.frames > 0)
        yield engine, port
    finally:
        engine.ended.set()
        engine.thread.join()
        remote.stop()


def read(data: bytes) -> list[tuple[str, object]]:
    """By python-osc."""
    messages = OscBundle(data) if OscBundle.dgram_is_bundle(data) else [OscMessage(data)]
    return [(message.address, next(iter(message.params), None)) for message in messages]


class Tablet:
    """A client over UDP that sends and receives on one port, and knows what it was told and when."""

    def __init__(self, port: int) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.connect(("127.0.0.1", port))
        self.socket.setblocking(False)
        self.shows: dict[str, object] = {}
        self.heard: list[tuple[float, str, object]] = []
        self.sizes: list[int] = []

    def __enter__(self) -> Tablet:
        return self

    def __exit__(self, *error: object) -> None:
        self.socket.close()

    def send(self, address: str, *arguments: object) -> None:
        """A hand's own fader stands where it moved it."""
        if address in BY_ADDRESS:
            self.listen()[address] = arguments[0]
        self.socket.send(packet(address, *arguments))

    def listen(self) -> dict[str, object]:
        while True:
            try:
                data = self.socket.recv(65536)
            except BlockingIOError:
                return self.shows
            self.sizes.append(len(data))
            for address, value in read(data):
                self.shows[address] = value
                self.heard.append((time.monotonic(), address, value))


def test_subscribe_change_unsubscribe() -> None:
    """All that there is first; then another hand's change within two frames and a turn; nothing back to the hand."""
    clock = Clock()  # a hand that is held up here does not rest
    with running(clock=clock) as (engine, port), Tablet(port) as tablet, Tablet(port) as other:
        for one in (tablet, other):
            one.send("/vp/subscribe")
            until(lambda one=one: one.listen() == engine.values)  # type: ignore[misc]
        assert max(tablet.sizes) <= MTU_BYTES
        waits = []
        for number in range(20):
            clock.now_s += PERIOD_S
            begun, before = engine.frames, len(other.heard)
            value = (number + 1) / 32
            tablet.send(SNOW, value)
            until(lambda value=value: other.listen()[SNOW] == value)  # type: ignore[misc]
            waits.append(engine.frames - begun)
            assert len(other.heard) == before + 1
            tablet.listen()
        assert sorted(waits)[10] <= 3
        assert [heard for heard in tablet.heard if heard[1] == SNOW] == [(tablet.heard[0][0], SNOW, 0.25)]
        clock.now_s += 0.7  # the hand has let go: what it shows is so
        until(lambda: not any(each.waiting for each in engine.feedback.health().values()))
        tablet.listen()
        assert len([heard for heard in tablet.heard if heard[1] == SNOW]) == 1
        other.send("/vp/unsubscribe")
        until(lambda: len(engine.feedback.health()) == 1)
        count = len(other.heard)
        tablet.send(SNOW, 0.0)
        until(lambda: engine.values[SNOW] == 0.0)
        clock.now_s += 0.7
        until(lambda: not any(each.waiting for each in engine.feedback.health().values()))
        other.listen()
        assert len(other.heard) == count


def test_ping() -> None:
    with running() as (_, port), Tablet(port) as tablet:
        tablet.send("/vp/ping")
        until(lambda: bool(tablet.listen()))
        assert tablet.shows == {"/vp/pong": None}, "nothing else is told to who did not subscribe"


def test_fifty_hands_at_once() -> None:
    """Each moves its own fader 50 times a second and all move one together; in the end all show what is so."""
    clock = Clock()
    with running(clock=clock) as (engine, port), ExitStack() as stack:
        tablets = [stack.enter_context(Tablet(port)) for _ in range(50)]
        for tablet in tablets:
            tablet.send("/vp/subscribe", 1.0)
        until(lambda: all(tablet.listen() == engine.values for tablet in tablets))
        heard = [len(tablet.sizes) for tablet in tablets]
        begun_s, steps, step_s = time.monotonic(), 60, 0.02
        for step in range(steps):
            clock.now_s += step_s
            moved = [((step * 7 + number) % 61) / 64 for number in range(50)]
            for number, tablet in enumerate(tablets):
                tablet.send(f"/vp/look/fader{number}", moved[number])
                if step % 5 == number % 5:
                    tablet.send(SNOW, ((step + number) % 32) / 32)
                tablet.listen()
            engine.note = str(step)
            until(lambda moved=moved: moved == [engine.values[f"/vp/look/fader{each}"] for each in range(50)])  # type: ignore[misc]
        seconds = steps * step_s
        rates = [(len(tablet.sizes) - before) / seconds for tablet, before in zip(tablets, heard, strict=True)]
        clock.now_s += 1.0

        def shown_by_all() -> bool:
            clock.now_s += 0.002
            return all(tablet.listen() == engine.values for tablet in tablets)

        until(shown_by_all)
        until(lambda: not any(each.waiting for each in engine.feedback.health().values()))
        # two packets each time, since fifty values are more than one holds
        assert max(rates) <= 2 * 25.5
        assert max(max(tablet.sizes) for tablet in tablets) <= MTU_BYTES
        own = [heard for heard in tablets[3].heard[60:] if heard[1] == "/vp/look/fader3" and heard[0] > begun_s]
        assert own == []


@pytest.mark.parametrize("mode", ["1.0", "1.1"])
def test_python_osc_over_tcp(mode: str) -> None:
    """Length-prefixed and SLIP; the connection's end is the subscription's."""
    with running() as (engine, port):
        client = SimpleTCPClient("127.0.0.1", port, mode=mode)
        client.send_message("/vp/subscribe", [])
        shown: dict[str, object] = {}
        until(
            lambda: (
                bool(shown.update(pair for one in client.receive(0.1) for pair in read(one))) or shown == engine.values
            )
        )
        with Tablet(port) as tablet:
            tablet.send(SNOW, 0.75)
            tablet.send(NOTE, "ÛÀ \xc0")
        until(
            lambda: (
                bool(shown.update(pair for one in client.receive(0.1) for pair in read(one))) or shown == engine.values
            )
        )
        assert (shown[SNOW], shown[NOTE]) == (0.75, "ÛÀ \xc0")
        client.close()
        until(lambda: not engine.feedback.health())


def test_who_never_reads_over_tcp_stops_nobody() -> None:
    """Its share of memory ends somewhere, others are told as before, and the newest is not lost when it reads."""
    with running() as (engine, port), socket.socket() as lazy, Tablet(port) as tablet:
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        lazy.connect(("127.0.0.1", port))
        asking = packet("/vp/subscribe")
        lazy.sendall(len(asking).to_bytes(4, "big") + asking)
        tablet.send("/vp/subscribe")
        until(lambda: len(engine.feedback.health()) == 2)
        begun_s = time.monotonic()
        while time.monotonic() - begun_s < 4.0:
            engine.note = f"{time.monotonic()} " + "long" * 10_000
            time.sleep(PERIOD_S)
            tablet.listen()
        (protocol,) = engine.door._connections
        waiting = protocol.get_write_buffer_size()
        assert 0 < waiting < 200_000
        (health,) = [each for name, each in engine.feedback.health().items() if name.startswith("tcp")]
        assert health.waiting <= 2
        assert tablet.shows["/vp/state/timecode"] != ""
        engine.note = "last"
        until(lambda: tablet.listen()["/vp/state/timecode"] == "last")
        lazy.settimeout(5.0)
        read_bytes = b""
        while not read_bytes.endswith(b"last\0\0\0\0"):
            read_bytes += lazy.recv(1 << 20)


def test_oscdump_on_a_port_of_its_own(tmp_path: Path) -> None:
    """Asked for by oscsend, which is another program on another port."""
    if not shutil.which("oscdump"):
        pytest.skip("oscdump (Debian liblo-tools) is not installed")
    with running() as (_, port), (tmp_path / "dump").open("wb") as file:
        own = free_port()
        with subprocess.Popen(["oscdump", "-L", str(own)], stdout=file) as dump:
            try:
                until(lambda: any(each.laddr.port == own for each in psutil.net_connections("udp")))  # it listens
                subprocess.run(["oscsend", "127.0.0.1", str(port), "/vp/subscribe", "i", str(own)], check=True)
                subprocess.run(["oscsend", "127.0.0.1", str(port), SNOW, "f", "0.75"], check=True)
                until(lambda: "/vp/look/snow f 0.750000" in (tmp_path / "dump").read_text())
            finally:
                dump.terminate()
        assert "/vp/neural/hold i 0" in (tmp_path / "dump").read_text()


def test_pyliblo_named_in_the_stage_file() -> None:
    """It asks for nothing, and is sent all."""
    pyliblo3 = pytest.importorskip("pyliblo3", reason="pyliblo3 is not installed")
    own = free_port()
    found: queue.Queue[tuple[str, list[object]]] = queue.Queue()
    server = pyliblo3.ServerThread(own)
    server.add_method(None, None, lambda path, arguments: found.put((path, arguments)))
    server.start()
    try:
        with running(f"127.0.0.1:{own}") as (engine, port):
            shown: dict[str, object] = {}
            until(
                lambda: shown.update({path: one[0] for path, one in [found.get(timeout=5)]}) or shown == engine.values
            )
            pyliblo3.send(pyliblo3.Address("127.0.0.1", port), SNOW, ("f", 0.75))
            until(lambda: shown.update({path: one[0] for path, one in [found.get(timeout=5)]}) or shown[SNOW] == 0.75)
            assert engine.feedback.health()[f"127.0.0.1:{own}"].fixed
    finally:
        server.stop()
        server.free()


def udp_ports() -> set[int]:
    """Of this process."""
    return {each.laddr.port for each in psutil.Process().net_connections("udp")}


def test_each_client_with_a_port_is_told_by_a_socket_of_its_own() -> None:
    """So that none waits for what the kernel keeps for another's machine, which is switched off. Who gave no
    port is told from where it asked, and what comes back to such a socket is heard too.
    """
    with ExitStack() as stack:
        fixed, asked = (stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(2))
        for each in (fixed, asked):
            each.bind(("127.0.0.1", 0))
            each.settimeout(5.0)
        with running(f"127.0.0.1:{fixed.getsockname()[1]}") as (engine, port), Tablet(port) as plain:
            plain.send("/vp/subscribe", asked.getsockname()[1])
            plain.send("/vp/subscribe")
            until(lambda: len(plain.listen()) > 0)  # from another port nothing comes to it
            sources = [each.recvfrom(65536)[1][1] for each in (fixed, asked)]
            assert len({port, *sources}) == 3
            assert {port, *sources} <= udp_ports()
            fixed.sendto(packet(SNOW, 0.75), ("127.0.0.1", sources[0]))
            until(lambda: engine.values[SNOW] == 0.75)
            plain.send("/vp/unsubscribe", asked.getsockname()[1])
            until(lambda: sources[1] not in udp_ports())
            assert sources[0] in udp_ports()
        until(lambda: not {port, *sources} & udp_ports())
