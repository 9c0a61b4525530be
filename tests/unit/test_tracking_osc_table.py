"""A stage file's own table of OSC messages: axes, order and units of its poses, and when values make one."""

from __future__ import annotations

import math
import tomllib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.geometry import from_unreal
from tests.osc_programs import (
    CHANNELS,
    LOOKS_LEFT,
    ZEROS,
    S,
    bundle,
    channels,
    message,
    one_pose,
    place,
    row,
    seen,
    stands,
    tracking,
    turned,
    updates,
)
from tests.waiting import Clock
from vpengine.stage.sections import PluginSection, resolve_settings
from vpengine.tracking.osc_parts import MOST_WAITING
from vpengine.tracking.osc_preset import OscAppTracking
from vpengine.tracking.protocol import PoseUpdate, Rejected, Update
from vpengine.view.pose import from_opentrackio

SEVEN_FLOATS = bytes.fromhex(
    "2f747261636b65725f3100002c66666666666666000000003f8000003fc00000c0000000000000003f3504f4000000003f3504f4"
)

SEVEN = ("x", "y", "z", "qx", "qy", "qz", "qw")


def test_a_known_packet_of_seven_floats_by_an_own_table() -> None:
    protocol = tracking(message=(row("/tracker_{camera}", *SEVEN),), frame="opengl")
    assert seen(one_pose(updates(protocol, SEVEN_FLOATS), "1")) == stands((1.0, 2.0, 1.5), **LOOKS_LEFT)


def test_signs_and_order_undo_an_odd_frame() -> None:
    """trackfwd --coords unity sends OpenVR's z y x and the quaternion's z y x and -w (its src/transform.rs)."""
    table = (row("/tracker/{camera}", "z", "y", "x", "qz", "qy", "qx", "-qw"),)
    packet = message("/tracker/1", -2.0, 1.5, 1.0, 0.0, S, 0.0, -S)
    assert seen(one_pose(updates(tracking(preset="trackfwd", message=table), packet), "1")) == stands(
        (1.0, 2.0, 1.5), **LOOKS_LEFT
    )


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
    assert seen(pose) == stands((2.0, 1.0, 3.0), (0, -1, 0), (1, 0, 0), (0, 0, 1))


def test_blender_s_camera_looks_down_until_it_is_turned_up() -> None:
    """Z up, Y forward in the world, but the camera's own axes are OpenGL's; Blender's quaternions begin with w."""
    table = (
        row("/objects/{camera}/location", "x", "y", "z"),
        row("/objects/{camera}/rotation", "qw", "qx", "qy", "qz"),
    )
    protocol = tracking(message=table, frame="blender")
    place = message("/objects/Cube/location", 1.0, 2.0, 3.0)
    level = updates(protocol, place, message("/objects/Cube/rotation", S, S, 0.0, 0.0))
    assert seen(one_pose(level, "Cube")) == stands((1.0, 2.0, 3.0), (1, 0, 0), (0, 1, 0), (0, 0, 1))
    down = updates(protocol, place, message("/objects/Cube/rotation", 1.0, 0.0, 0.0, 0.0))
    assert seen(one_pose(down, "Cube")) == stands((1.0, 2.0, 3.0), (1, 0, 0), (0, 0, -1), (0, 1, 0))


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
    assert seen(one_pose(found, None)) == stands((1.0, 2.0, 1.5), **LOOKS_LEFT)


def test_turns_alone_stand_where_the_stage_file_says() -> None:
    settings = {"message": (row("/gyrosc/quat", "qw", "qx", "qy", "qz"),)}
    settings["stage_from_tracker"] = {"translation_m": (0.5, -4.0, 1.7)}
    settings["tracker_from_sensor"] = {"translation_m": (0.0, 0.25, 0.0)}
    found = updates(tracking(**settings), message("/gyrosc/quat", S, 0.0, 0.0, S))
    assert seen(one_pose(found, None)) == stands((0.25, -4.0, 1.7), **LOOKS_LEFT)


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
    assert seen(moved.pose) == stands((1.0, 7.0, 0.0), **LOOKS_LEFT)


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
    assert seen(one_pose(found, "A")) == stands((1.0, 2.0, 1.5), **LOOKS_LEFT)


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
