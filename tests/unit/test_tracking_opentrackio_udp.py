"""OpenTrackIO over real UDP into a PoseBuffer: unicast, multicast on loopback, and senders that are wrong."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.waiting import until
from vpengine.cli.ports import free_port
from vpengine.errors import UserError
from vpengine.mailbox import Newest
from vpengine.stage.camera import CameraSettings
from vpengine.tracking.cameras import Cameras
from vpengine.tracking.opentrackio import OpenTrackIOTracking, encode_pose
from vpengine.tracking.opentrackio_packet import JSON, fletcher16, write_packet
from vpengine.tracking.pose_buffer import PoseBuffer
from vpengine.tracking.protocol import LensUpdate, Source
from vpengine.tracking.receiver import Receiver
from vpengine.tracking.recentre import Recentring
from vpengine.view.pose import Pose, from_opentrackio

pytestmark = pytest.mark.alone

POSE = from_opentrackio((1.0, -2.0, 1.5), 25.0, -5.0, 2.0)
GROUP, GROUP_V1_0_0 = "239.135.1.7", "235.135.1.7"


class Bench:
    """A running receiver for cameras 1 and 7, and a socket to send to it."""

    def __init__(self, **settings: Any) -> None:
        self.port = free_port()
        self.poses = {"1": PoseBuffer(), "7": PoseBuffer()}
        self.lenses: Newest[str, LensUpdate] = Newest()
        protocol = OpenTrackIOTracking(OpenTrackIOTracking.Settings(port=self.port, **settings))
        self.receiver = Receiver([Source(protocol)], self.poses, self.lenses)
        self.sender = multicast_sender()

    def send(self, packet: bytes, to: str = "127.0.0.1") -> None:
        self.sender.sendto(packet, (to, self.port))

    def good(self) -> int:
        return sum(health.good for health in self.receiver.health().values())

    def bad(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for health in self.receiver.health().values():
            for reason, count in health.bad.items():
                counts[reason] = counts.get(reason, 0) + count
        return counts

    def pose(self, camera: str = "1") -> Pose:
        tracked = self.poses[camera].at(time.monotonic())
        assert tracked is not None
        return tracked.pose


@contextmanager
def running(**settings: Any) -> Iterator[Bench]:
    bench = Bench(**settings)
    try:
        bench.receiver.start()
        yield bench
    finally:
        bench.receiver.stop()
        bench.sender.close()


def multicast_sender() -> socket.socket:
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
    sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 0)
    return sender


@pytest.fixture(scope="module")
def _multicast() -> None:
    """Whether this machine carries multicast on loopback at all, asked of plain sockets."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear, multicast_sender() as mouth:
        ear.bind(("" if sys.platform == "win32" else "239.135.1.199", 0))
        ear.settimeout(1.0)
        try:
            membership = socket.inet_aton("239.135.1.199") + socket.inet_aton("127.0.0.1")
            ear.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
            mouth.sendto(b"x", ("239.135.1.199", ear.getsockname()[1]))
            ear.recv(1)
        except OSError as error:
            pytest.skip(f"this machine carries no multicast on loopback ({error})")


def test_a_pose_arrives_by_unicast() -> None:
    with running() as bench:
        bench.send(encode_pose("1", POSE, 5.0))
        until(lambda: bench.good() == 1)
        assert bench.pose().position_m == pytest.approx(POSE.position_m)
        assert bench.pose().rotation == pytest.approx(POSE.rotation)
        assert bench.bad() == {}
        assert bench.receiver._sockets[0].getsockname() == ("127.0.0.1", bench.port)


def test_stamps_place_samples_and_not_their_arrival() -> None:
    """Samples of 100 Hz that arrive in two bursts: 10 mm apart by their own clock, so a smooth move in the buffer."""
    with running() as bench:
        begun_s = time.monotonic()
        for n in range(20):
            bench.send(encode_pose("1", Pose((0.01 * n, 0.0, 0.0)), 1e9 + 0.01 * n))
            time.sleep(0.1 if n in (9, 19) else 0.0)
        until(lambda: bench.good() == 20)
        now_s = time.monotonic()
        last = bench.poses["1"].at(now_s)
        assert last is not None
        newest_s = now_s - last.age_s
        assert newest_s > begun_s
        for back_s in (0.005, 0.035, 0.055):
            tracked = bench.poses["1"].at(newest_s - back_s)
            assert tracked is not None
            assert tracked.pose.position_m[0] == pytest.approx(0.19 - back_s, abs=1e-3)


def test_lens_and_entrance_pupil_reach_the_camera() -> None:
    settings = CameraSettings(id="1", sensor_mm=(36.0, 20.25), pinhole_focal_length_mm=35.0)
    sample = (
        b'{"sourceNumber":1,"lens":{"pinholeFocalLength":50,"focusDistance":3,"tStop":2.8,"entrancePupilOffset":0.1},'
        b'"transforms":[{"translation":{"x":0,"y":0,"z":1},"rotation":{"pan":0,"tilt":0,"roll":0}}]}'
    )
    with running() as bench:
        bench.send(write_packet(sample, JSON, 1))
        until(lambda: bench.good() == 2)
        cameras = Cameras([settings], bench.poses, bench.lenses, Recentring({settings.id: settings.pose.pose()}))
        now_s = time.monotonic()
        lens = cameras.at(now_s, now_s, 0.0)["1"].lens
        assert (lens.pinhole_focal_length_mm, lens.focus_distance_m, lens.t_stop) == (50.0, 3.0, 2.8)
        assert lens.entrance_pupil_offset_m == 0.1
        bench.lenses.put("1", LensUpdate("1", 85.0, 3.0, 2.8))  # of a sender that tells no entrance pupil
        lens = cameras.at(now_s, now_s, 0.0)["1"].lens
        assert (lens.pinhole_focal_length_mm, lens.entrance_pupil_offset_m) == (85.0, 0.1)


def test_wrong_packets_are_counted_by_reason_and_good_ones_go_on() -> None:
    good = encode_pose("1", POSE, 1.0)
    with running() as bench:
        for packet in (b"", b"junk" * 10, good[:-1], good[:-1] + b"!", encode_pose("2", POSE), encode_pose("a", POSE)):
            bench.send(packet)
        bench.send(good)
        bench.send(good)
        until(lambda: bench.good() == 1 and sum(bench.bad().values()) == 7)
        assert bench.bad() == {
            "truncated": 1,
            "bad-identifier": 1,
            "bad-length": 1,
            "bad-checksum": 1,
            "unknown-camera": 1,
            "camera-not-named": 1,
            "repeated": 1,
        }
        assert bench.pose().position_m == pytest.approx(POSE.position_m)


@pytest.mark.usefixtures("_multicast")
def test_a_pose_arrives_by_multicast_and_by_its_group_alone() -> None:
    with running(multicast_sources=(7,)) as bench:
        bench.send(encode_pose("1", Pose(), 1.0), "239.135.1.8")
        bench.send(encode_pose("1", Pose(), 2.0))
        bench.send(encode_pose("7", POSE, 3.0), GROUP)
        until(lambda: bench.good() == 1)
        time.sleep(0.05)
        assert bench.pose("7").position_m == pytest.approx(POSE.position_m)
        assert bench.poses["1"].at(time.monotonic()) is None
        assert bench.good() == 1
        assert bench.bad() == {}


@pytest.mark.usefixtures("_multicast")
@pytest.mark.parametrize("accepts", [False, True])
def test_version_1_0_0_by_its_own_group_and_checksum(accepts: bool) -> None:
    packet = encode_pose("7", POSE, 3.0)
    old = packet[:14] + fletcher16(packet[:14] + packet[16:], 255).to_bytes(2, "big") + packet[16:]
    with running(multicast_sources=(7,), accept_v1_0_0=accepts) as bench:
        bench.send(old, GROUP_V1_0_0)
        bench.send(encode_pose("7", Pose(), 4.0), GROUP)
        until(lambda: bench.good() == 1 + accepts)
        assert len(bench.receiver._sockets) == 1 + accepts


@pytest.mark.usefixtures("_multicast")
def test_two_programs_of_one_machine_may_listen_to_one_group() -> None:
    with running(multicast_sources=(7,)) as bench:
        settings = OpenTrackIOTracking.Settings(port=bench.port, multicast_sources=(7,))
        poses = {"7": PoseBuffer()}
        second = Receiver([Source(OpenTrackIOTracking(settings))], poses, Newest())
        second.start()
        try:
            bench.send(encode_pose("7", POSE, 3.0), GROUP)
            until(lambda: bench.good() == 1 and poses["7"].at(time.monotonic()) is not None)
        finally:
            second.stop()


@pytest.mark.parametrize("settings", [{}, {"multicast_sources": (7,)}])
def test_a_network_that_is_not_ours_is_a_user_s_error(settings: dict[str, Any]) -> None:
    expected = r"OpenTrackIOTracking: cannot receive on UDP 203.0.113.7 port \d+(, group 239.135.1.7)?: .*use "
    with pytest.raises(UserError, match=expected), running(address="203.0.113.7", **settings):
        pass
