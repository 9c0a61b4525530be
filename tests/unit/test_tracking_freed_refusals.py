"""What is wrong in a FreeD packet or its section is refused in words; hostile packets raise nothing."""

from __future__ import annotations

import random
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.damage import PACKETS
from tests.freed_packets import KNOWN, by_hand, pose_of, tracking, updates
from vpengine.stage.sections import PluginSection, resolve_settings
from vpengine.tracking.freed import FreedTracking, PresetName
from vpengine.tracking.protocol import LensUpdate, PoseUpdate, Rejected

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


def test_hostile_packets_raise_nothing() -> None:
    chance, seen = random.Random(3), Counter[str]()
    protocol = tracking(
        cameras={str(n): "A" for n in range(200)}, preset="panasonic", zoom={"map_mm": ((0x555, 20.0),)}
    )
    for _ in range(PACKETS):
        packet = mutated(chance)
        found = list(protocol.decode(packet, "x"))
        if len(packet) >= 29 and packet[0] == 0xD1 and sum(packet[:29]) % 256 == 0x40 and packet[1] < 200:
            assert isinstance(found[0], PoseUpdate), packet.hex()
        for update in found:
            seen[update.reason if isinstance(update, Rejected) else type(update).__name__] += 1
    possible = REASONS - {"focus-out-of-range", "bad-focal-length"} | {"PoseUpdate", "LensUpdate"}
    assert set(seen) == possible
    assert min(seen.values()) > PACKETS // 2_000
    assert seen["PoseUpdate"] > PACKETS // 5


@given(st.binary(max_size=100), st.sampled_from(get_args(PresetName)))
def test_any_bytes_whatever_are_refused_by_a_known_reason(packet: bytes, preset: str) -> None:
    for update in updates(packet, preset=preset):
        assert isinstance(update, PoseUpdate | LensUpdate) or update.reason in REASONS
