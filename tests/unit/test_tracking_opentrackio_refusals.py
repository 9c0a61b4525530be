"""What is wrong in an OpenTrackIO sample is refused by its reason, and costs the pose no more than it must."""

from __future__ import annotations

import json
import math
import random
import time
from collections import Counter
from dataclasses import replace
from typing import Any

import cbor2
import pytest

from tests.damage import PACKETS
from tests.opentrackio_samples import SAMPLE, Decoder, changed, pose_of, transform
from vpengine.tracking.heard import MAX_SENDERS
from vpengine.tracking.opentrackio_packet import CBOR, JSON, fletcher16, write_packet
from vpengine.tracking.protocol import LensUpdate, PoseUpdate, Rejected

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
    ("bad-projection-offset", "lens.projectionOffset", 0.5),
    ("bad-projection-offset", "lens.projectionOffset", {"x": 1e4}),
    ("not-finite", "lens.projectionOffset", {"x": 0.0, "y": math.nan}),
    ("bad-distortion", "lens.distortion", {"radial": [0.1]}),
    ("bad-distortion", "lens.distortion", [{"radial": [0.0] * 7}]),
    ("bad-distortion", "lens.distortion", [{"radial": []}]),
    ("bad-distortion", "lens.distortion", [{"radial": ["0.1"]}]),
    ("bad-distortion", "lens.distortion", [{"radial": [1e9]}]),
    ("bad-distortion", "lens.distortion", [{"radial": [0.1], "tangential": [0.1]}]),
    ("bad-distortion", "lens.distortion", [{"model": "Anamorphic", "radial": [0.1]}]),
    ("bad-distortion", "lens.distortion", [3]),
    ("bad-distortion", "lens.distortionOffset", {"x": "0"}),
    ("not-finite", "lens.distortion", [{"radial": [math.inf]}]),
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


@pytest.mark.parametrize("protocol", [{"name": 5}, {"version": "1.0.1"}, {"version": [math.nan]}, "OpenTrackIO", [1]])
def test_a_protocol_block_that_says_nothing_says_nothing_against_it(protocol: Any) -> None:
    assert isinstance(Decoder().sample(changed("protocol", protocol))[0], PoseUpdate)


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


def test_hostile_packets_raise_nothing() -> None:
    chance, decoder, seen = random.Random(4), Decoder(), Counter[str]()
    small = {key: SAMPLE[key] for key in ("lens", "sourceNumber", "transforms")}
    samples = [SAMPLE, small, changed("transforms", [transform((0.0, 1.0, 2.0), 3.0)] * 3)]
    for number in range(PACKETS):
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
