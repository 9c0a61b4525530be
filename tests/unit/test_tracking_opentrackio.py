"""OpenTrackIO's samples: public packets with known poses, what is refused and why, and hostile ones."""

from __future__ import annotations

import copy
import itertools
import json
import logging
import math
import random
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import cbor2
import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.geometry import to_opengl
from vpengine.plugins import load_plugin
from vpengine.tracking import KINDS
from vpengine.tracking.heard import MAX_SENDERS
from vpengine.tracking.opentrackio import LENS_EVERY, OpenTrackIOTracking, encode_pose
from vpengine.tracking.opentrackio_packet import CBOR, JSON, fletcher16, write_packet
from vpengine.tracking.placement import Mount, Origin
from vpengine.tracking.protocol import LensUpdate, PoseUpdate, Rejected, TakeUpdate, Update
from vpengine.view.pose import Pose, from_opentrackio

ROOT = Path(__file__).parents[2]
FOLDERS = [folder / "shared" / "data" / "opentrackio" / "public" for folder in (ROOT, ROOT.parent)]
PUBLIC = next((folder for folder in FOLDERS if folder.is_dir()), FOLDERS[-1])
needs_public = pytest.mark.skipif(not PUBLIC.is_dir(), reason=f"the public OpenTrackIO packets are not at {PUBLIC}")

PEER = "10.0.0.5:40000"
SAMPLE: dict[str, Any] = {
    "static": {"camera": {"label": "A", "activeSensorPhysicalDimensions": {"width": 36.0, "height": 20.25}}},
    "timing": {"sampleTimestamp": {"seconds": 1_718_806_554, "nanoseconds": 500_000_000}},
    "lens": {"pinholeFocalLength": 24.305, "focusDistance": 10.0, "tStop": 4.1, "entrancePupilOffset": 0.123},
    "protocol": {"name": "OpenTrackIO", "version": [1, 0, 1]},
    "sourceId": "urn:uuid:0dfcda11-86a7-4da9-b9a9-75f0bdd3f66f",
    "sourceNumber": 1,
    "transforms": [{"translation": {"x": 1.0, "y": 2.0, "z": 3.0}, "rotation": {"pan": 0.0, "tilt": 0.0, "roll": 0.0}}],
}


class Decoder:
    """A protocol with settings, and samples to it in packets of rising numbers."""

    def __init__(self, **settings: Any) -> None:
        self.protocol = OpenTrackIOTracking(OpenTrackIOTracking.Settings(**settings))
        self.number = 0

    def packet(self, packet: bytes, peer: str = PEER) -> list[Update]:
        return list(self.protocol.decode(packet, peer))

    def payload(self, payload: bytes, encoding: int = JSON, peer: str = PEER) -> list[Update]:
        self.number += 1
        return self.packet(write_packet(payload, encoding, self.number), peer)

    def sample(self, sample: Any, peer: str = PEER) -> list[Update]:
        return self.payload(json.dumps(sample).encode(), peer=peer)


def changed(path: str, value: Any) -> dict[str, Any]:
    """SAMPLE with another value at ``path``; None takes the key out."""
    sample = copy.deepcopy(SAMPLE)
    *parents, last = path.split(".")
    table: Any = sample
    for name in parents:
        table = table[int(name) if name.isdigit() else name]
    table[last] = value
    if value is None:
        del table[last]
    return sample


def transform(position_m: tuple[float, float, float], pan: float = 0.0, tilt: float = 0.0, roll: float = 0.0) -> Any:
    x, y, z = position_m
    return {"translation": {"x": x, "y": y, "z": z}, "rotation": {"pan": pan, "tilt": tilt, "roll": roll}}


def pose_of(updates: list[Update]) -> Pose:
    poses = [update.pose for update in updates if isinstance(update, PoseUpdate)]
    assert len(poses) == 1, updates
    return poses[0]


def posed(*transforms: Any) -> Pose:
    return pose_of(Decoder().sample(changed("transforms", list(transforms))))


def datagrams(name: str) -> list[list[bytes]]:
    """The packets of a .hex file, by its groups."""
    text = (PUBLIC / name).read_text()
    groups = [[line for line in group.splitlines() if line and line[0] != "#"] for group in text.split("\n\n")]
    return [[bytes.fromhex(line) for line in group] for group in groups if group]


@needs_public
@pytest.mark.parametrize("name", ["made_sample_a", "made_sample_b"])
@pytest.mark.parametrize("group", range(4), ids=["json", "cbor", "one number", "a number per packet"])
@pytest.mark.parametrize("reverse", [False, True])
def test_public_packets_have_their_expected_poses(name: str, group: int, reverse: bool) -> None:
    expected = json.loads((PUBLIC / f"{name}.expected.json").read_text())["sensor_pose_gl"]
    sample = json.loads((PUBLIC / f"{name}.json").read_text())
    packets, decoder = datagrams(f"{name}.packets.hex")[group], Decoder()
    updates = [update for packet in packets[:: -1 if reverse else 1] for update in decoder.packet(packet)]
    pose, lens = updates
    assert isinstance(pose, PoseUpdate)
    position_m, rotation = to_opengl(pose.pose)
    assert position_m == pytest.approx(expected["position_m"], abs=1e-9)
    assert rotation.apply([0.0, 0.0, -1.0]) == pytest.approx(expected["forward"], abs=1e-9)
    assert abs(rotation.as_quat() @ np.array(expected["quaternion_xyzw"])) == pytest.approx(1.0, abs=1e-12)
    stamp = sample["timing"]["sampleTimestamp"]
    assert pose.sender_time_s == pytest.approx(stamp["seconds"] + stamp["nanoseconds"] * 1e-9, abs=1e-6)
    told = sample["lens"]
    expected_lens = (told["pinholeFocalLength"], told["focusDistance"], None, told["entrancePupilOffset"])
    assert lens == LensUpdate(str(sample["sourceNumber"]), *expected_lens)


@needs_public
@pytest.mark.parametrize("name", ["made_sample_a", "made_sample_b"])
def test_one_sender_s_four_ways_are_all_taken(name: str) -> None:
    decoder = Decoder()
    packets = [packet for group in datagrams(f"{name}.packets.hex") for packet in group]
    updates = [update for packet in packets for update in decoder.packet(packet)]
    assert Counter(type(update) for update in updates) == {PoseUpdate: 4, LensUpdate: 1}


@needs_public
@pytest.mark.parametrize(
    ("name", "samples", "camera"),
    [("capture_json_single_segment.hex", 6, "7"), ("capture_json_three_segments_seq_per_packet.hex", 2, "9")],
)
def test_captures_of_smpte_s_own_sender(name: str, samples: int, camera: str) -> None:
    decoder = Decoder()
    updates = [update for group in datagrams(name) for packet in group for update in decoder.packet(packet)]
    poses = [update for update in updates if isinstance(update, PoseUpdate)]
    assert [pose.camera for pose in poses] == [camera] * samples
    assert not [update for update in updates if isinstance(update, Rejected)]
    times_s = [pose.sender_time_s for pose in poses]
    assert np.diff(np.array(times_s, float)) == pytest.approx(1.0 / 24.0, abs=2e-3)


@needs_public
@pytest.mark.parametrize("version", ["v1.0.0", "v1.0.1"])
@pytest.mark.parametrize("encoding", [JSON, CBOR])
def test_smpte_s_examples(version: str, encoding: int) -> None:
    files = sorted(PUBLIC.glob(f"{version}_*_example.json"))
    assert files
    for file in files:
        sample = json.loads(file.read_text())
        decoder = Decoder()
        payload = cbor2.dumps(sample) if encoding == CBOR else file.read_bytes()
        pose, lens, *takes = decoder.payload(payload, encoding)
        assert isinstance(pose, PoseUpdate)
        assert lens == LensUpdate("1", 24.305, 10.0, sample["lens"].get("tStop"), 0.123)
        assert takes == ([TakeUpdate("1", False, "A101_A_4")] if "slate" in sample["tracker"] else [])
        # Three equal steps of Rz(180) Rx(90) Ry(45), or one: by matrices, since the tilt is at gimbal lock.
        step = np.eye(4)
        half = math.sqrt(0.5)
        step[:3, :3] = (
            np.diag([-1, -1, 1])
            @ [[1, 0, 0], [0, 0, -1], [0, 1, 0]]
            @ [
                [half, 0, half],
                [0, 1, 0],
                [-half, 0, half],
            ]
        )
        step[:3, 3] = [1.0, 2.0, 3.0]
        expected = np.linalg.matrix_power(step, len(sample["transforms"]))
        assert pose.pose.matrix() == pytest.approx(expected, abs=1e-9)


@needs_public
def test_older_drafts_are_refused() -> None:
    for file in sorted(PUBLIC.glob("v0.9.3_*.json")):
        assert Decoder().payload(file.read_bytes()) == [Rejected("unsupported-version")]


@needs_public
@pytest.mark.parametrize("camera", ["1", "200", "201", "main"])
@pytest.mark.parametrize("time_s", [None, 0.0, 0.9999999999, 1_795_325_538.32])
def test_what_is_sent_is_valid_by_smpte_s_schema(camera: str, time_s: float | None) -> None:
    schema = json.loads((PUBLIC / "schema_v1.0.1.json").read_text())
    packet = encode_pose(camera, from_opentrackio((0.5, -3.0, 1.6), 30.0, -10.0, 5.0), time_s)
    jsonschema.validate(json.loads(packet[16:]), schema)
    assert len(packet) <= 1400


def test_a_known_pose() -> None:
    """PROTOCOLS 7.1's vector, worked out by another program."""
    position_m, rotation = to_opengl(posed(transform((0.5, -3.0, 1.6), 30.0, -10.0, 5.0)))
    assert position_m == pytest.approx([0.5, 1.6, 3.0])
    assert rotation.as_quat(canonical=True) == pytest.approx([-0.095352, 0.253917, -0.019437, 0.962318], abs=1e-6)
    assert rotation.apply([0.0, 0.0, -1.0]) == pytest.approx([-0.4924, -0.1736, -0.8529], abs=1e-4)


@pytest.mark.parametrize(
    ("turn", "right", "forward"),
    [
        ({"pan": 90.0}, [0, 1, 0], [-1, 0, 0]),  # +pan turns left
        ({"tilt": 90.0}, [1, 0, 0], [0, 0, 1]),  # +tilt looks up
        ({"roll": 90.0}, [0, 0, -1], [0, 1, 0]),  # +roll is clockwise from behind: the right side goes down
        ({"pan": 450.0}, [0, 1, 0], [-1, 0, 0]),  # any number of turns
        ({"pan": 90.0, "tilt": 30.0}, [0, 1, 0], [-math.sqrt(0.75), 0, 0.5]),
    ],
)
def test_signs_and_order_of_the_angles(turn: dict[str, float], right: list[float], forward: list[float]) -> None:
    axes = posed(transform((0.0, 0.0, 0.0), **turn)).matrix()
    assert axes[:3, 0] == pytest.approx(right, abs=1e-12)
    assert axes[:3, 1] == pytest.approx(forward, abs=1e-12)


def test_transforms_compose_from_the_parent_on() -> None:
    dolly, head = transform((1.0, 2.0, 0.0), pan=90.0), transform((0.0, 3.0, 1.0), tilt=30.0)
    pose = posed(dolly, head)
    assert pose.position_m == pytest.approx((-2.0, 2.0, 1.0))
    assert pose.matrix()[:3, 1] == pytest.approx([-math.sqrt(0.75), 0.0, 0.5])
    # The other way about: (0, 3, 1) and then (1, 2, 0) turned up by 30 degrees, then panned about the tilted axis.
    swapped = posed(head, dolly)
    assert swapped.position_m == pytest.approx((1.0, 3.0 + 2.0 * math.sqrt(0.75), 1.0 + 2.0 * 0.5))
    assert swapped.matrix()[:3, 1] == pytest.approx([-1.0, 0.0, 0.0])
    scaled = {**dolly, "scale": {"x": 5.0, "y": 5.0, "z": 5.0}, "id": "Dolly"}
    assert posed(scaled, head) == pose


@given(
    st.tuples(*[st.floats(-50.0, 50.0)] * 3),
    st.tuples(st.floats(-400.0, 400.0), st.floats(-90.0, 90.0), st.floats(-180.0, 180.0)),
    st.one_of(st.none(), st.floats(0.0, 4e9)),
    st.integers(1, 200),
)
def test_what_is_encoded_is_decoded(
    position_m: tuple[float, float, float], angles: tuple[float, float, float], time_s: float | None, camera: int
) -> None:
    sent = from_opentrackio(position_m, *angles)
    (update,) = Decoder().packet(encode_pose(str(camera), sent, time_s, camera))
    assert isinstance(update, PoseUpdate)
    assert update.camera == str(camera)
    assert update.sender_time_s == (None if time_s is None else pytest.approx(time_s, abs=1e-6))
    assert update.pose.position_m == pytest.approx(sent.position_m, abs=1e-9)
    assert abs(np.dot(update.pose.rotation, sent.rotation)) == pytest.approx(1.0, abs=1e-9)
    assert update.pose.matrix() == pytest.approx(sent.matrix(), abs=1e-6)


def test_packets_are_numbered_so_that_none_looks_repeated() -> None:
    decoder = Decoder()
    packets = [encode_pose("1", Pose(), 1.0) for _ in range(200)]
    numbers = [int.from_bytes(packet[6:8], "big") for packet in packets]
    assert {(after - before) % 65536 for before, after in itertools.pairwise(numbers)} == {1}
    assert all(isinstance(update, PoseUpdate) for packet in packets for update in decoder.packet(packet))
    assert decoder.packet(packets[-1]) == [Rejected("repeated")]


def test_json_and_cbor_say_the_same() -> None:
    expected = Decoder().sample(SAMPLE)
    assert [type(update) for update in expected] == [PoseUpdate, LensUpdate]
    payload = cbor2.dumps(SAMPLE)
    for form in (payload, b"\xd9\xd9\xf7" + payload, cbor2.dumps(SAMPLE, canonical=True)):
        assert Decoder().payload(form, CBOR) == expected
    assert Decoder().payload(b"\xef\xbb\xbf" + json.dumps(SAMPLE).encode()) == expected  # a BOM is read over


def test_time_is_the_sample_s_own() -> None:
    pose, _ = Decoder().sample(SAMPLE)
    assert isinstance(pose, PoseUpdate)
    assert pose.sender_time_s == 1_718_806_554.5
    untimed, _ = Decoder().sample(changed("timing", None))
    assert isinstance(untimed, PoseUpdate)
    assert untimed.sender_time_s is None


REFUSED: dict[str, Any] = {
    "empty-sample": {"protocol": SAMPLE["protocol"], "sourceNumber": 1},
    "bad-sample": [SAMPLE],
    "other-protocol": changed("protocol.name", "OpenTrackIi"),
    "unsupported-version": changed("protocol.version", [2, 0, 0]),
}
REFUSED_POSES: dict[str, Any] = {
    "bad-transform": changed("transforms.0.translation", [1.0, 2.0, 3.0]),
    "too-many-transforms": changed("transforms", [transform((0.0, 0.0, 0.0))] * 17),
    "too-far": changed("transforms.0.translation.x", 2e4),
}
# What is not needed for a pose costs the pose nothing: its reason, and what is left out.
LEFT_OUT: list[tuple[str, str, Any]] = [
    ("bad-source-number", "sourceNumber", 201),
    ("bad-source-number", "sourceNumber", math.nan),
    ("bad-text", "sourceId", "x" * 300),
    ("bad-text", "sourceId", 5),
    ("bad-text", "static.camera.label", [1]),
    ("bad-static", "static.camera.activeSensorPhysicalDimensions.width", -1.0),
    ("not-finite", "static.camera.activeSensorPhysicalDimensions.width", math.inf),
    ("bad-static", "static.camera.activeSensorPhysicalDimensions", "36x20"),
    ("bad-static", "static.camera", [1]),
    ("bad-static", "static", "A"),
    ("bad-time", "timing.sampleTimestamp.seconds", -1),
    ("bad-time", "timing.sampleTimestamp.seconds", math.nan),
    ("bad-time", "timing.sampleTimestamp", 5.0),
    ("bad-time", "timing", [1]),
    ("bad-lens", "lens", [1]),
    ("bad-focal-length", "lens.pinholeFocalLength", math.nan),
    ("bad-focal-length", "lens.pinholeFocalLength", math.inf),
    ("bad-focal-length", "lens.pinholeFocalLength", 0.0),
    ("bad-focal-length", "lens.pinholeFocalLength", "24"),
    ("bad-focus-distance", "lens.focusDistance", -1.0),
    ("bad-focus-distance", "lens.focusDistance", -math.inf),
    ("bad-focus-distance", "lens.focusDistance", 1e12),
    ("bad-t-stop", "lens.tStop", True),
    ("bad-t-stop", "lens.tStop", math.inf),
    ("bad-entrance-pupil", "lens.entrancePupilOffset", 3.0),
    ("bad-entrance-pupil", "lens.entrancePupilOffset", 10**400),
]
BAD_PAYLOADS = [
    ("bad-json", b"{]"),
    ("bad-json", b"{} {}"),
    ("bad-json", b'{"sourceId":"\xff"}'),
    ("bad-json", b'{"sourceNumber":' + b"1" * 5000 + b"}"),  # more digits than Python will read
    ("too-deep", b'{"a":' + b"[" * 600 + b"]" * 600 + b"}"),
]


@pytest.mark.parametrize("reason", REFUSED)
def test_samples_are_refused_by_reason(reason: str) -> None:
    assert Decoder().sample(REFUSED[reason]) == [Rejected(reason)]


@pytest.mark.parametrize("depth", [510, 511, 5000])
def test_nesting_is_bounded_before_python_s_own_limit(depth: int) -> None:
    payload = b'{"custom":' + b"[" * depth + b"]" * depth + b"}"
    assert Decoder().payload(payload) == [Rejected("empty-sample" if depth <= 511 else "too-deep")]


@pytest.mark.parametrize("reason", REFUSED_POSES)
def test_a_pose_is_refused_by_reason_beside_its_lens(reason: str) -> None:
    lens, refused = Decoder().sample(REFUSED_POSES[reason])
    assert refused == Rejected(reason)
    assert isinstance(lens, LensUpdate)


@pytest.mark.parametrize(("reason", "payload"), BAD_PAYLOADS)
def test_payloads_are_refused_by_reason(reason: str, payload: bytes) -> None:
    assert Decoder().payload(payload) == [Rejected(reason)]


@pytest.mark.parametrize(
    "value", [True, "1", [1], {}, 1e300, -1e5, 10**400, math.nan], ids=lambda value: str(value)[:8]
)
def test_a_number_is_a_number(value: Any) -> None:
    for path in ("translation.x", "rotation.pan"):
        if path == "rotation.pan" and value == -1e5:
            continue  # 278 turns are allowed
        lens, refused = Decoder().sample(changed(f"transforms.0.{path}", value))
        assert isinstance(refused, Rejected)
        assert isinstance(lens, LensUpdate)


@pytest.mark.parametrize("encoding", [JSON, CBOR])
@pytest.mark.parametrize(("reason", "path", "value"), LEFT_OUT)
def test_what_is_not_needed_costs_the_pose_nothing(reason: str, path: str, value: Any, encoding: int) -> None:
    if value == 10**400 and encoding == CBOR:
        return  # CBOR has no such number
    sample = changed(path, value)
    payload = json.dumps(sample).encode() if encoding == JSON else cbor2.dumps(sample)
    pose, *lens, refused = Decoder().payload(payload, encoding)
    assert isinstance(pose, PoseUpdate)
    assert pose.pose.position_m == (1.0, 2.0, 3.0)
    assert refused == Rejected(reason)
    assert isinstance(refused, Rejected)
    assert "expected" in refused.sentence or "allowed" in refused.sentence
    assert [type(update) for update in lens] == [LensUpdate] * (path != "lens")
    if path.startswith("timing"):
        assert pose.sender_time_s is None  # arrival then


def test_a_bad_member_of_the_lens_leaves_the_others() -> None:
    members = {"pinholeFocalLength": "focal_length_mm", "focusDistance": "focus_distance_m", "tStop": "t_stop"}
    good = Decoder().sample(SAMPLE)[1]
    for key, name in members.items():
        lens = Decoder().sample(changed(f"lens.{key}", math.nan))[1]
        assert lens == replace(good, **{name: None})  # type: ignore[type-var]


@pytest.mark.parametrize("encoding", [JSON, CBOR])
def test_focus_may_be_at_infinity(encoding: int) -> None:
    sample = changed("lens.focusDistance", math.inf)
    payload = json.dumps(sample).encode() if encoding == JSON else cbor2.dumps(sample)
    assert encoding == CBOR or b'"focusDistance": Infinity' in payload
    pose, lens = Decoder().payload(payload, encoding)
    assert isinstance(pose, PoseUpdate)
    assert lens == LensUpdate("1", 24.305, math.inf, 4.1, 0.123)


@pytest.mark.parametrize(
    ("transforms", "position_m", "pan"),
    [
        ([{"translation": {}, "rotation": {"pan": 10, "tilt": 5, "roll": 0}}], (0, 0, 0), 10),
        ([{"translation": {"x": 1, "y": 2}, "rotation": {"pan": 10, "tilt": 5}}], (1, 2, 0), 10),
        ([{"rotation": {"pan": 10, "tilt": 5}}], (0, 0, 0), 10),
        ([{"translation": {"x": 1, "z": None}, "rotation": {"pan": 10, "tilt": 5, "roll": None}}], (1, 0, 0), 10),
        ([{"translation": {"z": 3}}, {"rotation": {"pan": 10, "tilt": 5}, "translation": None}], (0, 0, 3), 10),
        ([{"id": "head"}, {"rotation": {"pan": 10, "tilt": 5}, "translation": {"x": 1}}], (1, 0, 0), 10),
    ],
)
def test_members_that_are_missing_are_0(transforms: Any, position_m: tuple[float, ...], pan: float) -> None:
    pose = posed(*transforms)
    assert pose.position_m == pytest.approx(position_m)
    assert pose.rotation == pytest.approx(from_opentrackio((0, 0, 0), pan, 5.0, 0.0).rotation)


@pytest.mark.parametrize("protocol", [{"name": 5}, {"version": "1.0.1"}, {"version": [math.nan]}, "OpenTrackIO", [1]])
def test_a_protocol_block_that_says_nothing_says_nothing_against_it(protocol: Any) -> None:
    assert isinstance(Decoder().sample(changed("protocol", protocol))[0], PoseUpdate)


def test_several_packets_in_one_datagram_are_all_taken() -> None:
    first, second = (encode_pose("1", Pose((x, 0.0, 0.0)), None, 5 + int(x)) for x in (1.0, 2.0))
    found = Decoder().packet(first + second)
    assert [update.pose.position_m[0] for update in found if isinstance(update, PoseUpdate)] == [1.0, 2.0]
    pose, refused = Decoder().packet(first + b"junk" * 9)
    assert isinstance(pose, PoseUpdate)
    assert refused == Rejected("bad-identifier")


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\x81" * 1000 + b"\x00",
        b"\xa1\x61a" + b"\x81" * 30 + b"\x00",
        cbor2.dumps(SAMPLE) + b"\x00",
        cbor2.dumps({**SAMPLE, "custom": cbor2.CBORTag(35, "(a+)+$")}),
        cbor2.dumps({**SAMPLE, "custom": 2**200}),
        bytes.fromhex("a16161c5821a1000000001"),  # a big float of 80 MB
        bytes.fromhex("d81ca16161d81d00"),  # a table that holds itself
        bytes.fromhex("bbffffffffffffffff"),
        bytes.fromhex("a1810000"),
        bytes.fromhex("a162fffe00"),
    ],
    ids=lambda payload: payload[:6].hex(),
)
def test_cbor_is_bounded_and_has_no_tags(payload: bytes) -> None:
    begun_s = time.process_time()
    packet = write_packet(payload, CBOR, 1) if payload else b""
    assert Decoder().packet(packet) == [Rejected("bad-cbor" if payload else "truncated")]
    assert time.process_time() - begun_s < 0.5


def test_cbor_that_is_not_finite() -> None:
    _, refused = Decoder().payload(cbor2.dumps(changed("transforms.0.translation.x", math.inf)), CBOR)
    assert refused == Rejected("not-finite")
    _, refused = Decoder().payload(cbor2.dumps(changed("transforms.0.rotation.tilt", math.nan)), CBOR)
    assert refused == Rejected("not-finite")


def test_cameras_are_named_by_number_id_or_label() -> None:
    def camera(**settings: Any) -> Update | str:
        update = Decoder(**settings).sample(SAMPLE)[0]
        return update.camera if isinstance(update, PoseUpdate) else update

    assert camera() == "1"
    assert camera(cameras={"1": "main"}) == "main"
    assert camera(cameras={"2": "main"}) == Rejected("other-camera-id")
    assert camera(camera_by="label") == "A"
    assert camera(camera_by="label", cameras={"A": "main"}) == "main"
    assert camera(camera_by="source_id", cameras={SAMPLE["sourceId"]: "b"}) == "b"


def named(updates: list[Update]) -> str | None:
    pose = updates[0]
    assert isinstance(pose, PoseUpdate)
    return pose.camera


def test_a_sample_that_names_no_camera_names_none() -> None:
    assert named(Decoder().sample(changed("sourceNumber", None))) is None
    mapped = Decoder(cameras={"1": "A"})
    assert mapped.sample(changed("sourceNumber", None)) == [Rejected("camera-not-named")]
    (refused,) = mapped.sample(changed("sourceNumber", 3))
    assert refused == Rejected("other-camera-id")
    assert isinstance(refused, Rejected)
    assert refused.sentence == (
        'OpenTrackIO source_number 3 came, which is not in cameras = {1 = "A"} of its [[tracking]]: '
        'to take it, write 3 = "A" there'
    )


def test_static_blocks_are_kept_for_their_source() -> None:
    """A label comes every two seconds only, and belongs to one source of one machine."""
    decoder, later = Decoder(camera_by="label"), changed("static", None)
    assert named(decoder.sample(later)) is None
    decoder.sample(SAMPLE)
    (pose,) = (update for update in decoder.sample(later) if isinstance(update, PoseUpdate))
    assert pose.camera == "A"
    assert named(decoder.sample({**later, "sourceNumber": 2})) is None
    assert named(decoder.sample(later, peer="10.0.0.6:40000")) is None
    only_static = {key: SAMPLE[key] for key in ("static", "sourceNumber", "sourceId")}
    assert all(isinstance(update, LensUpdate) for update in decoder.sample({**only_static, "sourceNumber": 2}))
    assert pose_of(decoder.sample({**later, "sourceNumber": 2})) == pose.pose


def test_a_lens_is_told_when_it_changes_and_now_and_then() -> None:
    decoder = Decoder()
    counts = [len(decoder.sample(SAMPLE)) for _ in range(2 * LENS_EVERY + 1)]
    assert counts == [2, *[1] * (LENS_EVERY - 1), 2, *[1] * (LENS_EVERY - 1), 2]
    _, zoomed = decoder.sample(changed("lens", {"pinholeFocalLength": 50.0}))
    assert zoomed == LensUpdate("1", 50.0, 10.0, 4.1, 0.123)  # what is not said stays as it was
    _, focus = Decoder().sample(changed("lens", {"focusDistance": 2.0}))
    assert focus == LensUpdate("1", None, 2.0)


def test_a_tracker_is_placed_on_the_stage() -> None:
    decoder = Decoder(
        stage_from_tracker=Origin(translation_m=(2.0, 1.0, 0.5), pan_deg=90.0),
        tracker_from_sensor=Mount(translation_m=(0.0, 0.1, 0.0)),
    )
    assert pose_of(decoder.sample(SAMPLE)).position_m == pytest.approx((-0.1, 2.0, 3.5))


def test_a_person_is_told_of_sensor_and_clock_and_not_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "vpengine.tracking.opentrackio")
    decoder = Decoder()
    tai = changed("timing.sampleTimestamp", {"seconds": int(time.time()) + 37, "nanoseconds": 0})
    tai["timing"]["sampleTimestamp"]["nanoseconds"] = int(time.time() % 1.0 * 1e9)
    for _ in range(3):
        decoder.sample(tai)
    assert [record.getMessage() for record in caplog.records] == [
        "OpenTrackIO: camera labelled 'A' has a sensor of 36 x 20.25 mm",
        "OpenTrackIO: camera '1' is stamped with PTP's clock (TAI), 37 s ahead of UTC",
    ]
    for number in range(300):
        decoder.sample({**SAMPLE, "sourceId": f"forged {number}"})
    assert len(caplog.records) == 64


def test_senders_that_invent_themselves_do_not_grow_memory() -> None:
    decoder = Decoder()
    for number in range(300):
        decoder.sample({**SAMPLE, "sourceId": f"forged {number}"}, peer=f"10.0.0.5:{number + 1}")
    assert len(decoder.protocol._sources) == len(decoder.protocol._reassemblies) == MAX_SENDERS


def test_settings() -> None:
    settings = OpenTrackIOTracking.Settings
    assert load_plugin(KINDS["opentrackio"]) is OpenTrackIOTracking
    plain = OpenTrackIOTracking(settings())
    assert plain.endpoint == ("127.0.0.1", 55555)
    assert plain.multicast_groups == ()
    assert OpenTrackIOTracking(settings(port=0)).endpoint is None
    groups = OpenTrackIOTracking(settings(multicast_sources=(1, 200), accept_v1_0_0=True)).multicast_groups
    assert groups == ("239.135.1.1", "239.135.1.200", "235.135.1.1", "235.135.1.200")
    assert OpenTrackIOTracking(settings(multicast_sources=(7, 7))).multicast_groups == ("239.135.1.7",)
    for wrong in (
        {"multicast_sources": (0,)},
        {"multicast_sources": (201,)},
        {"multicast_sources": tuple(range(1, 18))},
        {"multicast_sources": (1,), "address": "::1"},
        {"address": "localhost"},
        {"cameras": {"A": "A"}},
        {"cameras": {"1": "not an id"}},
        {"camera_by": "name"},
        {"prot": 1},
    ):
        with pytest.raises(ValidationError):
            settings.model_validate(wrong)


def mutated(payload: bytes, chance: random.Random) -> bytes:
    """Some bytes changed, cut out, doubled or swapped for others that mean something."""
    out = bytearray(payload)
    for _ in range(chance.randrange(1, 5)):
        at = chance.randrange(len(out)) if out else 0
        kind = chance.randrange(5)
        if kind == 0:
            out[at : at + 1] = bytes([chance.randrange(256)])
        elif kind == 1:
            del out[at : at + chance.randrange(1, 20)]
        elif kind == 2:
            out[at:at] = out[at : at + chance.randrange(1, 20)]
        elif kind == 3:
            out[at : at + 1] = chance.choice([b"NaN", b"null", b"1e999", b"[", b"{", b'"', b"-", b"true", b"\x80"])
        else:
            out[at : at + 1] = chance.choice([b"\xfb\x7f\xf0" + bytes(6), b"\xff", b"\xbf", b"\xf6", b"\xc2\x41\x01"])
    return bytes(out)


ODD = [None, True, "x", "x" * 300, [], {}, [[]], [{}], -1, 0, 1, 1e300, 10**400, math.nan, -math.inf, [1] * 20]


def spoiled(value: Any, chance: random.Random) -> Any:
    """A sample with something odd in one place."""
    if not isinstance(value, dict | list) or not value or chance.random() < 0.15:
        return chance.choice(ODD)
    table = value.copy()
    key = chance.choice(list(table) if isinstance(table, dict) else range(len(table)))
    table[key] = spoiled(table[key], chance)
    return table


def hostile(chance: random.Random, samples: list[Any], number: int) -> bytes:
    """Noise, a good packet with wrong bytes, or a wrong sample under a right checksum, whole or in parts."""
    kind, encoding = chance.randrange(10), chance.choice([JSON, CBOR])
    if kind == 0:
        return chance.randbytes(chance.randrange(64))
    sample = chance.choice(samples) if kind < 6 else spoiled(chance.choice(samples), chance)
    payload = json.dumps(sample).encode() if encoding == JSON else cbor2.dumps(sample)
    if kind == 1:
        return mutated(write_packet(payload, encoding, number), chance)
    payload = payload if kind > 5 else mutated(payload, chance) or b" "
    offset, length = 0, 0x8000 | len(payload)
    if kind < 4:
        offset, length = chance.choice([(0, len(payload)), (len(payload), length), (chance.randrange(70_000), length)])
    header = b"OTrk\0" + bytes([encoding]) + (number & 0xFFFF).to_bytes(2, "big")
    header += offset.to_bytes(4, "big") + length.to_bytes(2, "big")
    return header + fletcher16(header + payload).to_bytes(2, "big") + payload


def test_100_000_hostile_packets_raise_nothing() -> None:
    chance, decoder, seen = random.Random(4), Decoder(), Counter[str]()
    small = {key: SAMPLE[key] for key in ("lens", "sourceNumber", "transforms")}
    samples = [SAMPLE, small, changed("transforms", [transform((0.0, 1.0, 2.0), 3.0)] * 3)]
    for number in range(100_000):
        for update in decoder.packet(hostile(chance, samples, number), f"10.0.0.{chance.randrange(9)}:1"):
            seen[update.reason if isinstance(update, Rejected) else type(update).__name__] += 1
            if isinstance(update, PoseUpdate):
                assert all(map(math.isfinite, (*update.pose.position_m, *update.pose.rotation)))
                assert math.hypot(*update.pose.rotation) == pytest.approx(1.0)
            elif isinstance(update, LensUpdate):
                assert update.focal_length_mm is None or update.focal_length_mm > 0.0
    expected = {"PoseUpdate", "LensUpdate", "truncated", "bad-identifier", "bad-length", "bad-checksum", "too-long"}
    expected |= {"bad-json", "bad-cbor", "bad-transform", "bad-lens", "not-finite", "incomplete", "unsupported-version"}
    expected |= {"bad-sample", "bad-static", "bad-text", "bad-time", "too-many-transforms", "bad-source-number"}
    assert expected <= set(seen), expected - set(seen)
    assert len(seen) < 40  # the reasons are a fixed set, not text from the wire
    assert len(decoder.protocol._sources) <= MAX_SENDERS
    assert pose_of(decoder.sample(SAMPLE, "10.0.1.1:1")).position_m == (1.0, 2.0, 3.0)
