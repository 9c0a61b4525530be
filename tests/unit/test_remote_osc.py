"""The OSC control door: faders and buttons of independent senders, hostile packets, a flood."""

from __future__ import annotations

import asyncio
import math
import random
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.udp_client import SimpleUDPClient

from vpengine.control.controls import Control, Value
from vpengine.control.messages import ControlChange, OperatorMessage
from vpengine.control.triggers import (
    CameraTrigger,
    CueEdit,
    CueTrigger,
    LookTrigger,
    RefreshTrigger,
    SafeTrigger,
    SceneTrigger,
    TakeTrigger,
)
from vpengine.errors import UserError
from vpengine.mailbox import Inbox
from vpengine.remote.osc_control import OscControl
from vpengine.remote.osc_stream import MOST_CONNECTIONS, Framing, StreamError
from vpengine.remote.thread import RemoteThread

CONTROLS = {
    control.address: control
    for control in (
        Control("/vp/look/snow", "float", 0.0, "Snow."),
        Control("/vp/look/fog", "float", 0.0, "Fog."),
        Control("/vp/exposure/inner", "float", 0.0, "Exposure.", low=-6.0, high=6.0, unit="stops"),
        Control("/vp/neural/hold", "bool", True, "Live."),
        Control("/vp/note", "text", "", "A note."),
    )
}
SCENES = ("street-day", "snow-night", "dome")
CAMERAS = ("A", "B")


def packet(address: str, *arguments: object) -> bytes:
    builder = OscMessageBuilder(address)
    for value in arguments:
        builder.add_arg(value)
    return builder.build().dgram


class Bench:
    def __init__(self, port: int = 0) -> None:
        self.inbox: Inbox[str, OperatorMessage] = Inbox(most_events=100)
        self.now_s = 0.0
        self.door = OscControl("127.0.0.1", port, CONTROLS, self.inbox, SCENES, CAMERAS, clock=lambda: self.now_s)

    def take(self, *packets: bytes) -> tuple[dict[str, Value], tuple[OperatorMessage, ...]]:
        for one in packets:
            self.door.take(one, "10.0.0.5:53000")
        return self.taken()

    def taken(self) -> tuple[dict[str, Value], tuple[OperatorMessage, ...]]:
        """What waits in the inbox, changes and triggers apart."""
        messages = self.inbox.take()
        changes = {message.address: message.value for message in messages if isinstance(message, ControlChange)}
        return changes, tuple(message for message in messages if not isinstance(message, ControlChange))

    def bad(self) -> dict[str, int]:
        return dict(self.door.health()["10.0.0.5:53000"].bad)


@contextmanager
def running() -> Iterator[tuple[Bench, int]]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    bench = Bench(port)
    remote = RemoteThread([bench.door])
    remote.start()
    try:
        yield bench, port
    finally:
        begun_s = time.monotonic()
        remote.stop()
        assert time.monotonic() - begun_s < 1.0
        assert not remote._thread.is_alive()


def until(done: Callable[[], bool]) -> None:
    end_s = time.monotonic() + 5.0
    while not done():
        assert time.monotonic() < end_s, "it did not happen in time"
        time.sleep(0.002)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (packet("/vp/look/snow", 0.25), {"/vp/look/snow": 0.25}),
        (packet("/vp/look/snow", 1), {"/vp/look/snow": 1.0}),
        (packet("/vp/look/snow", 7.0), {"/vp/look/snow": 1.0}),
        (packet("/vp/exposure/inner", -2.5), {"/vp/exposure/inner": -2.5}),
        (packet("/vp/neural/hold", False), {"/vp/neural/hold": False}),
        (packet("/vp/neural/hold", 1), {"/vp/neural/hold": True}),
        (packet("/vp/note", "take 4"), {"/vp/note": "take 4"}),
        (packet("/vp/note", "4"), {"/vp/note": "4"}),
        (packet("/vp/look/snow", "0.5"), {"/vp/look/snow": 0.5}),
        (packet("/vp/look/snow", " 1e-1 "), {"/vp/look/snow": 0.1}),
        (packet("/vp/neural/hold", "0"), {"/vp/neural/hold": False}),
        (packet("/vp/neural/hold", "On"), {"/vp/neural/hold": True}),
        (packet("/vp/look/*", 0.5), {"/vp/look/snow": 0.5, "/vp/look/fog": 0.5}),
        (packet("/vp/{look,none}/f?g", 0.5), {"/vp/look/fog": 0.5}),
    ],
)
def test_faders(sent: bytes, expected: dict[str, Value]) -> None:
    assert Bench().take(sent) == (expected, ())


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (packet("/vp/scene", "dome"), SceneTrigger("goto", "dome")),
        (packet("/vp/preview/scene", "dome"), SceneTrigger("goto", "dome", "preview")),
        (packet("/vp/preview/scene", 2), SceneTrigger("goto", "snow-night", "preview")),
        (packet("/vp/preview/scene/snow-night", 1), SceneTrigger("goto", "snow-night", "preview")),
        (packet("/vp/preview/off"), SceneTrigger("goto", "", "preview")),
        (packet("/vp/scene", 1), SceneTrigger("goto", "street-day")),
        (packet("/vp/scene", 2.0), SceneTrigger("goto", "snow-night")),
        (packet("/vp/scene", "3"), SceneTrigger("goto", "dome")),
        (packet("/vp/scene/snow-night", "1"), SceneTrigger("goto", "snow-night")),
        (packet("/vp/scene/snow-night"), SceneTrigger("goto", "snow-night")),
        (packet("/vp/scene/snow-night", 1.0), SceneTrigger("goto", "snow-night")),
        (packet("/vp/scene/snow-night", True), SceneTrigger("goto", "snow-night")),
        (packet("/vp/scene/next", 1), SceneTrigger("next")),
        (b"/vp/scene/next\0\0,I\0\0", SceneTrigger("next")),
        (packet("/vp/scene/previous"), SceneTrigger("previous")),
        (packet("/vp/camera/A/recentre", 1), CameraTrigger("recentre", "A")),
        (packet("/vp/neural/refresh"), RefreshTrigger()),
        (packet("/vp/camera/B/recentre/undo"), CameraTrigger("undo", "B")),
    ],
)
def test_presses_act(sent: bytes, expected: SceneTrigger) -> None:
    assert Bench().take(sent) == ({}, (expected,))


@pytest.mark.parametrize("sent", [packet("/vp/scene", "forest"), packet("/vp/scene/snow-nihgt", 1)])
def test_a_scene_that_is_not_there_is_refused_at_the_door(sent: bytes) -> None:
    bench = Bench()
    assert bench.take(sent) == ({}, ())
    assert bench.bad() == {"unknown-scene": 1}


@pytest.mark.parametrize("released", [0, 0.0, False])
def test_releases_do_nothing_and_are_no_mistake(released: object) -> None:
    bench = Bench()
    assert bench.take(packet("/vp/scene/next", released), packet("/vp/scene/dome", released)) == ({}, ())
    assert bench.bad() == {}


def test_triggers_keep_their_order_and_faders_their_newest() -> None:
    changes, triggers = Bench().take(
        packet("/vp/scene/next", 1), packet("/vp/look/snow", 0.1), packet("/vp/scene/next", 0),
        packet("/vp/scene/next", 1), packet("/vp/scene/previous", 1), packet("/vp/look/snow", 0.9),
    )  # fmt: skip
    assert triggers == (SceneTrigger("next"), SceneTrigger("next"), SceneTrigger("previous"))
    assert changes["/vp/look/snow"] == pytest.approx(0.9)


def test_a_bundle_and_what_follows_it_keep_one_order() -> None:
    """The fader's newest position stands where it came: after the scene that was fired between its two messages."""
    builder = OscBundleBuilder(IMMEDIATELY)
    for message in (("/vp/look/snow", 0.25), ("/vp/look/fog", 0.5), ("/vp/scene/dome", 1), ("/vp/look/snow", 0.75)):
        builder.add_content(OscMessage(packet(*message)))
    bench = Bench()
    bench.door.take(builder.build().dgram, "10.0.0.5:53000")
    bench.door.take(packet("/vp/scene/next", 1), "10.0.0.6:53000")
    assert bench.inbox.take() == (
        ControlChange("/vp/look/fog", 0.5),
        SceneTrigger("goto", "dome"),
        ControlChange("/vp/look/snow", 0.75),
        SceneTrigger("next"),
    )


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (packet("/vp/look/sno", 0.5), "unknown-address"),
        (packet("/vp/look/x*", 0.5), "unknown-address"),
        (packet("/vp/look/snow"), "bad-arguments"),
        (packet("/vp/look/snow", 0.5, 0.5), "bad-arguments"),
        (packet("/vp/look/snow", math.nan), "bad-value"),
        (packet("/vp/look/snow", "much"), "bad-value"),
        (packet("/vp/look/snow", "nan"), "bad-value"),
        (packet("/vp/look/snow", "0,5"), "bad-value"),
        (packet("/vp/note", 3), "bad-value"),
        (packet("/vp/scene"), "bad-arguments"),
        (packet("/vp/scene", 4), "bad-value"),
        (packet("/vp/scene", 0), "bad-value"),
        (packet("/vp/camera/A/recenter", 1), "unknown-address"),
        (packet("/vp/camera/C/recentre", 1), "unknown-camera"),
        (packet("/vp/camera/A/recentre", 0.5), "bad-value"),
        (packet("/vp/camera/A/pose", 0.5), "wrong-port"),
        (packet("/vp/scene", -1), "bad-value"),
        (packet("/vp/scene", 0.5), "bad-value"),
        (packet("/vp/scene", True), "bad-value"),
        (packet("/vp/scene/next", 0.5), "bad-value"),
        (packet("/vp/scene/next", "yes"), "bad-value"),
        (packet("/vp/scene/safe", 0.5), "bad-value"),
        (packet("/vp/cue/go", "yes"), "bad-value"),
        (packet("/vp/cue/goto"), "bad-arguments"),
        (packet("/vp/cue/goto", "x" * 65), "bad-value"),
        (packet("/vp/cue/went", 1), "unknown-address"),
        (packet("/vp/scene/a/b", 1), "unknown-address"),
        (packet("/vp/scene/*", 1), "unknown-address"),
        (b"junk", "bad-address"),
    ],
)
def test_refusals_have_reasons(sent: bytes, reason: str) -> None:
    bench = Bench()
    assert bench.take(sent) == ({}, ())
    assert bench.bad() == {reason: 1}


@pytest.mark.parametrize(
    ("sent", "asked"),
    [
        (packet("/vp/cue/go", 1), CueTrigger("go")),
        (packet("/vp/cue/go"), CueTrigger("go")),
        (packet("/vp/cue/go", 0.0), None),
        (packet("/vp/scene/go", True), CueTrigger("go")),
        (packet("/vp/cue/goto", 1.1), CueTrigger("goto", "1.1")),  # a float of seven digits
        (packet("/vp/cue/goto", 2), CueTrigger("goto", "2")),
        (packet("/vp/cue/standby", "1.5"), CueTrigger("standby", "1.5")),
        (packet("/vp/cue/record", 3, "the storm"), CueEdit("record", "3", "the storm")),
        (packet("/vp/panic", 1), SafeTrigger(True)),
        (packet("/vp/scene/safe", 1), SafeTrigger(True)),
        (packet("/vp/safe/release", 1), SafeTrigger(False)),
        (packet("/vp/take/slate", "12B"), TakeTrigger("slate", "12B")),
        (packet("/vp/approve", "Ana"), LookTrigger("approve", "Ana")),
        (packet("/vp/preview/take", 1), SceneTrigger("take")),
    ],
)
def test_buttons(sent: bytes, asked: OperatorMessage | None) -> None:
    assert Bench().take(sent)[1] == (() if asked is None else (asked,))


def test_a_look_s_fader_for_the_preview_alone() -> None:
    bench = Bench()
    bench.door.take(packet("/vp/preview/look/snow", 0.25), "10.0.0.2:1")
    bench.door.take(packet("/vp/look/snow", 0.75), "10.0.0.2:1")
    assert bench.inbox.take() == (ControlChange("/vp/look/snow", 0.25, "preview"), ControlChange("/vp/look/snow", 0.75))
    bench.door.take(packet("/vp/preview/look/snw", 0.25), "10.0.0.5:53000")
    assert bench.bad() == {"unknown-address": 1}


def test_safe_gets_through_a_flood_of_other_buttons() -> None:
    bench = Bench()
    for _ in range(300):
        bench.door.take(packet("/vp/cue/go", 1), "10.0.0.9:1")
    bench.door.take(packet("/vp/safe", 1), "10.0.0.2:1")
    assert bench.inbox.take()[-1] == SafeTrigger(True)


def test_a_pattern_that_fails_for_one_control_changes_none() -> None:
    bench = Bench()
    assert bench.take(packet("/vp/*/*", "much")) == ({}, ())
    assert bench.bad() == {"bad-value": 1}


def test_a_refused_address_says_what_is_near(caplog: pytest.LogCaptureFixture) -> None:
    Bench().take(packet("/vp/look/snwo", 0.5))
    Bench().take(packet("/ping"))
    assert "'/vp/look/snwo' is not an address of this engine; did you mean '/vp/look/snow'?" in caplog.text
    assert "'/ping' is not an address of this engine; `vpengine controls` lists all" in caplog.text


def test_a_refusal_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    Bench().take(*[packet("/vp/look/snow", "much")] * 5)
    (record,) = caplog.records
    expected = "/vp/look/snow: 'much', expected a number from 0 to 1"
    assert record.message == f"OSC control: from 10.0.0.5:53000: {expected} (further ones are counted)"


def test_fifty_thousand_mutations_change_nothing_out_of_range() -> None:
    chance, bench = random.Random(11), Bench()
    seeds = [packet("/vp/look/snow", 0.5), packet("/vp/scene/next", 1), packet("/vp/note", "x"), packet("/vp/scene", 2)]
    for _ in range(50_000):
        mutated = bytearray(chance.choice(seeds))
        for _ in range(chance.randint(1, 3)):
            mutated[chance.randrange(len(mutated))] = chance.choice((0, 0x2A, 0x2C, 0x2F, 0x3F, 0x54, 0x66, 0xFF))
        bench.door.take(bytes(mutated), "10.0.0.5:53000")
        changes, triggers = bench.taken()
        for address, value in changes.items():
            assert isinstance(value, str) if address == "/vp/note" else 0.0 <= float(value) <= 1.0
        for trigger in triggers:
            assert isinstance(trigger, SceneTrigger)
            assert trigger.action in ("goto", "next", "previous")
    assert len(bench.bad()) >= 8
    assert sum(bench.bad().values()) > 15_000


def test_too_many_triggers_are_refused_not_merged() -> None:
    bench = Bench()
    _, triggers = bench.take(*[packet("/vp/scene/next", 1)] * 130)
    assert len(triggers) == 100
    assert bench.bad() == {"queue-full": 30}


def test_new_patterns_are_rationed(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    bench.take(*[packet(f"/vp/look/{n}*", 0.5) for n in range(100)])
    assert bench.bad() == {"unknown-address": 20, "too-many-patterns": 80}
    assert len([record for record in caplog.records if "more than 20" in record.getMessage()]) == 1
    bench.now_s = 1.5
    assert bench.take(packet("/vp/look/s*", 0.5))[0] == {"/vp/look/snow": 0.5}


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
    begun_s = time.monotonic()
    remote.stop()
    assert time.monotonic() - begun_s < 1.1
