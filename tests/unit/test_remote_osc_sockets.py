"""The OSC control door on its port: TCP's framing, independent senders, silent and hostile ones, a flood."""

from __future__ import annotations

import asyncio
import random
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest
from pythonosc.udp_client import SimpleUDPClient

from tests.osc_door import Bench
from tests.senders import packet
from tests.waiting import until, waited_s, waits_here
from vpengine.cli.ports import free_port
from vpengine.control.messages import ControlChange, OperatorMessage
from vpengine.control.triggers import (
    SceneTrigger,
)
from vpengine.errors import UserError
from vpengine.remote.osc_stream import MOST_CONNECTIONS, Framing, StreamError
from vpengine.remote.thread import RemoteThread

pytestmark = pytest.mark.alone


@contextmanager
def running() -> Iterator[tuple[Bench, int]]:
    port = free_port()
    bench = Bench(port)
    remote = RemoteThread([bench.door])
    remote.start()
    try:
        yield bench, port
    finally:
        with waits_here() as waits:
            remote.stop()
        assert waited_s(waits) <= 1.0
        until(lambda: not remote._thread.is_alive())


def by_length(packets: list[bytes]) -> bytes:
    return b"".join(len(one).to_bytes(4, "big") + one for one in packets)


def by_slip(packets: list[bytes]) -> bytes:
    escaped = (one.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc") for one in packets)
    return b"".join(b"\xc0" + one + b"\xc0" for one in escaped)


def by_slip_with_one_end(packets: list[bytes]) -> bytes:
    return by_slip(packets)[1:].replace(b"\xc0\xc0", b"\xc0")


@pytest.mark.parametrize("framed", [by_length, by_slip, by_slip_with_one_end])
@pytest.mark.parametrize("piece", [1, 7, 10_000])
def test_packets_over_tcp(framed: Callable[[list[bytes]], bytes], piece: int) -> None:
    """However the network cuts them; -2.0 and -5.375 hold the bytes that SLIP escapes."""
    awkward = [packet("/vp/exposure/inner", -2.0), packet("/vp/exposure/inner", -5.375), packet("/vp/note", "Û")]
    assert any(b"\xc0" in one for one in awkward)
    assert any(b"\xdb" in one for one in [*awkward, b"\xdb"])
    stream, framing = framed(awkward), Framing()
    found = [one for at in range(0, len(stream), piece) for one in framing.feed(stream[at : at + piece])]
    assert found == awkward


@pytest.mark.parametrize(
    ("stream", "sentence"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "47455420 came over TCP where a packet's length was expected"),
        (b"\0\0\0\0", "00000000 came over TCP where"),
        (b"\xc0\xdb\x01\xc0", "an escape byte"),
        (b"\xc0" + 200_000 * b"/", "a packet of more than 65507 bytes"),
    ],
)
def test_streams_that_are_not_osc_are_refused_in_words(stream: bytes, sentence: str) -> None:
    with pytest.raises(StreamError, match=re.escape(sentence)):
        Framing().feed(stream)


def test_silent_connections_do_not_keep_others_out(caplog: pytest.LogCaptureFixture) -> None:
    """A tablet that left the network never says that it did; the connection that is used stays."""
    with running() as (bench, port), ExitStack() as stack:

        def connected() -> socket.socket:
            return stack.enter_context(socket.create_connection(("127.0.0.1", port)))

        def snow(connection: socket.socket, value: float) -> bool:
            connection.sendall(by_length([packet("/vp/look/snow", value)]))
            until(lambda: bench.taken()[0] == {"/vp/look/snow": value})
            return True

        used, _silent = connected(), connected()
        for number in range(MOST_CONNECTIONS + 20):
            assert snow(connected(), 0.5)
            if number % 10 == 0:
                assert snow(used, 0.25)
        reasons = [dict(health.bad) for health in bench.door.health().values()]
        assert sum(counts.get("too-many-connections", 0) for counts in reasons) == 22
    (line,) = [record.getMessage() for record in caplog.records]
    assert "more than 64 TCP connections are open, so that of 127.0.0.1:" in line


@pytest.mark.parametrize("framed", [by_length, by_slip])
def test_tcp_and_udp_share_the_port(framed: Callable[[list[bytes]], bytes]) -> None:
    """A client that sends rubbish loses its connection; another's goes on."""
    with running() as (bench, port), socket.create_connection(("127.0.0.1", port)) as good:
        with socket.create_connection(("127.0.0.1", port)) as bad:
            bad.sendall(b"GET / HTTP/1.1\r\n\r\n")
            bad.settimeout(5.0)
            with suppress(ConnectionResetError):
                assert bad.recv(1) == b""
        good.sendall(framed([packet("/vp/look/snow", 0.75), packet("/vp/scene/next", 1)]))
        by_python_osc(port)
        until(lambda: sum(health.good for health in bench.door.health().values()) == 4)
        changes, triggers = bench.taken()
        assert changes == {"/vp/look/snow": 0.75}
        assert set(triggers) == {SceneTrigger("next"), SceneTrigger("goto", "snow-night")}
        assert sum(health.bad.get("bad-stream", 0) for health in bench.door.health().values()) == 1


def by_oscsend_over_tcp(port: int) -> None:
    if not shutil.which("oscsend"):
        pytest.skip("oscsend (Debian liblo-tools) is not installed")
    for words in (["/vp/look/snow", "f", "0.75"], ["/vp/scene", "s", "snow-night"]):
        subprocess.run(["oscsend", f"osc.tcp://127.0.0.1:{port}/", *words], check=True, timeout=10)


def by_python_osc(port: int) -> None:
    client = SimpleUDPClient("127.0.0.1", port)
    client.send_message("/vp/look/snow", 0.75)
    client.send_message("/vp/scene/snow-night", 1.0)
    client._sock.close()


def by_oscsend(port: int) -> None:
    if not shutil.which("oscsend"):
        pytest.skip("oscsend (Debian liblo-tools) is not installed")
    for words in (["/vp/look/snow", "f", "0.75"], ["/vp/scene", "s", "snow-night"]):
        subprocess.run(["oscsend", "127.0.0.1", str(port), *words], check=True, timeout=10)


def by_pyliblo(port: int) -> None:
    pyliblo3 = pytest.importorskip("pyliblo3", reason="pyliblo3 is not installed")
    target = pyliblo3.Address("127.0.0.1", port)
    pyliblo3.send(target, "/vp/look/snow", ("d", 0.75))
    pyliblo3.send(target, "/vp/scene/snow-night", ("T", True))


@pytest.mark.parametrize("send", [by_python_osc, by_oscsend, by_oscsend_over_tcp, by_pyliblo])
def test_independent_senders(send: Callable[[int], None]) -> None:
    with running() as (bench, port):
        send(port)
        until(lambda: sum(health.good for health in bench.door.health().values()) == 2)
        assert bench.taken() == ({"/vp/look/snow": 0.75}, (SceneTrigger("goto", "snow-night"),))


def test_five_thousand_a_second_with_hostile_ones_among_them() -> None:
    chance, seed = random.Random(3), packet("/vp/look/snow", 0.5)
    killer = bytes.fromhex("2362756e646c65000000000000000001fffffffc")
    with running() as (bench, port), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for n in range(5000):
            mutated = bytearray(seed)
            mutated[chance.randrange(len(mutated))] = chance.randrange(256)
            sender.sendto(packet("/vp/look/fog", n / 5000.0) if n % 2 else bytes(mutated), ("127.0.0.1", port))
            if n % 50 == 0:
                sender.sendto(killer, ("127.0.0.1", port))
                time.sleep(0.01)
        sender.sendto(packet("/vp/scene/next", 1), ("127.0.0.1", port))
        found: list[OperatorMessage] = []
        until(lambda: bool(found.extend(bench.inbox.take()) or SceneTrigger("next") in found))
        fog = [message.value for message in found if isinstance(message, ControlChange) and "fog" in message.address]
        assert fog[-1] == pytest.approx(4999 / 5000.0)
        (health,) = bench.door.health().values()
        assert health.good > 2500
        assert health.bad["bad-size"] >= 100
        assert health.bad["unknown-address"] > 400


def test_a_port_in_use_is_a_user_s_error_and_ends_the_thread() -> None:
    with running() as (_, port):
        second = RemoteThread([Bench(port).door])
        with pytest.raises(UserError, match=rf"OSC control: .* port {port}: the port is in use by another program"):
            second.start()
        assert not second._thread.is_alive()  # so its loop is closed, which stop() must bear
        second.stop()


def test_a_door_that_hangs_does_not_keep_the_thread() -> None:
    class Stuck:
        async def open(self) -> None:
            pass

        async def close(self) -> None:
            await asyncio.sleep(60.0)

    remote = RemoteThread([Stuck()])
    remote.start()
    with waits_here() as waits:
        remote.stop()
    assert 0.0 < waited_s(waits) <= 1.0
    until(lambda: not remote._thread.is_alive())
