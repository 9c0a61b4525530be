"""Other programs' OSC: poses by hand from the senders' documented axes, as known packets and over UDP."""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, get_args

import numpy as np
import pytest
from pythonosc.udp_client import SimpleUDPClient

from tests.osc_programs import (
    CHANNELS,
    LOOKS_LEFT,
    VMC_CAMERA,
    ZEROS,
    ZIGSIM,
    S,
    bundle,
    channels,
    message,
    one_pose,
    seen,
    stands,
    tracking,
    updates,
)
from tests.waiting import until
from vpengine.cli.ports import free_port
from vpengine.mailbox import Newest
from vpengine.plugins import load_plugin
from vpengine.tracking import KINDS
from vpengine.tracking.osc_preset import OscAppTracking
from vpengine.tracking.osc_programs import PRESETS, PresetName
from vpengine.tracking.pose_buffer import PoseBuffer
from vpengine.tracking.protocol import Rejected, Source
from vpengine.tracking.receiver import Receiver

pytestmark = pytest.mark.alone

VRCHAT = bytes.fromhex(
    "2f747261636b696e672f747261636b6572732f312f726f746174696f6e0000002c666666000000004120000041a0000041f00000"
)

# A camera 1 m right, 2 m into the scene, 1.5 m high, that looks left: OpenVR and ARKit have X right, Y up, -Z forward.
OPENVR_LEFT = ((1.0, 1.5, -2.0), (0.0, S, 0.0, S))


def test_trackfwd() -> None:
    (x, y, z), quaternion = OPENVR_LEFT
    found = updates(tracking(preset="trackfwd"), message("/tracker/2", x, y, z, *quaternion))
    assert seen(one_pose(found, "2")) == stands((1.0, 2.0, 1.5), **LOOKS_LEFT)
    up = updates(tracking(preset="trackfwd"), message("/tracker/0", 0.0, 0.0, 0.0, S, 0.0, 0.0, S))
    assert seen(one_pose(up, "0")) == stands((0, 0, 0), (1, 0, 0), (0, 0, 1), (0, -1, 0))


def test_vivetracker_sends_w_first_and_visible_last() -> None:
    position, (qx, qy, qz, qw) = OPENVR_LEFT
    protocol = tracking(preset="vivetracker", only_camera="A")
    parts = (
        message("/vivetracker/position", *position),
        message("/vivetracker/quaternion", qw, qx, qy, qz),
    )
    assert updates(protocol, *parts) == []
    found = updates(protocol, message("/vivetracker/visible", True))
    assert seen(one_pose(found, "A")) == stands((1.0, 2.0, 1.5), **LOOKS_LEFT)
    assert updates(protocol, *parts, message("/vivetracker/visible", False)) == [Rejected("not-tracked")]
    only_w = (parts[0], message("/vivetracker/quaternion", 1.0, 0.0, 0.0, 0.0))
    level = one_pose(updates(protocol, *only_w, message("/vivetracker/visible", True)), "A")
    assert seen(level) == stands((1.0, 2.0, 1.5), (1, 0, 0), (0, 1, 0), (0, 0, 1))


# Unity: X right, Y up, Z forward, left-handed; a positive turn about X looks down, about Y right, about Z rolls left.
@pytest.mark.parametrize(
    ("degrees", "right", "forward", "up"),
    [
        ((0.0, 0.0, 0.0), (1, 0, 0), (0, 1, 0), (0, 0, 1)),
        ((90.0, 0.0, 0.0), (1, 0, 0), (0, 0, -1), (0, 1, 0)),
        ((0.0, 90.0, 0.0), (0, -1, 0), (1, 0, 0), (0, 0, 1)),
        ((0.0, 0.0, 90.0), (0, 0, 1), (0, 1, 0), (-1, 0, 0)),
        # First about Z, then X, then Y: looking down, turned to the right, its top points right.
        ((90.0, 90.0, 0.0), (0, -1, 0), (0, 0, -1), (1, 0, 0)),
        ((0.0, 90.0, 90.0), (0, 0, 1), (1, 0, 0), (0, 1, 0)),
        ((90.0, 0.0, 90.0), (0, 1, 0), (0, 0, -1), (-1, 0, 0)),
    ],
)
def test_vrchat(degrees: tuple, right: tuple, forward: tuple, up: tuple) -> None:
    protocol = tracking(preset="vrchat")
    place = message("/tracking/trackers/head/position", 1.0, 2.0, 3.0)
    found = updates(protocol, place, message("/tracking/trackers/head/rotation", *degrees))
    assert seen(one_pose(found, "head")) == stands((1.0, 3.0, 2.0), right, forward, up)


def turn(about: int, degrees: float) -> np.ndarray:
    """(3, 3): a right-handed turn about X, Y or Z (0, 1, 2), written out."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    out = np.eye(3)
    a, b = (about + 1) % 3, (about + 2) % 3
    out[a, a], out[a, b], out[b, a], out[b, b] = c, -s, s, c
    return out


def test_a_known_vrchat_packet() -> None:
    """Turns of 10, 20, 30 degrees; PROTOCOLS 7.1: in OpenGL's axes Ry(-20) Rx(-10) Rz(30)."""
    place = message("/tracking/trackers/1/position", 0.0, 0.0, 0.0)
    pose = one_pose(updates(tracking(preset="vrchat"), VRCHAT, place), "1")
    gl_from_stage = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])
    expected = gl_from_stage.T @ turn(1, -20.0) @ turn(0, -10.0) @ turn(2, 30.0) @ gl_from_stage
    np.testing.assert_allclose(pose.matrix()[:3, :3], expected, atol=1e-6)


def test_a_known_vmc_packet() -> None:
    """0.5 m right, 1.6 m up, 3 m back, turned 30 degrees to the right."""
    pose = one_pose(updates(tracking(preset="vmc-camera"), VMC_CAMERA), "Camera")
    c = math.sqrt(0.75)
    assert seen(pose) == stands((0.5, -3.0, 1.6), (c, -0.5, 0), (0.5, c, 0), (0, 0, 1))
    mapped = tracking(preset="vmc-camera", cameras={"Camera": "A"})
    assert one_pose(updates(mapped, VMC_CAMERA), "A") == pose
    other = tracking(preset="vmc-camera", cameras={"Kamera": "A"})
    assert updates(other, VMC_CAMERA) == [Rejected("other-camera-id")]


def test_vmc_tracker_among_what_else_is_sent() -> None:
    """A quarter turn about Unity's X looks down."""
    packet = bundle(
        ("/VMC/Ext/OK", 1),
        ("/VMC/Ext/T", 12.5),
        ("/VMC/Ext/Bone/Pos", "Hips", 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0),
        ("/VMC/Ext/Tra/Pos", "LHR-1", 1.0, 2.0, 3.0, S, 0.0, 0.0, S),
    )
    found = updates(tracking(preset="vmc-tracker"), packet)
    assert seen(one_pose(found, "LHR-1")) == stands((1.0, 3.0, 2.0), (1, 0, 0), (0, 0, -1), (0, 1, 0))


def test_what_a_program_sends_beside_its_poses_is_passed_over() -> None:
    zigsim = tracking(preset="zigsim")
    assert updates(zigsim, message("/a1b2c3/deviceinfo", "iPhone", "a1b2c3", "ios")) == []
    found = updates(zigsim, message("/a1b2c3/touch0", 0.5), message("/deviceinfo", 1.0))
    assert [each.reason for each in found if isinstance(each, Rejected)] == ["unknown-address"] * 2


def test_a_known_zigsim_packet() -> None:
    """A phone in ARKit's axes: 0.1 m right, 1.4 m up, 0.2 m ahead; then it looks to the left."""
    protocol = tracking(preset="zigsim", cameras={"a1b2c3": "A"})
    assert updates(protocol, ZIGSIM) == []
    found = updates(protocol, message("/a1b2c3/arkitrotation", *OPENVR_LEFT[1]))
    assert seen(one_pose(found, "A")) == stands((0.1, 0.2, 1.4), **LOOKS_LEFT)
    assert updates(protocol, message("/a1b2c3/gyro", 0.0, 0.0, 0.0)) == [Rejected("unknown-address")]


def test_the_engine_s_own_address_is_the_default() -> None:
    """A quarter turn about the stage's Z looks left."""
    found = updates(tracking(), message("/vp/camera/1/pose", 1.0, 2.0, 1.5, 0.0, 0.0, S, S))
    assert seen(one_pose(found, "1")) == stands((1.0, 2.0, 1.5), **LOOKS_LEFT)


def test_presets_are_all_known_and_say_where_they_send() -> None:
    assert set(PRESETS) == set(get_args(PresetName))
    ports = {"vmc-camera": 39539, "vmc-tracker": 39539, "vivetracker": 8000}
    for preset in PRESETS:
        assert tracking(preset=preset).endpoint == ("127.0.0.1", ports.get(preset, 9000))
    assert load_plugin(KINDS["osc-app"]) is OscAppTracking
    assert tracking(preset="vrchat", port=9007, address="0.0.0.0").endpoint == ("0.0.0.0", 9007)
    assert tracking(port=0).endpoint is None


# --- real UDP -------------------------------------------------------------------------------------------------------


@contextmanager
def receiving(**settings: Any) -> Iterator[tuple[Receiver, int, PoseBuffer]]:
    """A running receiver of camera A, its port, and where its poses go."""
    port, poses = free_port(), PoseBuffer()
    protocol = tracking(time.monotonic, port=port, merge_ms=1000.0, **settings)
    receiver = Receiver([Source(protocol)], {"A": poses}, Newest())
    receiver.start()
    try:
        yield receiver, port, poses
    finally:
        receiver.stop()


def test_python_osc_sends_a_split_pose_into_a_pose_buffer() -> None:
    with receiving(preset="vrchat", cameras={"1": "A", "2": "B"}) as (receiver, port, poses):
        client = SimpleUDPClient("127.0.0.1", port)
        client.send_message("/avatar/parameters/x", 1.0)
        for tracker in ("3", "2", "1"):
            client.send_message(f"/tracking/trackers/{tracker}/position", [1.0, 1.5, 2.0])
            client.send_message(f"/tracking/trackers/{tracker}/rotation", [0.0, -90.0, 0.0])
        until(lambda: any(health.good for health in receiver.health().values()))
        (health,) = receiver.health().values()
        assert health.good == 1
        assert health.bad == {"unknown-address": 1, "other-camera-id": 2, "unknown-camera": 1}
        tracked = poses.at(time.monotonic())
        assert tracked is not None
        assert seen(tracked.pose) == stands((1.0, 2.0, 1.5), **LOOKS_LEFT)


def test_python_osc_sends_channels_in_a_bundle_into_a_pose_buffer() -> None:
    with receiving(message=CHANNELS, commit="bundle", keep=True, only_camera="A") as (receiver, port, poses):
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with sender:
            for packet in (channels(tx=1.0, ty=0.0, **{**ZEROS, "tz": 1.5}), channels(ty=2.0, rz=90.0)):
                sender.sendto(packet, ("127.0.0.1", port))
        until(lambda: any(health.good == 2 for health in receiver.health().values()))
        (health,) = receiver.health().values()
        assert health.bad == {}
        assert health.last is not None
        assert seen(health.last) == stands((1.0, 2.0, 1.5), **LOOKS_LEFT)
        assert poses.at(time.monotonic()) is not None
