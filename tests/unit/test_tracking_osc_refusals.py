"""What is wrong in other programs' OSC is refused by its reason; hostile packets raise nothing."""

from __future__ import annotations

import math
import random
from collections import Counter
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.osc_programs import VMC_CAMERA, ZIGSIM, bundle, message, one_pose, place, tracking, turned, updates
from vpengine.tracking.osc_parts import MOST_WAITING
from vpengine.tracking.osc_programs import PresetName
from vpengine.tracking.protocol import PoseUpdate, Rejected

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
