"""FreeD: other programs' packets, the manual's numbers, refusals by reason, and real UDP into a PoseBuffer."""

from __future__ import annotations

import itertools
import math
import random
import socket
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from tests.senders import free_port
from tests.waiting import until
from vpengine.cli.simulate import simulate
from vpengine.errors import UserError
from vpengine.mailbox import Newest
from vpengine.plugins import load_plugin
from vpengine.stage.sections import PluginSection, resolve_settings
from vpengine.tracking import KINDS
from vpengine.tracking.freed import D1, PRESETS, FreedTracking, PresetName, decode_d1, encode_d1, encode_pose
from vpengine.tracking.pose_buffer import PoseBuffer
from vpengine.tracking.protocol import LensUpdate, PoseUpdate, Rejected, Source, Update
from vpengine.tracking.receiver import Receiver
from vpengine.tracking.sender import SENDERS, UdpSender, encoder_for
from vpengine.view.pose import Pose, from_opentrackio

# PROTOCOLS 2: stvmyr/freeD (Go), max-verem's FreeD.c and a third program agree on these.
LSB_DEG, LSB_MM = 1.0 / 32768.0, 1.0 / 64.0
VECTORS = {
    "d10100000000000000000000000000000000000000000000000000006e": D1(1, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
    "d101168000f9c000002000017700fdcd6001c210000555000fff1118f9": D1(
        1, (45.0, -12.5, 0.25), (1500.0, -2250.5, 1800.25), 0x555, 0xFFF, 0x1118
    ),
    "d1ffd30000f10000ffc000ff060001772001f400ffffff8000000000de": D1(
        255, (-90.0, -30.0, -0.5), (-1000.0, 1500.5, 2000.0), 0xFFFFFF, 0x800000
    ),
    "d102ffffff000000000000ffffff000000000000000000000000000073": D1(2, (-LSB_DEG, 0.0, 0.0), (-LSB_MM, 0.0, 0.0)),
    "d1035a00002d0000a600007fffff80000000000000ffff000001ffff45": D1(
        3, (180.0, 90.0, -180.0), (131071.984375, -131072.0, 0.0), 0xFFFF, 1, 0xFFFF
    ),
}
KNOWN = bytes.fromhex(list(VECTORS)[1])
REASONS = {
    "truncated",
    "unknown-type",
    "bad-checksum",
    "other-camera-id",
    "trailing-bytes",
    "zoom-out-of-range",
    "focus-out-of-range",
    "bad-focal-length",
}


def by_hand(
    angles: Sequence[int] = (0, 0, 0),
    lengths: Sequence[int] = (0, 0, 0),
    lens: Sequence[int] = (0, 0),
    camera: int = 1,
) -> bytes:
    """A message of raw counts, put together without the engine's encoder; all its bytes add up to 0x40."""
    body = bytes([0xD1, camera])
    body += b"".join((count % 2**24).to_bytes(3, "big") for count in (*angles, *lengths, *lens)) + b"\0\0"
    return body + bytes([(0x40 - sum(body)) & 0xFF])


def tracking(**settings: Any) -> FreedTracking:
    return FreedTracking(FreedTracking.Settings.model_validate(settings))


def updates(packet: bytes, **settings: Any) -> list[Update]:
    return list(tracking(**settings).decode(packet, "127.0.0.1:5000"))


def pose_of(packet: bytes, **settings: Any) -> Pose:
    (update,) = updates(packet, **settings)
    assert isinstance(update, PoseUpdate)
    return update.pose


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


def broken(packet: bytes, place: int, value: int) -> bytes:
    return packet[:place] + bytes([value]) + packet[place + 1 :]


REFUSED = {
    "empty": (b"", "truncated"),
    "cut": (KNOWN[:-1], "truncated"),
    "a poll": (bytes.fromhex("d001d19e"), "unknown-type"),
    "another type": (broken(KNOWN, 0, 0xD2), "unknown-type"),
    "a flipped bit": (broken(KNOWN, 4, 0x01), "bad-checksum"),
    "a wrong checksum": (broken(KNOWN, 28, 0xF8), "bad-checksum"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_nonsense_is_refused_by_reason(case: str) -> None:
    packet, reason = REFUSED[case]
    assert updates(packet) == [Rejected(reason)]


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


@pytest.mark.parametrize(
    ("packet", "good"),
    [
        (KNOWN + b"more", 1),
        (b"\0" + KNOWN, 1),
        (KNOWN[9:] + KNOWN + KNOWN[:9], 1),
        (KNOWN + broken(KNOWN, 5, 1) + KNOWN, 2),
        (KNOWN * 65, 64),
        (b"\xd1" * 60_000, 0),
    ],
)
def test_what_is_no_message_is_counted_and_not_fatal(packet: bytes, good: int) -> None:
    found = updates(packet)
    assert sum(isinstance(update, PoseUpdate) for update in found) == good
    reasons = [update.reason for update in found if isinstance(update, Rejected)]
    assert reasons == ["trailing-bytes" if good else "bad-checksum"]


def test_refusals_say_what_came_and_what_is_expected() -> None:
    def sentence(packet: bytes, **settings: Any) -> str:
        (refused,) = updates(packet, **settings)
        assert isinstance(refused, Rejected)
        return refused.sentence

    assert sentence(by_hand(camera=3), cameras={"1": "A"}) == (
        'FreeD camera 3 came, which is not in cameras = {1 = "A"} of its [[tracking]]: to take it, write 3 = "A" there'
    )
    assert sentence(KNOWN[:17]) == "17 bytes came, expected FreeD's 29"
    assert "these begin with 2f 76 70 2f; it looks like OSC" in sentence(b"/vp/camera/1/pose\0\0\0" + bytes(40))
    assert "checksum does not fit" in sentence(broken(KNOWN, 28, 0xF8))
    assert tracking().cure("3", "A") == 'write cameras = {3 = "A"} under its [[tracking]]'


def test_bytes_after_the_message_are_counted_and_the_message_is_taken() -> None:
    taken, counted = updates(KNOWN + b"more")
    assert isinstance(taken, PoseUpdate)
    assert taken.pose == pose_of(KNOWN)
    assert counted == Rejected("trailing-bytes")


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


def section(text: str) -> PluginSection:
    keys = ("kind", "camera")
    return PluginSection("tracking", "freed", tomllib.loads(text), Path("s.toml"), "tracking[1]", "kind", keys)


def test_a_stage_file_s_section() -> None:
    text = 'cameras = {7 = "A"}\n[axes]\nright = "-y"\nforward = "x"\n'
    text += "[zoom]\nrange = [0x555, 0xFFF]\nmap_mm = [[0x555, 18.0], [0xFFF, 110]]\n"
    settings = resolve_settings(section(text), FreedTracking.Settings)
    assert isinstance(settings, FreedTracking.Settings)
    pose, lens = FreedTracking(settings).decode(by_hand(lengths=(64000, 128000, 0), lens=(4095, 0), camera=7), "x")
    assert isinstance(pose, PoseUpdate)
    assert pose.pose.position_m == (-2.0, 1.0, 0.0)
    assert lens == LensUpdate("A", 110.0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('preset = "sonny"', "tracking[1].preset: found 'sonny', expected 'generic', 'panasonic', 'sony'"),
        ("prot = 1", "tracking[1].prot: unknown key; did you mean 'port'?"),
        ("port = 70000", "tracking[1].port: found 70000, expected 65535 or less"),
        ('address = "stage"', "tracking[1].address: found 'stage', allowed an IP address"),
        ('axes.up = "pan"', "tracking[1].axes.up: found 'pan', expected 'x', '-x', 'y', '-y', 'z' or '-z'"),
        ('axes.up = "-x"', "tracking[1].axes: right, forward, up name x, y, x, allowed each of the three once"),
        ('axes.tilt_up = "roll"', "tracking[1].axes: pan_right, tilt_up, roll_clockwise name pan, roll, roll, allowed"),
        ('cameras.256 = "A"', "tracking[1].cameras: found the key '256', allowed FreeD's camera numbers, 0 to 255"),
        ('cameras.1 = "A b"', "tracking[1].cameras.1: found 'A b', allowed up to 32 letters"),
        ("zoom.range = [9, 1]", "tracking[1].zoom.range: found [9, 1], allowed the lower count first"),
        ("zoom.map_mm = [[5, 18.0], [5, 20.0]]", "tracking[1].zoom.map_mm: count 5 comes after 5, allowed are pairs"),
        ("zoom.map_mm = [[5, 0.0]]", "tracking[1].zoom.map_mm[1][2]: found 0.0, expected more than 0"),
        ("zoom.map_mm = [[65536, 20.0]]", "zoom.map_mm: count 65536 lies outside the encoder's range 0 to 65535"),
        ("focus.map_m = [[0, 1.0]]", "focus.map_m: it needs zoom.map_mm too; for a prime lens one pair"),
        ("focus.map_m = [[0, nan]]", "tracking[1].focus.map_m[1][2]: found nan, expected a finite number"),
    ],
)
def test_mistakes_in_a_stage_file(text: str, expected: str) -> None:
    problems = resolve_settings(section(text), FreedTracking.Settings)
    assert isinstance(problems, list)
    assert expected in str(problems[0])
    assert len(problems) == 1


def mutated(chance: random.Random) -> bytes:
    """A good message changed, cut, lengthened or wholly random; half of them with a checksum that fits again."""
    packet = bytearray(KNOWN if chance.random() < 0.8 else chance.randbytes(chance.randrange(70)))
    for _ in range(chance.randrange(4) if packet else 0):
        packet[chance.randrange(len(packet))] = chance.randrange(256)
    if chance.random() < 0.5 and len(packet) >= 29:
        packet[28] = (0x40 - sum(packet[:28])) & 0xFF
    size = chance.choice([29, 29, 29, chance.randrange(40)])
    return bytes(packet)[:size] + chance.randbytes(max(chance.randrange(-20, 5), 0))


def test_100_000_hostile_packets_raise_nothing() -> None:
    chance, seen = random.Random(3), Counter[str]()
    protocol = tracking(
        cameras={str(n): "A" for n in range(200)}, preset="panasonic", zoom={"map_mm": ((0x555, 20.0),)}
    )
    for _ in range(100_000):
        packet = mutated(chance)
        found = list(protocol.decode(packet, "x"))
        if len(packet) >= 29 and packet[0] == 0xD1 and sum(packet[:29]) % 256 == 0x40 and packet[1] < 200:
            assert isinstance(found[0], PoseUpdate), packet.hex()
        for update in found:
            seen[update.reason if isinstance(update, Rejected) else type(update).__name__] += 1
    possible = REASONS - {"focus-out-of-range", "bad-focal-length"} | {"PoseUpdate", "LensUpdate"}
    assert set(seen) == possible
    assert min(seen.values()) > 50
    assert seen["PoseUpdate"] > 20_000


@given(st.binary(max_size=100), st.sampled_from(get_args(PresetName)))
def test_any_bytes_whatever_are_refused_by_a_known_reason(packet: bytes, preset: str) -> None:
    for update in updates(packet, preset=preset):
        assert isinstance(update, PoseUpdate | LensUpdate) or update.reason in REASONS


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
        until(lambda: any(health.good >= 20 for health in receiver.health().values()))
        (health,) = receiver.health().values()
        assert health.good <= 40
        assert health.bad == {}
        tracked = poses.at(time.monotonic())
        assert tracked is not None
        assert tracked.pose.position_m == pytest.approx((-0.55, -0.25, 1.6), abs=0.06)


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
