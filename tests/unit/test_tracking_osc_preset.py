"""Other programs' OSC: poses by hand from the senders' documented axes, commit rules, refusals, and real UDP."""

from __future__ import annotations

import math
import random
import socket
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.udp_client import SimpleUDPClient

from tests.geometry import from_unreal
from tests.senders import free_port
from tests.waiting import until
from vpengine.mailbox import Newest
from vpengine.plugins import load_plugin
from vpengine.stage.sections import PluginSection, resolve_settings
from vpengine.tracking import KINDS
from vpengine.tracking.osc_parts import MOST_WAITING
from vpengine.tracking.osc_preset import OscAppTracking
from vpengine.tracking.osc_programs import PRESETS, PresetName
from vpengine.tracking.pose_buffer import PoseBuffer
from vpengine.tracking.protocol import PoseUpdate, Rejected, Source, Update
from vpengine.tracking.receiver import Receiver
from vpengine.view.pose import Pose, from_opentrackio

S = math.sqrt(0.5)
PEER = "127.0.0.1:5000"

# PROTOCOLS 3.5: packets as these programs send them.
VMC_CAMERA = bytes.fromhex(
    "2f564d432f4578742f43616d000000002c736666666666666666000043616d65726100003f0000003fcccccdc04000000000"
    "00003e8483ee000000003f7746ea42340000"
)
SEVEN_FLOATS = bytes.fromhex(
    "2f747261636b65725f3100002c66666666666666000000003f8000003fc00000c0000000000000003f3504f4000000003f3504f4"
)
ZIGSIM = bytes.fromhex("2f6131623263332f61726b6974706f736974696f6e0000002c666666000000003dcccccd3fb33333be4ccccd")
VRCHAT = bytes.fromhex(
    "2f747261636b696e672f747261636b6572732f312f726f746174696f6e0000002c666666000000004120000041a0000041f00000"
)


def message(address: str, *arguments: Any) -> bytes:
    return built(address, *arguments).dgram


def built(address: str, *arguments: Any) -> Any:
    builder = OscMessageBuilder(address)
    for value in arguments:
        builder.add_arg(value)
    return builder.build()


def bundle(*messages: tuple[Any, ...]) -> bytes:
    builder = OscBundleBuilder(IMMEDIATELY)
    for one in messages:
        builder.add_content(built(*one))
    return builder.build().dgram


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def tracking(clock: Callable[[], float] | None = None, **settings: Any) -> OscAppTracking:
    return OscAppTracking(OscAppTracking.Settings.model_validate(settings), clock or Clock())


def updates(protocol: OscAppTracking, *packets: bytes, peer: str = PEER) -> list[Update]:
    return [update for packet in packets for update in protocol.decode(packet, peer)]


def one_pose(found: list[Update], camera: str | None) -> Pose:
    (update,) = found
    assert isinstance(update, PoseUpdate)
    assert (update.camera, update.sender_time_s) == (camera, None)
    return update.pose


def sees(pose: Pose, position_m: tuple, right: tuple, forward: tuple, up: tuple) -> None:
    """Where the camera is and where its axes point, in stage space."""
    assert pose.position_m == pytest.approx(position_m, abs=1e-6)
    np.testing.assert_allclose(pose.matrix()[:3, :3].T, [right, forward, up], atol=1e-6)


# A camera 1 m right, 2 m into the scene, 1.5 m high, that looks left: OpenVR and ARKit have X right, Y up, -Z forward.
OPENVR_LEFT = ((1.0, 1.5, -2.0), (0.0, S, 0.0, S))
LOOKS_LEFT = {"right": (0, 1, 0), "forward": (-1, 0, 0), "up": (0, 0, 1)}


def test_trackfwd() -> None:
    (x, y, z), quaternion = OPENVR_LEFT
    found = updates(tracking(preset="trackfwd"), message("/tracker/2", x, y, z, *quaternion))
    sees(one_pose(found, "2"), (1.0, 2.0, 1.5), **LOOKS_LEFT)
    up = updates(tracking(preset="trackfwd"), message("/tracker/0", 0.0, 0.0, 0.0, S, 0.0, 0.0, S))
    sees(one_pose(up, "0"), (0, 0, 0), (1, 0, 0), (0, 0, 1), (0, -1, 0))


def test_vivetracker_sends_w_first_and_visible_last() -> None:
    position, (qx, qy, qz, qw) = OPENVR_LEFT
    protocol = tracking(preset="vivetracker", only_camera="A")
    parts = (
        message("/vivetracker/position", *position),
        message("/vivetracker/quaternion", qw, qx, qy, qz),
    )
    assert updates(protocol, *parts) == []
    found = updates(protocol, message("/vivetracker/visible", True))
    sees(one_pose(found, "A"), (1.0, 2.0, 1.5), **LOOKS_LEFT)
    assert updates(protocol, *parts, message("/vivetracker/visible", False)) == [Rejected("not-tracked")]
    only_w = (parts[0], message("/vivetracker/quaternion", 1.0, 0.0, 0.0, 0.0))
    level = one_pose(updates(protocol, *only_w, message("/vivetracker/visible", True)), "A")
    sees(level, (1.0, 2.0, 1.5), (1, 0, 0), (0, 1, 0), (0, 0, 1))


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
    sees(one_pose(found, "head"), (1.0, 3.0, 2.0), right, forward, up)


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
    sees(pose, (0.5, -3.0, 1.6), (c, -0.5, 0), (0.5, c, 0), (0, 0, 1))
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
    sees(one_pose(found, "LHR-1"), (1.0, 3.0, 2.0), (1, 0, 0), (0, 0, -1), (0, 1, 0))


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
    sees(one_pose(found, "A"), (0.1, 0.2, 1.4), **LOOKS_LEFT)
    assert updates(protocol, message("/a1b2c3/gyro", 0.0, 0.0, 0.0)) == [Rejected("unknown-address")]


def test_the_engine_s_own_address_is_the_default() -> None:
    """A quarter turn about the stage's Z looks left."""
    found = updates(tracking(), message("/vp/camera/1/pose", 1.0, 2.0, 1.5, 0.0, 0.0, S, S))
    sees(one_pose(found, "1"), (1.0, 2.0, 1.5), **LOOKS_LEFT)


def test_presets_are_all_known_and_say_where_they_send() -> None:
    assert set(PRESETS) == set(get_args(PresetName))
    ports = {"vmc-camera": 39539, "vmc-tracker": 39539, "vivetracker": 8000}
    for preset in PRESETS:
        assert tracking(preset=preset).endpoint == ("127.0.0.1", ports.get(preset, 9000))
    assert load_plugin(KINDS["osc-app"]) is OscAppTracking
    assert tracking(preset="vrchat", port=9007, address="0.0.0.0").endpoint == ("0.0.0.0", 9007)
    assert tracking(port=0).endpoint is None


# --- the stage file's own tables ------------------------------------------------------------------------------------


def row(address: str, *arguments: str) -> dict[str, Any]:
    return {"address": address, "arguments": arguments}


SEVEN = ("x", "y", "z", "qx", "qy", "qz", "qw")


def test_a_known_packet_of_seven_floats_by_an_own_table() -> None:
    protocol = tracking(message=(row("/tracker_{camera}", *SEVEN),), frame="opengl")
    sees(one_pose(updates(protocol, SEVEN_FLOATS), "1"), (1.0, 2.0, 1.5), **LOOKS_LEFT)


def test_signs_and_order_undo_an_odd_frame() -> None:
    """trackfwd --coords unity sends OpenVR's z y x and the quaternion's z y x and -w (its src/transform.rs)."""
    table = (row("/tracker/{camera}", "z", "y", "x", "qz", "qy", "qx", "-qw"),)
    packet = message("/tracker/1", -2.0, 1.5, 1.0, 0.0, S, 0.0, -S)
    sees(one_pose(updates(tracking(preset="trackfwd", message=table), packet), "1"), (1.0, 2.0, 1.5), **LOOKS_LEFT)


angle = st.floats(-180.0, 180.0)


@given(st.tuples(*[st.floats(-900.0, 900.0)] * 3), st.tuples(angle, angle, angle))
def test_unreal_s_rotator_agrees_with_its_own_conversion(position_cm: tuple, angles: tuple) -> None:
    """FRotator: yaw turns right, pitch up, roll clockwise, in that order; X forward, Y right, Z up, centimetres."""
    table = (row("/cam", "x", "y", "z", "rz", "-ry", "-rx"),)
    protocol = tracking(message=table, frame="unreal", length_unit="cm", euler_order="ZYX")
    position_cm, (pitch, yaw, roll) = np.float32(position_cm).tolist(), np.float32(angles).tolist()
    pose = one_pose(updates(protocol, message("/cam", *position_cm, yaw, pitch, roll)), None)
    expected = from_unreal(tuple(position_cm), pitch, yaw, roll)
    np.testing.assert_allclose(pose.matrix(), expected.matrix(), atol=1e-6)


def test_unreal_by_hand() -> None:
    """1 m forward, 2 m right, 3 m up; FQuat of a quarter turn about Z, which in Unreal turns right."""
    protocol = tracking(message=(row("/cam", *SEVEN),), frame="unreal", length_unit="cm")
    pose = one_pose(updates(protocol, message("/cam", 100.0, 200.0, 300.0, 0.0, 0.0, S, S)), None)
    sees(pose, (2.0, 1.0, 3.0), (0, -1, 0), (1, 0, 0), (0, 0, 1))


def test_blender_s_camera_looks_down_until_it_is_turned_up() -> None:
    """Z up, Y forward in the world, but the camera's own axes are OpenGL's; Blender's quaternions begin with w."""
    table = (
        row("/objects/{camera}/location", "x", "y", "z"),
        row("/objects/{camera}/rotation", "qw", "qx", "qy", "qz"),
    )
    protocol = tracking(message=table, frame="blender")
    place = message("/objects/Cube/location", 1.0, 2.0, 3.0)
    level = updates(protocol, place, message("/objects/Cube/rotation", S, S, 0.0, 0.0))
    sees(one_pose(level, "Cube"), (1.0, 2.0, 3.0), (1, 0, 0), (0, 1, 0), (0, 0, 1))
    down = updates(protocol, place, message("/objects/Cube/rotation", 1.0, 0.0, 0.0, 0.0))
    sees(one_pose(down, "Cube"), (1.0, 2.0, 3.0), (1, 0, 0), (0, 0, -1), (0, 1, 0))


def test_a_known_pose_in_opengl_s_axes() -> None:
    """PROTOCOLS 7.1's vector, from another program."""
    protocol = tracking(message=(row("/cam", *SEVEN),), frame="opengl")
    numbers = (0.5, 1.6, 3.0, -0.095352, 0.253917, -0.019437, 0.962318)
    pose = one_pose(updates(protocol, message("/cam", *numbers)), None)
    expected = from_opentrackio((0.5, -3.0, 1.6), 30.0, -10.0, 5.0)
    np.testing.assert_allclose(pose.matrix(), expected.matrix(), atol=2e-6)


@pytest.mark.parametrize(
    ("unit", "angle_unit", "metre", "quarter"), [("mm", "rad", 1000, math.pi / 2), ("m", "deg", 1, 90)]
)
def test_units(unit: str, angle_unit: str, metre: float, quarter: float) -> None:
    table = (row("/cam", "x", "y", "z", "rz", "rx", "ry"),)
    protocol = tracking(message=table, length_unit=unit, angle_unit=angle_unit)
    found = updates(protocol, message("/cam", 1.0 * metre, 2.0 * metre, 1.5 * metre, 1.0 * quarter, 0.0, 0.0))
    sees(one_pose(found, None), (1.0, 2.0, 1.5), **LOOKS_LEFT)


def test_turns_alone_stand_where_the_stage_file_says() -> None:
    settings = {"message": (row("/gyrosc/quat", "qw", "qx", "qy", "qz"),)}
    settings["stage_from_tracker"] = {"translation_m": (0.5, -4.0, 1.7)}
    settings["tracker_from_sensor"] = {"translation_m": (0.0, 0.25, 0.0)}
    found = updates(tracking(**settings), message("/gyrosc/quat", S, 0.0, 0.0, S))
    sees(one_pose(found, None), (0.25, -4.0, 1.7), **LOOKS_LEFT)


# --- commit rules ---------------------------------------------------------------------------------------------------


def place(x: float, camera: str = "1") -> bytes:
    return message(f"/tracking/trackers/{camera}/position", x, 0.0, 0.0)


def turned(camera: str = "1") -> bytes:
    return message(f"/tracking/trackers/{camera}/rotation", 0.0, 0.0, 0.0)


def xs(found: list[Update]) -> list[float | str]:
    """What came: the x of a pose, the reason of a refusal."""
    return [found_x.reason if isinstance(found_x, Rejected) else found_x.pose.position_m[0] for found_x in found]  # type: ignore[union-attr]


def test_all_commits_in_any_order() -> None:
    protocol = tracking(preset="vrchat")
    assert xs(updates(protocol, place(1.0))) == []
    assert xs(updates(protocol, turned())) == [1.0]
    assert xs(updates(protocol, turned())) == []
    assert xs(updates(protocol, place(2.0))) == [2.0]


def test_all_never_joins_halves_of_two_poses() -> None:
    clock = Clock()
    protocol = tracking(clock, preset="vrchat", merge_ms=10.0)
    assert xs(updates(protocol, place(1.0), place(2.0))) == ["incomplete"]  # the first one's rotation was lost
    assert xs(updates(protocol, turned())) == [2.0]
    assert xs(updates(protocol, place(3.0))) == []
    clock.now_s += 0.011
    assert xs(updates(protocol, turned())) == ["incomplete"]
    assert xs(updates(protocol, place(4.0))) == [4.0]


def test_cameras_and_machines_are_put_together_apart() -> None:
    protocol = tracking(preset="vrchat")
    assert xs(updates(protocol, place(1.0, "1"), place(2.0, "2"))) == []
    assert xs(updates(protocol, place(3.0, "1"), peer="10.0.0.2:5000")) == []
    assert xs(updates(protocol, turned("2"), turned("1"))) == [2.0, 1.0]
    assert xs(updates(protocol, turned("1"), peer="10.0.0.2:6000")) == [3.0]  # another port of the same machine


def test_last_commits_on_the_last_row_only() -> None:
    protocol = tracking(preset="vrchat", commit="last")
    assert xs(updates(protocol, turned())) == ["incomplete"]
    assert xs(updates(protocol, place(1.0))) == []
    assert xs(updates(protocol, turned())) == [1.0]
    assert xs(updates(protocol, turned())) == ["incomplete"]  # a value is not used twice


CHANNELS = tuple(row(f"/{name}", name.replace("t", "")) for name in ("tx", "ty", "tz", "rx", "ry", "rz"))


def channels(**values: float) -> bytes:
    return bundle(*((f"/{name}", value) for name, value in values.items()))


ZEROS = {"tz": 0.0, "rx": 0.0, "ry": 0.0, "rz": 0.0}


def test_a_message_a_value_commits_with_the_bundle() -> None:
    protocol = tracking(message=CHANNELS, commit="bundle")
    assert xs(updates(protocol, channels(tx=1.0, ty=2.0, **ZEROS))) == [1.0]
    assert xs(updates(protocol, channels(**dict(reversed(ZEROS.items())), ty=2.0, tx=3.0))) == [3.0]
    assert xs(updates(protocol, channels(tx=4.0, **ZEROS))) == ["incomplete"]
    assert xs(updates(protocol, channels(ty=5.0))) == ["incomplete"]  # the one before is not completed by it


def test_values_that_do_not_change_may_be_kept() -> None:
    protocol = tracking(clock := Clock(), message=CHANNELS, commit="bundle", keep=True)
    assert xs(updates(protocol, channels(tx=1.0))) == ["incomplete"]
    assert xs(updates(protocol, channels(ty=2.0, **ZEROS))) == [1.0]
    clock.now_s += 60.0
    (moved,) = updates(protocol, channels(ty=7.0, rz=90.0))
    assert isinstance(moved, PoseUpdate)
    sees(moved.pose, (1.0, 7.0, 0.0), **LOOKS_LEFT)


def test_what_waits_is_bounded() -> None:
    protocol = tracking(preset="vrchat")
    found = [update for n in range(1000) for update in updates(protocol, place(float(n), f"c{n}"))]
    assert found == [Rejected("too-many-cameras")] * (1000 - MOST_WAITING)
    assert len(protocol._parts) == MOST_WAITING
    assert xs(updates(protocol, turned("c999"))) == [999.0]
    assert xs(updates(protocol, turned("c0"))) == []  # it gave way
    crowd = bundle(*((f"/tracking/trackers/d{n}/position", 0.0, 0.0, 0.0) for n in range(200)))
    crowded = tracking(preset="vrchat", commit="bundle")
    assert Counter(xs(updates(crowded, crowd))) == {"too-many-cameras": 136, "incomplete": 64}
    assert len(crowded._parts) == 0


# --- refusals -------------------------------------------------------------------------------------------------------

GOOD = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)
REFUSED = {
    "unknown-address": message("/tracker/1/pose", *GOOD),
    "bad-arguments": message("/tracker/1", *GOOD[:6]),
    "bad-types": message("/tracker/1", *GOOD[:6], True),
    "not-finite": message("/tracker/1", *GOOD[:6], math.nan),
    "bad-quaternion": message("/tracker/1", *GOOD[:6], 0.6),
    "too-far": message("/tracker/1", 20_000.0, *GOOD[1:]),
    "bad-camera-name": message("/tracker/" + 65 * "a", *GOOD),
    "truncated": message("/tracker/1", *GOOD)[:-8],
}


@pytest.mark.parametrize("reason", REFUSED)
def test_nonsense_is_refused_by_reason(reason: str) -> None:
    protocol = tracking(preset="trackfwd")
    assert updates(protocol, REFUSED[reason]) == [Rejected(reason)]
    one_pose(updates(protocol, message("/tracker/1", *GOOD)), "1")


def test_more_nonsense() -> None:
    assert updates(tracking(preset="trackfwd"), message("/tracker/", *GOOD)) == [Rejected("unknown-address")]
    huge = message("/tracking/trackers/1/rotation", 1e30, 0.0, 0.0)
    assert updates(tracking(preset="vrchat"), place(0.0), huge) == [Rejected("bad-angle")]
    nameless = message("/VMC/Ext/Tra/Pos", "", *GOOD)
    assert updates(tracking(preset="vmc-tracker"), nameless) == [Rejected("bad-camera-name")]
    swapped = message("/VMC/Ext/Tra/Pos", 1.5, *GOOD)
    assert updates(tracking(preset="vmc-tracker"), swapped) == [Rejected("bad-types")]


def test_what_is_not_needed_costs_the_pose_nothing() -> None:
    camera = tracking(preset="vmc-camera")
    for rest in ((), ("wide",), (math.nan,), (45.0,)):
        one_pose(updates(camera, message("/VMC/Ext/Cam", "A", *GOOD, *rest)), "A")
    extra, pose = updates(camera, message("/VMC/Ext/Cam", "A", *GOOD, 45.0, 1))
    one_pose([pose], "A")
    assert extra == Rejected("extra-arguments")
    vive = tracking(preset="vivetracker")
    parts = (message("/vivetracker/position", *GOOD[:3]), message("/vivetracker/quaternion", 1.0, 0.0, 0.0, 0.0))
    odd, pose = updates(vive, *parts, message("/vivetracker/visible", "yes"))
    one_pose([pose], None)
    assert odd == Rejected("bad-types")


def test_refusals_say_what_came_and_what_is_expected() -> None:
    zigsim = tracking(preset="zigsim", cameras={"a1": "A"})
    other, _ = updates(zigsim, message("/0b7c/arkitposition", 0.0, 0.0, 0.0), message("/b/c", 1.0))
    assert isinstance(other, Rejected)
    assert other.sentence == (
        'camera 0b7c came, which is not in cameras = {a1 = "A"} of its [[tracking]]: to take it, write 0b7c = "A" there'
    )
    assert other.subject == "0b7c"
    for case in REFUSED.values():
        (refused,) = updates(tracking(preset="trackfwd"), case)
        assert isinstance(refused, Rejected)
        assert "expected" in refused.sentence or "no OSC packet" in refused.sentence


def section(text: str) -> PluginSection:
    keys = ("kind", "camera")
    return PluginSection("tracking", "osc-app", tomllib.loads(text), Path("s.toml"), "tracking[1]", "kind", keys)


OWN = """
frame = "opengl"
length_unit = "cm"
cameras = {"phone 7" = "A"}
[[message]]
address = "/cam/{camera}/at"
arguments = ["x", "y", "z"]
[[message]]
address = "/cam/{camera}/turn"
arguments = ["qw", "qx", "qy", "qz", "skip"]
"""


def test_a_stage_file_s_own_table() -> None:
    settings = resolve_settings(section(OWN), OscAppTracking.Settings)
    assert isinstance(settings, OscAppTracking.Settings)
    at = message("/cam/phone 7/at", 100.0, 150.0, -200.0)
    found = updates(OscAppTracking(settings), at, message("/cam/phone 7/turn", S, 0.0, S, 0.0, "locked"))
    sees(one_pose(found, "A"), (1.0, 2.0, 1.5), **LOOKS_LEFT)


def own(*rows: str) -> str:
    """Rows such as "/a: x y z" as a stage file has them."""
    pairs = (row.split(": ") for row in rows)
    return "".join(f"[[message]]\naddress = {at!r}\narguments = {what.split()}\n" for at, what in pairs)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('preset = "vr-chat"', "tracking[1].preset: found 'vr-chat', expected 'vpengine', 'trackfwd'"),
        ("prot = 1", "tracking[1].prot: unknown key; did you mean 'port'?"),
        ('frame = "maya"', "tracking[1].frame: found 'maya', expected 'stage', 'opengl', 'unity', 'unreal' or"),
        ("merge_ms = 0.0", "tracking[1].merge_ms: found 0.0, expected more than 0"),
        ("keep = true", 'tracking[1].keep: it is for commit = "last" or "bundle"'),
        (own("/a: x y z"), "tracking[1].message: found x y z, expected qx qy qz qw or rx ry rz"),
        (own("/a: skip"), "tracking[1].message: found no numbers, expected qx qy qz qw or rx ry rz"),
        (own("/a: x y rx ry rz"), "tracking[1].message: found x y rx ry rz, expected"),
        (own("/a: qx qy qz qw rx ry rz"), "tracking[1].message: found qx qy qz qw rx ry rz, expected"),
        (own("/a: rx ry rz -rx"), "tracking[1].message: found rx ry rz rx, allowed each of them once"),
        (own("/a: rx ry rz", "/a: x y z"), "tracking[1].message: an address stands in it twice"),
        (own("/{camera}/a: rx ry rz", "/b: x y z"), "tracking[1].message: allowed are messages that all name the"),
        (own("a: rx ry rz"), "tracking[1].message[1].address: found 'a', allowed an OSC address such as /tracker/"),
        (own("/{id}: rx ry rz"), "tracking[1].message[1].address: found '/{id}', allowed an OSC address"),
        (own("/a: pan tilt roll"), "tracking[1].message[1].arguments[1]: found 'pan', expected 'x', '-x', 'y'"),
    ],
)
def test_mistakes_in_a_stage_file(text: str, expected: str) -> None:
    problems = resolve_settings(section(text), OscAppTracking.Settings)
    assert isinstance(problems, list)
    assert expected in str(problems[0])


# --- hostile packets ------------------------------------------------------------------------------------------------

OWN_REASONS = {
    "unknown-address", "bad-arguments", "bad-types", "not-finite", "bad-quaternion", "too-far", "bad-camera-name",
    "bad-angle", "incomplete", "not-tracked", "extra-arguments", "too-many-cameras", "other-camera-id",
}  # fmt: skip
OSC_REASONS = {
    "truncated", "bad-size", "bad-address", "too-many", "depth", "bad-utf8", "no-type-tags", "bad-type",
    "bad-character",
}  # fmt: skip
SEEDS = {
    "trackfwd": [message("/tracker/1", *GOOD)],
    "vivetracker": [
        message("/vivetracker/position", 1.0, 2.0, 3.0),
        message("/vivetracker/quaternion", 1.0, 0.0, 0.0, 0.0),
        message("/vivetracker/visible", True),
        message("/vivetracker/position", 0.0, 0.0, 0.0),
        message("/vivetracker/quaternion", 1.0, 0.0, 0.0, 0.0),
        message("/vivetracker/visible", False),
    ],
    "vrchat": [place(1.0), turned(), bundle(("/tracking/trackers/2/position", 0.0, 0.0, 0.0))],
    "vmc-camera": [
        VMC_CAMERA,
        bundle(("/VMC/Ext/OK", 1), ("/VMC/Ext/Cam", "A", *GOOD, 45.0)),
        message("/VMC/Ext/Cam", "", *GOOD, 45.0),
    ],
    "zigsim": [ZIGSIM, message("/a1b2c3/arkitrotation", *GOOD[3:])],
}


def mutated(chance: random.Random, packet: bytes) -> bytes:
    """A good packet as it is, changed in some bytes, cut or lengthened; or bytes that are wholly random."""
    if chance.random() < 0.1:
        return chance.randbytes(chance.randrange(80))
    changed = bytearray(packet)
    for _ in range(chance.choice([0, 0, 1, 2, 5])):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    if chance.random() < 0.1:
        return bytes(changed[: chance.randrange(len(changed))]) + chance.randbytes(chance.randrange(5))
    return bytes(changed)


def test_100_000_hostile_packets_raise_nothing() -> None:
    chance, seen = random.Random(5), Counter[str]()
    cases = [(tracking(preset=preset), packets) for preset, packets in SEEDS.items()]
    for n in range(100_000):
        protocol, packets = cases[n % len(cases)]
        packet = mutated(chance, packets[n // len(cases) % len(packets)])
        for update in protocol.decode(packet, f"10.0.0.{chance.randrange(4)}:5000"):
            seen[update.reason if isinstance(update, Rejected) else "pose"] += 1
            if isinstance(update, PoseUpdate):
                assert np.isfinite(update.pose.matrix()).all(), packet.hex()
                assert math.hypot(*update.pose.rotation) == pytest.approx(1.0, abs=1e-9)
        assert len(protocol._parts) <= MOST_WAITING
    assert set(seen) <= OWN_REASONS | OSC_REASONS | {"pose"}
    assert seen["pose"] > 10_000
    assert OWN_REASONS - {"other-camera-id", "bad-angle", "extra-arguments"} <= set(seen)


@given(st.binary(max_size=120), st.sampled_from(get_args(PresetName)))
def test_any_bytes_whatever_are_refused_by_a_known_reason(packet: bytes, preset: str) -> None:
    for update in updates(tracking(preset=preset), packet, b"/a\0\0" + packet):
        assert isinstance(update, Rejected)
        assert update.reason in OWN_REASONS | OSC_REASONS


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
        sees(tracked.pose, (1.0, 2.0, 1.5), **LOOKS_LEFT)


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
        sees(health.last, (1.0, 2.0, 1.5), **LOOKS_LEFT)
        assert poses.at(time.monotonic()) is not None
