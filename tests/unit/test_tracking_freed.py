"""FreeD packets become poses and lenses: known packets, axes, presets, and over UDP."""

from __future__ import annotations

import itertools
import math
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, get_args

import numpy as np
import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from tests.freed_packets import KNOWN, VECTORS, by_hand, pose_of, tracking, updates
from tests.waiting import until
from vpengine.cli.ports import free_port
from vpengine.cli.simulate import simulate
from vpengine.errors import UserError
from vpengine.mailbox import Newest
from vpengine.plugins import load_plugin
from vpengine.tracking import KINDS
from vpengine.tracking.freed import D1, PRESETS, FreedTracking, PresetName, decode_d1, encode_d1, encode_pose
from vpengine.tracking.pose_buffer import PoseBuffer
from vpengine.tracking.protocol import LensUpdate, PoseUpdate, Rejected, Source
from vpengine.tracking.receiver import Receiver
from vpengine.tracking.sender import SENDERS, UdpSender, encoder_for
from vpengine.view.pose import Pose, from_opentrackio

pytestmark = pytest.mark.alone


@pytest.mark.parametrize("packet", VECTORS)
def test_known_packets(packet: str) -> None:
    assert decode_d1(bytes.fromhex(packet)) == VECTORS[packet]
    assert encode_d1(VECTORS[packet]).hex() == packet


def test_a_known_packet_is_the_pose_that_an_opengl_scene_has() -> None:
    """PROTOCOLS 7.1's viewing direction (0.6903, -0.2164, -0.6903) in OpenGL is (x, -z, y) on the stage."""
    pose = pose_of(KNOWN)
    assert pose.position_m == pytest.approx((1.5, -2.2505, 1.80025), abs=1e-12)
    assert pose.matrix()[:3, 1] == pytest.approx([0.6903, 0.6903, -0.2164], abs=5e-5)


def test_signs_by_the_manual() -> None:
    """+pan turns right, +tilt up, +roll clockwise from behind: 90 degrees are 0x2D0000 counts, 1 m is 64000."""
    right = pose_of(by_hand(angles=(0x2D0000, 0, 0), lengths=(64000, -128000, 96000)))
    assert right.position_m == (1.0, -2.0, 1.5)
    assert right.matrix()[:3, 1] == pytest.approx([1.0, 0.0, 0.0], abs=1e-12)
    assert pose_of(by_hand(angles=(0, 0x2D0000, 0))).matrix()[:3, 1] == pytest.approx([0.0, 0.0, 1.0], abs=1e-12)
    assert pose_of(by_hand(angles=(0, 0, 0x2D0000))).matrix()[:3, 0] == pytest.approx([0.0, 0.0, -1.0], abs=1e-12)
    assert pose_of(by_hand(angles=(-0x2D0000, 0, 0))).matrix()[:3, 1] == pytest.approx([-1.0, 0.0, 0.0], abs=1e-12)


signed = st.integers(-(2**23), 2**23 - 1)
unsigned = st.integers(0, 2**24 - 1)


@given(st.integers(0, 255), st.tuples(signed, signed, signed), st.tuples(signed, signed, signed), unsigned, unsigned)
def test_every_count_survives(camera: int, angles: tuple, lengths: tuple, zoom: int, focus: int) -> None:
    packet = by_hand(angles, lengths, (zoom, focus), camera)
    message = decode_d1(packet)
    assert isinstance(message, D1)
    assert message.pan_tilt_roll_deg == tuple(count / 32768 for count in angles)
    assert message.position_mm == tuple(count / 64 for count in lengths)
    assert (message.camera, message.zoom, message.focus) == (camera, zoom, focus)
    assert encode_d1(message) == packet


@given(
    st.integers(0, 255),
    st.tuples(*[st.floats(-130.0, 130.0)] * 3),
    st.tuples(st.floats(-180.0, 180.0), st.floats(-90.0, 90.0), st.floats(-180.0, 180.0)),
)
def test_what_is_encoded_is_decoded(camera: int, position_m: tuple, angles: tuple) -> None:
    sent = from_opentrackio(position_m, *angles)
    (update,) = updates(encode_pose(str(camera), sent, 12.0))
    assert isinstance(update, PoseUpdate)
    assert (update.camera, update.sender_time_s) == (str(camera), None)
    assert update.pose.position_m == pytest.approx(sent.position_m, abs=0.6e-3 / 64)
    np.testing.assert_allclose(update.pose.matrix()[:3, :3], sent.matrix()[:3, :3], atol=2e-6)


def test_what_freed_cannot_carry_is_a_user_s_error() -> None:
    for camera in ("A", "256", "-1", "01", "", "\N{ARABIC-INDIC DIGIT ONE}"):
        with pytest.raises(UserError, match="FreeD's cameras are numbers from 0 to 255"):
            encode_pose(camera, Pose())
    with pytest.raises(UserError, match=r"a camera at 0\.0, -131\.1, 0\.0 m: FreeD reaches 131 m"):
        encode_pose("1", Pose((0.0, -131.1, 0.0)))


# Of a box that puts a serial line into UDP: two messages of camera 2, and of cameras 1 and 2.
TWO = (
    "d102050000010000000000017700ff0600019000000000000000000059"
    "d101050000010000000000017700ff060001900000000000000000005a"
)


def test_all_the_messages_of_a_datagram_are_taken() -> None:
    second, first = updates(bytes.fromhex(TWO))
    assert isinstance(first, PoseUpdate)
    assert isinstance(second, PoseUpdate)
    assert (second.camera, first.camera) == ("2", "1")
    many = [by_hand(lengths=(64000 * n, 0, 0), camera=n % 2) for n in range(6)]
    found = [update for update in updates(b"".join(many)) if isinstance(update, PoseUpdate)]
    assert [update.pose.position_m[0] for update in found] == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]


def test_cameras_are_chosen_by_number() -> None:
    settings = {"cameras": {"7": "A", "255": "B"}}
    for number, camera in ((7, "A"), (255, "B")):
        (update,) = updates(by_hand(camera=number), **settings)
        assert isinstance(update, PoseUpdate)
        assert update.camera == camera
    assert updates(by_hand(camera=1), **settings) == [Rejected("other-camera-id")]
    (plain,) = updates(by_hand(camera=12))
    assert isinstance(plain, PoseUpdate)
    assert plain.camera == "12"


def turn(about: int, degrees: float) -> np.ndarray:
    """(3, 3): a right-handed turn about X, Y or Z (0, 1, 2), written out."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    out = np.eye(3)
    a, b = (about + 1) % 3, (about + 2) % 3
    out[a, a], out[a, b], out[b, a], out[b, b] = c, -s, s, c
    return out


def signed_orders(names: tuple[str, str, str]) -> st.SearchStrategy[tuple[str, ...]]:
    choices = [
        tuple(sign + name for sign, name in zip(signs, order, strict=True))
        for order in itertools.permutations(names)
        for signs in itertools.product(("", "-"), repeat=3)
    ]
    return st.sampled_from(choices)


@given(
    signed_orders(("x", "y", "z")),
    signed_orders(("pan", "tilt", "roll")),
    st.tuples(signed, signed, signed),
    st.tuples(signed, signed, signed),
)
def test_axes_and_signs_agree_with_numpy(order: tuple, turns: tuple, angles: tuple, lengths: tuple) -> None:
    axes = dict(zip(("right", "forward", "up"), order, strict=True))
    axes |= dict(zip(("pan_right", "tilt_up", "roll_clockwise"), turns, strict=True))
    pose = pose_of(by_hand(angles, lengths), axes=axes)
    packet = dict(zip(("pan", "tilt", "roll", "x", "y", "z"), (*angles, *lengths), strict=True))
    packet |= {f"-{name}": -count for name, count in packet.items()}
    assert pose.position_m == tuple(packet[name] / 64000 for name in order)
    pan, tilt, roll = (packet[name] / 32768 for name in turns)
    # OpenTrackIO: pan about Z (positive turns left), tilt about X, roll about Y.
    expected = turn(2, -pan) @ turn(0, tilt) @ turn(1, roll)
    np.testing.assert_allclose(pose.matrix()[:3, :3], expected, atol=1e-9)


def test_a_tracker_is_placed_on_the_stage() -> None:
    mounted = {"tracker_from_sensor": {"translation_m": (0.1, 0.2, -0.3), "tilt_deg": 20.0}}
    pose = pose_of(by_hand(angles=(-0x2D0000, 0, 0), lengths=(64000, 0, 128000)), **mounted)
    assert pose.position_m == pytest.approx((0.8, 0.1, 1.7), abs=1e-12)
    assert pose.rotation == pytest.approx(from_opentrackio((0, 0, 0), 90.0, 20.0, 0.0).rotation)


ZOOM = {"map_mm": ((1000, 20.0), (2000, 30.0), (4000, 90.0))}
FOCUS = {"map_m": ((0, 10.0), (100, 0.5))}


@pytest.mark.parametrize(
    ("zoom", "focus", "focal_length_mm", "focus_distance_m"),
    [
        (1000, 0, 20.0, 10.0),
        (1500, 50, 25.0, 5.25),
        (3000, 100, 60.0, 0.5),
        (3500, 99, 75.0, 0.595),
        (0, 101, 20.0, 0.5),
        (65535, 65535, 90.0, 0.5),
    ],
)
def test_lens_counts_are_mapped_by_straight_lines(
    zoom: int, focus: int, focal_length_mm: float, focus_distance_m: float
) -> None:
    pose, lens = updates(by_hand(lens=(zoom, focus)), zoom=ZOOM, focus=FOCUS)
    assert isinstance(pose, PoseUpdate)
    assert lens == LensUpdate("1", pytest.approx(focal_length_mm), pytest.approx(focus_distance_m))


def test_a_count_that_the_encoder_cannot_have_is_refused_and_the_pose_is_taken() -> None:
    """Zoom and focus each on its own."""
    limits = {"zoom": {**ZOOM, "range": (1000, 4000)}, "focus": FOCUS}
    focus, zoom = LensUpdate("1", None, 10.0), LensUpdate("1", pytest.approx(30.0))
    for lens, reason, taken in [
        ((999, 0), "zoom", focus),
        ((4001, 0), "zoom", focus),
        ((2000, 0x10000), "focus", zoom),
    ]:
        pose, refused, other = updates(by_hand(lens=lens), **limits)
        assert isinstance(pose, PoseUpdate)
        assert refused == Rejected(f"{reason}-out-of-range")
        assert isinstance(refused, Rejected)
        assert "expected" in refused.sentence
        assert other == taken


def test_bits_that_are_not_the_encoder_s_are_left_out() -> None:
    _, lens = updates(by_hand(lens=(0xABC000 + 1500, 0)), zoom={**ZOOM, "mask": 0xFFF})
    assert lens == LensUpdate("1", 25.0)


def test_without_a_map_the_stage_s_lens_stays() -> None:
    assert all(not isinstance(update, LensUpdate) for update in updates(by_hand(lens=(1500, 50))))
    _, prime = updates(by_hand(lens=(7, 50)), zoom={"map_mm": ((0, 35.0),)}, focus=FOCUS)
    assert prime == LensUpdate("1", 35.0, 5.25)


def test_lenses_of_vendors_whose_counts_have_units() -> None:
    """Z-CAM sends mm x 100 and mm x 10, SYNCRO-LINK mm x 64 of both: 35 mm at 2.5 m."""
    expected = LensUpdate("1", pytest.approx(35.0), pytest.approx(2.5))
    assert updates(by_hand(lens=(3500, 25000)), preset="z-cam")[1] == expected
    assert updates(by_hand(lens=(2240, 160000)), preset="syncro-link")[1] == expected
    _, focus, refused = updates(by_hand(lens=(0, 25000)), preset="z-cam")
    assert focus == LensUpdate("1", None, pytest.approx(2.5))
    assert refused == Rejected("bad-focal-length")
    own = updates(by_hand(lens=(1500, 25000)), preset="z-cam", zoom=ZOOM)[1]
    assert own == LensUpdate("1", pytest.approx(25.0), pytest.approx(2.5))


# PROTOCOLS 2, from Unreal's LiveLinkFreeDSource.cpp.
@pytest.mark.parametrize(
    ("preset", "port", "zoom", "focus"),
    [
        ("generic", 40000, (0, 65535), (0, 65535)),
        ("panasonic", 1111, (1365, 4095), (1365, 4095)),
        ("sony", 52380, (0, 31424), (4096, 61440)),
        ("mo-sys", 8001, (0, 65535), (0, 65535)),
        ("stype", 6301, (0, 16777215), (0, 16777215)),
        ("ncam", 6301, (0, 16777215), (0, 16777215)),
    ],
)
def test_presets_are_their_vendors(preset: str, port: int, zoom: tuple[int, int], focus: tuple[int, int]) -> None:
    assert tracking(preset=preset).endpoint == ("127.0.0.1", port)
    lens = {"preset": preset, "zoom": {"map_mm": ((zoom[0], 20.0),)}, "focus": {"map_m": ((focus[0], 1.0),)}}
    for counts in zip(zoom, focus, strict=True):
        assert updates(by_hand(lens=counts), **lens)[1] == LensUpdate("1", 20.0, 1.0)
    beyond = [(zoom[0] - 1, focus[0]), (zoom[1] + 1, focus[1]), (zoom[0], focus[0] - 1), (zoom[0], focus[1] + 1)]
    for outside in beyond:
        if all(0 <= count < 2**24 for count in outside):
            assert isinstance(updates(by_hand(lens=outside), **lens)[1], Rejected)


def test_every_preset_has_its_name() -> None:
    assert set(PRESETS) == set(get_args(PresetName))


def test_it_listens_on_this_machine_only_until_told_otherwise() -> None:
    assert load_plugin(KINDS["freed"]) is FreedTracking
    assert tracking().endpoint == ("127.0.0.1", 40000)
    assert tracking(preset="sony", port=40001, address="0.0.0.0").endpoint == ("0.0.0.0", 40001)
    assert tracking(port=0).endpoint is None


@contextmanager
def receiving(**settings: Any) -> Iterator[tuple[Receiver, int, PoseBuffer, Newest[str, LensUpdate]]]:
    """A running receiver of camera A, its port, and where its poses and lenses go."""
    port, poses, lenses = free_port(), PoseBuffer(), Newest[str, LensUpdate]()
    receiver = Receiver([Source(tracking(port=port, **settings))], {"A": poses}, lenses)
    receiver.start()
    try:
        yield receiver, port, poses, lenses
    finally:
        receiver.stop()


def test_packets_over_udp_become_poses_and_lenses() -> None:
    lens = {"zoom": {"map_mm": ((0, 10.0), (0x1555, 22.0))}}  # 0x555 is a quarter of the way
    with receiving(cameras={"1": "A", "2": "elsewhere"}, **lens) as (receiver, port, poses, lenses):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for packet in (b"junk", KNOWN[:-1] + b"\0", by_hand(camera=2), by_hand(camera=3), KNOWN):
                sender.sendto(packet, ("127.0.0.1", port))
        until(lambda: any(health.good == 2 for health in receiver.health().values()))
        tracked = poses.at(time.monotonic())
        assert tracked is not None
        assert tracked.pose.position_m == pytest.approx((1.5, -2.2505, 1.80025), abs=1e-9)
        assert tracked.pose.matrix()[:3, 1] == pytest.approx([0.6903, 0.6903, -0.2164], abs=5e-5)
        assert lenses.take()["A"].focal_length_mm == pytest.approx(10.0 + 12.0 * 0x555 / 0x1555)
        (health,) = receiver.health().values()
        assert health.bad == {"unknown-type": 1, "bad-checksum": 1, "unknown-camera": 2, "other-camera-id": 1}


def test_a_simulated_tracker_sends_freed() -> None:
    app = typer.Typer()
    app.command()(simulate)
    with receiving(cameras={"4": "A"}) as (receiver, port, poses, _):
        words = ["demo", "--to", f"freed://127.0.0.1:{port}", "--seconds", "0.4", "--camera", "4", "--rate", "100"]
        result = CliRunner().invoke(app, words)
        assert result.exit_code == 0, result.output
        sent = int(re.search(r"sent (\d+) packets", result.output)[1])  # type: ignore[index]
        assert 1 <= sent <= 40  # what is late is left out
        until(lambda: [health.good for health in receiver.health().values()] == [sent], 10.0)
        (health,) = receiver.health().values()
        assert health.bad == {}
        tracked = poses.at(time.monotonic())
        assert tracked is not None
        assert tracked.pose.position_m == pytest.approx((-0.5, 0.3, 1.6), abs=0.06)  # where the demo's move begins


@pytest.mark.parametrize("scheme", SENDERS)
def test_every_scheme_sends_what_its_protocol_receives(scheme: str) -> None:
    sent = from_opentrackio((0.5, -3.0, 1.6), 30.0, -10.0, 5.0)
    plugin = load_plugin(KINDS[scheme])
    packet = encoder_for(f"{scheme}://127.0.0.1:9")("1", sent, None)
    found = [update for update in plugin(plugin.Settings()).decode(packet, "x") if isinstance(update, PoseUpdate)]
    np.testing.assert_allclose([update.pose.matrix() for update in found], [sent.matrix()], atol=2e-5)


def test_a_scheme_must_be_one_that_is_sent() -> None:
    with pytest.raises(UserError, match="expected osc://HOST:PORT or freed://HOST:PORT"):
        encoder_for("fred://127.0.0.1:40000")
    with pytest.raises(UserError, match="expected osc://HOST:PORT, such as"):
        UdpSender("freed://127.0.0.1:40000")  # the control port speaks OSC only
