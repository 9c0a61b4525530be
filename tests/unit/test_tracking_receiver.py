"""The tracking thread over real UDP on loopback: independent senders, hostile ones, and floods."""

from __future__ import annotations

import random
import shutil
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import pytest
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.udp_client import SimpleUDPClient

from tests.senders import encode_lens
from tests.waiting import Clock, until, waited_s, waits_here
from vpengine.cli.ports import free_port
from vpengine.errors import UserError
from vpengine.mailbox import Newest
from vpengine.tracking import udp
from vpengine.tracking.none import NoTracking
from vpengine.tracking.osc import OscTracking, encode_pose
from vpengine.tracking.pose_buffer import PoseBuffer
from vpengine.tracking.protocol import LensUpdate, Source, Update
from vpengine.tracking.receiver import Receiver
from vpengine.view.pose import Pose, from_opentrackio

pytestmark = pytest.mark.alone

POSE = from_opentrackio((1.0, -2.0, 1.5), 25.0, -5.0, 2.0)
NUMBERS = (*POSE.position_m, *POSE.rotation)


class Bench:
    """A running receiver for cameras 1 and 2, and a socket to send to it."""

    def __init__(
        self,
        protocol: type[OscTracking] = OscTracking,
        latency_s: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.port = free_port()
        self.poses = {"1": PoseBuffer(), "2": PoseBuffer()}
        self.lenses: Newest[str, LensUpdate] = Newest()
        source = Source(protocol(OscTracking.Settings(port=self.port)), latency_s=latency_s)
        self.receiver = Receiver([source], self.poses, self.lenses, clock)
        self.sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sender.bind(("127.0.0.1", 0))

    @property
    def name(self) -> str:
        return f"127.0.0.1:{self.sender.getsockname()[1]}"

    def send(self, packet: bytes) -> None:
        self.sender.sendto(packet, ("127.0.0.1", self.port))

    def good(self) -> int:
        return sum(health.good for health in self.receiver.health().values())

    def bad(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for health in self.receiver.health().values():
            for reason, count in health.bad.items():
                counts[reason] = counts.get(reason, 0) + count
        return counts


@contextmanager
def running(
    protocol: type[OscTracking] = OscTracking, latency_s: float = 0.0, clock: Callable[[], float] = time.monotonic
) -> Iterator[Bench]:
    bench = Bench(protocol, latency_s, clock)
    bench.receiver.start()
    try:
        yield bench
    finally:
        bench.receiver.stop()
        bench.sender.close()


def newest(bench: Bench, camera: str = "1") -> Pose:
    tracked = bench.poses[camera].at(time.monotonic())
    assert tracked is not None
    return tracked.pose


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Stands still while a packet is on its way, whose time is when it is read, as where no kernel stamps it."""
    monkeypatch.setattr(udp, "IS_LINUX", False)
    return Clock()


def test_a_tracker_s_latency_is_made_up_for(clock: Clock) -> None:
    """A camera that moves at a metre a second, told of 60 ms late, is where it is and not where it was."""
    with running(latency_s=0.06, clock=clock) as bench:
        begun_s = clock.now_s
        for count in range(1, 101):
            clock.now_s += 0.005
            bench.send(encode_pose("1", Pose((clock.now_s - 0.06 - begun_s, 0.0, 1.5))))
            until(lambda count=count: bench.good() == count)  # type: ignore[misc]
        tracked = bench.poses["1"].at(clock.now_s)
        assert tracked is not None
        assert tracked.pose.position_m[0] == pytest.approx(clock.now_s - begun_s, abs=0.001)
        assert tracked.age_s == pytest.approx(0.06)


def by_python_osc(port: int) -> None:
    client = SimpleUDPClient("127.0.0.1", port)
    client.send_message("/vp/camera/1/pose", list(NUMBERS))
    client._sock.close()


def by_python_osc_bundle(port: int) -> None:
    message = OscMessageBuilder("/vp/camera/1/pose")
    for value in NUMBERS:
        message.add_arg(value)
    inner, outer = OscBundleBuilder(IMMEDIATELY), OscBundleBuilder(time.time() + 60.0)
    inner.add_content(message.build())
    outer.add_content(inner.build())
    client = SimpleUDPClient("127.0.0.1", port)
    client.send(outer.build())
    client._sock.close()


def by_oscsend(port: int) -> None:
    if not shutil.which("oscsend"):
        pytest.skip("oscsend (Debian liblo-tools) is not installed")
    words = ["oscsend", "127.0.0.1", str(port), "/vp/camera/1/pose", "fffffff", *map(str, NUMBERS)]
    subprocess.run(words, check=True, timeout=10)


def by_pyliblo(port: int) -> None:
    pyliblo3 = pytest.importorskip("pyliblo3", reason="pyliblo3 is not installed")
    pyliblo3.send(pyliblo3.Address("127.0.0.1", port), "/vp/camera/1/pose", *NUMBERS)


@pytest.mark.parametrize("send", [by_python_osc, by_python_osc_bundle, by_oscsend, by_pyliblo])
def test_poses_of_independent_senders_arrive(send: Callable[[int], None]) -> None:
    with running() as bench:
        send(bench.port)
        until(lambda: bench.good() == 1)
        found = newest(bench)
        assert found.position_m == pytest.approx(POSE.position_m, abs=1e-5)
        assert found.rotation == pytest.approx(POSE.rotation, abs=1e-5)
        (health,) = bench.receiver.health().values()
        assert health.last is not None
        assert health.last.position_m == found.position_m
        assert health.bad == {}


def test_lenses_and_several_cameras() -> None:
    with running() as bench:
        bench.send(encode_pose("1", POSE))
        bench.send(encode_pose("2", Pose((9.0, 8.0, 7.0))))
        bench.send(encode_lens("2", 50.0, 3.0, 4.0))
        bench.send(encode_pose("3", POSE))
        until(lambda: bench.good() == 3 and bool(bench.bad()))
        assert newest(bench, "2").position_m == (9.0, 8.0, 7.0)
        assert bench.lenses.take() == {"2": LensUpdate("2", 50.0, 3.0, 4.0)}
        assert bench.bad() == {"unknown-camera": 1}


@pytest.mark.skipif(sys.platform != "linux", reason="kernel receive times are read on Linux only")
def test_a_packet_s_time_is_when_the_kernel_had_it() -> None:
    slow = Bench(SlowOsc)
    slow.receiver.start()
    try:
        begun_s = time.monotonic()
        for n in range(4):
            slow.send(encode_pose("1", Pose((float(n), 0.0, 0.0))))
        sent_s = time.monotonic()
        until(lambda: slow.good() == 4)
        # Decoding took 50 ms a packet, yet the last one's age is counted from when it came.
        now_s = time.monotonic()
        tracked = slow.poses["1"].at(sent_s, now_s)
        assert tracked is not None
        newest_s = now_s - tracked.age_s
        assert begun_s - 0.01 < newest_s < sent_s + 0.05
    finally:
        slow.receiver.stop()
        slow.sender.close()


class SlowOsc(OscTracking):
    def decode(self, packet: bytes, peer: str) -> Iterator[Update]:
        time.sleep(0.05)
        return super().decode(packet, peer)


def test_the_hostile_corpus_is_counted_by_reason_and_nothing_dies() -> None:
    corpus = [
        (bytes.fromhex("2362756e646c65000000000000000001fffffffc"), "bad-size"),
        (b"/" + b"*a" * 15 + b"z\0\0\0\0,\0\0\0", "unknown-address"),
        (b"", "truncated"),
        (b"/vp/camera/1/pose\0\0\0,b\0\0\xff\xff\xff\xf0", "bad-size"),
        (b"/\xff\xfe\0,\0\0\0", "bad-utf8"),
        (b"#bundle\0" + b"\0" * 8 + b"\0\0\0\x10" + b"#bundle\0", "truncated"),
        (encode_pose("1", POSE)[:-4], "truncated"),
        (b"/" + b"a" * 60_003, "truncated"),
        (b"/" + b"a" * 60_002 + b"\0", "bad-address"),
        (b"\0" * 65_507, "bad-size"),
        (b"\0" * 65_504, "bad-address"),
    ]
    with running() as bench:
        for packet, _ in corpus:
            bench.send(packet)
        bench.send(encode_pose("1", POSE))
        until(lambda: bench.good() == 1)
        assert bench.bad() == Counter(reason for _, reason in corpus)


def test_a_flood_of_mutated_packets_does_not_stop_good_ones() -> None:
    """As many as the receiver reads, 50 at a time: what a socket has no room for is the system's to drop."""
    chance, seed = random.Random(2), encode_pose("1", POSE, 1.0)
    with running() as bench, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as good:
        good.bind(("127.0.0.1", 0))

        def heard() -> int:
            health = bench.receiver.health().get(f"127.0.0.1:{good.getsockname()[1]}")
            return health.good if health is not None else 0

        for n in range(5000):
            packet = bytearray(seed)
            for _ in range(3):
                packet[chance.randrange(len(packet))] = chance.randrange(256)
            bench.send(bytes(packet))
            if n % 10 == 0:
                good.sendto(encode_pose("2", Pose((n * 0.001, 0.0, 0.0))), ("127.0.0.1", bench.port))
            if n % 50 == 0:
                until(lambda sent=n // 10 + 1: heard() == sent)  # type: ignore[misc]
        until(lambda: heard() == 500)
        assert newest(bench, "2").position_m[0] > 4.9
        assert sum(bench.bad().values()) > 1000
        assert bench.receiver.kernel_drops == 0


def test_a_fault_in_a_plug_in_is_counted_and_survived() -> None:
    class Faulty(OscTracking):
        def decode(self, packet: bytes, peer: str) -> Iterator[Update]:
            if packet == b"bad":
                raise ZeroDivisionError
            return super().decode(packet, peer)

    with running(Faulty) as bench:
        bench.send(b"bad")
        bench.send(encode_pose("1", POSE))
        until(lambda: bench.good() == 1)
        assert bench.bad() == {"fault": 1}


def test_two_senders_of_one_camera_are_not_mixed() -> None:
    with running() as bench, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as second:
        try:
            second.bind(("127.0.0.2", 0))  # another machine's address, as Linux has it
        except OSError:
            pytest.skip("this system has one loopback address only")
        bench.send(encode_pose("1", POSE))
        until(lambda: bench.good() == 1)
        second.sendto(encode_pose("1", Pose()), ("127.0.0.1", bench.port))
        until(lambda: bench.bad() == {"other-source": 1})
        assert newest(bench).position_m == pytest.approx(POSE.position_m)
        until(lambda: takes_over(second, bench))


def test_a_program_that_sends_from_many_ports_is_one_sender() -> None:
    with running() as bench:
        for n in range(5):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.sendto(encode_pose("1", Pose((float(n), 0.0, 0.0))), ("127.0.0.1", bench.port))
        until(lambda: bench.good() == 5)
        assert bench.bad() == {}


def takes_over(second: socket.socket, bench: Bench) -> bool:
    second.sendto(encode_pose("1", Pose()), ("127.0.0.1", bench.port))
    time.sleep(0.05)
    return bench.good() > 1


def test_health_tells_rate_and_gaps(clock: Clock) -> None:
    with running(clock=clock) as bench:
        for n in range(30):
            clock.now_s += 0.2 if n == 15 else 0.01
            bench.send(encode_pose("1", Pose((0.01 * n, 0.0, 0.0))))
            until(lambda n=n: bench.good() == n + 1)  # type: ignore[misc]
        health = bench.receiver.health()[bench.name]
        assert health.gaps == 1
        assert 20.0 < health.rate_hz < 101.0
        clock.now_s += 0.5
        assert bench.receiver.health()[bench.name].age_s == pytest.approx(0.5)


def test_forged_sources_cannot_grow_memory() -> None:
    with running() as bench:
        senders = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(80)]
        for sender in senders:
            sender.sendto(b"junk", ("127.0.0.1", bench.port))
        until(lambda: sum(bench.bad().values()) == 80)
        assert len(bench.receiver.health()) == 65
        assert bench.receiver.health()["others"].bad == {"bad-address": 16}
        for sender in senders:
            sender.close()


def test_a_port_in_use_is_a_user_s_error_with_its_cure() -> None:
    with running() as bench:
        second = Receiver([Source(OscTracking(OscTracking.Settings(port=bench.port)))], {}, Newest())
        with pytest.raises(UserError, match=rf"port {bench.port}: the port is in use by another program; close it"):
            second.start()
        second.stop()


def test_an_address_that_is_not_ours_is_a_user_s_error() -> None:
    address = "203.0.113.7"
    receiver = Receiver([Source(OscTracking(OscTracking.Settings(address=address, port=free_port())))], {}, Newest())
    with pytest.raises(UserError, match=address):
        receiver.start()


def test_it_binds_to_loopback_and_stops_at_once() -> None:
    with running() as bench:
        assert bench.receiver._sockets[0].getsockname()[0] == "127.0.0.1"
        with waits_here() as waits:
            bench.receiver.stop()
        assert waited_s(waits) <= 1.0
        until(lambda: not bench.receiver._thread.is_alive())
        bench.receiver.stop()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
            again.bind(("127.0.0.1", bench.port))


def test_a_receiver_of_nothing_runs_and_stops() -> None:
    receivers: Iterable[Receiver] = [
        Receiver([Source(NoTracking(NoTracking.Settings()))], {}, Newest()) for _ in range(2)
    ]
    for receiver in receivers:
        receiver.start()
        assert receiver.health() == {}
        receiver.stop()
