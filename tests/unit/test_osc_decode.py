"""The OSC decoder: values another program encoded, the packets that freeze others, and noise."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder

from vpengine.osc import Impulse, Message, OscError, TimeTag, decode, is_pattern, matches

FIXTURES = {
    "2f564d432f4578742f43616d000000002c736666666666666666000043616d65726100003f0000003fcccccdc0400000000000003e8483ee"
    "000000003f7746ea42340000": ("/VMC/Ext/Cam", ("Camera", 0.5, 1.6, -3.0, 0.0, 0.258819, 0.0, 0.965926, 45.0)),
    "2f747261636b65725f3100002c66666666666666000000003f8000003fc00000c0000000000000003f3504f4000000003f3504f4": (
        "/tracker_1",
        (1.0, 1.5, -2.0, 0.0, 0.707107, 0.0, 0.707107),
    ),
    "2f6131623263332f61726b6974706f736974696f6e0000002c666666000000003dcccccd3fb33333be4ccccd": (
        "/a1b2c3/arkitposition",
        (0.1, 1.4, -0.2),
    ),
    "2f747261636b696e672f747261636b6572732f312f726f746174696f6e0000002c666666000000004120000041a0000041f00000": (
        "/tracking/trackers/1/rotation",
        (10.0, 20.0, 30.0),
    ),
    "2f76702f7363656e650000002c730000666f726573740000": ("/vp/scene", ("forest",)),
}


def message(address: str, *arguments: tuple[str, object]) -> bytes:
    builder = OscMessageBuilder(address)
    for tag, value in arguments:
        builder.add_arg(value, tag)
    return builder.build().dgram


def padded(raw: bytes) -> bytes:
    return raw + b"\0" * (4 - len(raw) % 4)


def bundle(*elements: bytes) -> bytes:
    sized = (len(element).to_bytes(4, "big") + element for element in elements)
    return b"#bundle\0" + (1).to_bytes(8, "big") + b"".join(sized)


def reason(packet: bytes) -> str:
    with pytest.raises(OscError) as caught:
        decode(packet)
    return caught.value.reason


@pytest.mark.parametrize("hexadecimal", FIXTURES)
def test_packets_of_other_programs(hexadecimal: str) -> None:
    address, arguments = FIXTURES[hexadecimal]
    (found,) = decode(bytes.fromhex(hexadecimal))
    assert found.address == address
    assert len(found.arguments) == len(arguments)
    for value, expected in zip(found.arguments, arguments, strict=True):
        assert value == (expected if isinstance(expected, str) else pytest.approx(expected, abs=1e-6))


def test_every_type_keeps_its_place() -> None:
    packet = padded(b"/all") + padded(b",ifsbhdtScrmTFNI[i[s]]f")
    packet += (-7).to_bytes(4, "big", signed=True) + bytes.fromhex("3fc00000") + padded(b"snow")
    packet += bytes.fromhex("00000005") + b"bytes\0\0\0" + (-(2**40)).to_bytes(8, "big", signed=True)
    packet += bytes.fromhex("3ff8000000000000") + (0x83AA7E80_80000000).to_bytes(8, "big") + padded(b"symbol")
    packet += (65).to_bytes(4, "big") + bytes.fromhex("ff8040ff") + bytes([1, 144, 60, 127])
    packet += (3).to_bytes(4, "big") + padded(b"deep") + bytes.fromhex("40000000")
    (found,) = decode(packet)
    assert found.arguments == (
        -7, 1.5, "snow", b"bytes", -(2**40), 1.5, TimeTag(0x83AA7E80_80000000), "symbol", "A", 0xFF8040FF,
        (1, 144, 60, 127), True, False, None, Impulse.BANG, (3, ("deep",)), 2.0,
    )  # fmt: skip
    stamp = found.arguments[6]
    assert isinstance(stamp, TimeTag)
    assert stamp.unix_s == 0.5


ARGUMENTS = st.one_of(
    st.tuples(st.just("i"), st.integers(-(2**31), 2**31 - 1)),
    st.tuples(st.just("h"), st.integers(-(2**63), 2**63 - 1)),
    st.tuples(st.just("f"), st.floats(width=32, allow_nan=False)),
    st.tuples(st.just("d"), st.floats(allow_nan=False)),
    st.tuples(st.just("s"), st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)),
    st.tuples(st.just("b"), st.binary(min_size=1, max_size=40)),
    st.tuples(st.just("m"), st.tuples(*[st.integers(0, 255)] * 4)),
    st.tuples(st.just("r"), st.integers(0, 2**31 - 1)),
    st.sampled_from([("T", True), ("F", False), ("N", None)]),
)


@given(st.lists(ARGUMENTS, max_size=12))
def test_what_python_osc_encodes_is_what_is_decoded(arguments: list[tuple[str, object]]) -> None:
    packet = message("/vp/any", *arguments)
    assert decode(packet) == [Message("/vp/any", tuple(value for _, value in arguments))]


def test_bundles_nest_and_keep_their_order() -> None:
    inner = OscBundleBuilder(IMMEDIATELY)
    inner.add_content(OscMessageBuilder("/b").build())
    outer = OscBundleBuilder(time.time() + 60.0)  # a stamp in the future delays nothing
    outer.add_content(OscMessageBuilder("/a").build())
    outer.add_content(inner.build())
    outer.add_content(OscMessageBuilder("/c").build())
    assert [found.address for found in decode(outer.build().dgram)] == ["/a", "/b", "/c"]


def test_old_senders_leave_out_the_type_tags() -> None:
    assert decode(padded(b"/bang")) == [Message("/bang", ())]
    assert reason(padded(b"/level") + bytes.fromhex("3f800000")) == "no-type-tags"


ONE = message("/a", ("i", 1))
HOSTILE = {
    "empty": (b"", "truncated"),
    "not OSC": (b"hello, world", "bad-address"),
    "python-osc endless bundle": (bytes.fromhex("2362756e646c65000000000000000001fffffffc"), "bad-size"),
    "element of no size": (bytes.fromhex("2362756e646c6500000000000000000100000000"), "bad-size"),
    "element past the end": (bytes.fromhex("2362756e646c6500000000000000000100000010"), "truncated"),
    "bundle without a time": (b"#bundle\0", "truncated"),
    "five deep": (bundle(bundle(bundle(bundle(bundle(ONE))))), "depth"),
    "too many messages": (bundle(*[ONE] * 257), "too-many"),
    "cut in the arguments": (ONE[:-4], "truncated"),
    "not a multiple of four": (ONE[:-1], "bad-size"),
    "more than was announced": (ONE + b"\0\0\0\0", "bad-size"),
    "no end of string": (b"/abcdefg", "truncated"),
    "address of 300": (padded(b"/" + b"a" * 300) + padded(b","), "bad-address"),
    "address with a bell": (padded(b"/a\x07b") + padded(b","), "bad-address"),
    "address not UTF-8": (padded(b"/\xff\xfe") + padded(b","), "bad-utf8"),
    "text not UTF-8": (padded(b"/a") + padded(b",s") + padded(b"\xc3\x28"), "bad-utf8"),
    "unknown type": (padded(b"/a") + padded(b",Q") + b"\0\0\0\0", "bad-type"),
    "array not closed": (padded(b"/a") + padded(b",[i") + b"\0\0\0\1", "bad-type"),
    "array not opened": (padded(b"/a") + padded(b",]"), "bad-type"),
    "arrays five deep": (padded(b"/a") + padded(b",[[[[[]]]]]"), "depth"),
    "negative blob": (padded(b"/a") + padded(b",b") + b"\xff\xff\xff\xf0", "bad-size"),
    "huge blob": (padded(b"/a") + padded(b",b") + b"\x7f\xff\xff\xff", "truncated"),
    "character": (padded(b"/a") + padded(b",c") + b"\xff\xff\xff\xff", "bad-character"),
    "2,000 bangs": (padded(b"/a") + padded(b"," + b"I" * 2000), "too-many"),
    "longer than a datagram": (b"/" + b"a" * 70_000, "too-long"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_packets_are_refused_by_reason(name: str) -> None:
    packet, expected = HOSTILE[name]
    assert reason(packet) == expected


def test_a_hundred_thousand_mutations_raise_nothing_else() -> None:
    seeds = [bytes.fromhex(text) for text in FIXTURES] + [packet for packet, _ in HOSTILE.values() if len(packet) < 600]
    seeds.append(bundle(ONE, bundle(message("/b", ("s", "x"), ("b", b"123"), ("d", 0.5)))))
    chance = random.Random(1)
    reasons: list[str] = []
    for _ in range(100_000):
        packet = bytearray(chance.choice(seeds))
        for _ in range(chance.randint(1, 4)):
            if packet:
                packet[chance.randrange(len(packet))] = chance.choice((0, 4, 0x2C, 0x2F, 0x7F, 0xFF, 0x5B, 0x62))
        try:
            decode(bytes(packet[: chance.randint(0, len(packet))] if chance.random() < 0.2 else packet))
        except OscError as error:
            reasons.append(error.reason)
    assert 30_000 < len(reasons) < 100_000
    assert len(set(reasons)) >= 8
    assert all(reasons)


@pytest.mark.parametrize(
    ("pattern", "address", "named"),
    [
        ("/vp/look/snow", "/vp/look/snow", True),
        ("/vp/look/*", "/vp/look/snow", True),
        ("/vp/*", "/vp/look/snow", False),
        ("/vp/l?ok/s*w", "/vp/look/snow", True),
        ("/vp/look/[r-t]now", "/vp/look/snow", True),
        ("/vp/look/[!s]now", "/vp/look/snow", False),
        ("/vp/look/{fog,snow}", "/vp/look/snow", True),
        ("/vp/look/{f,fo}og", "/vp/look/fog", True),
        ("/vp/look/{fog", "/vp/look/fog", False),
        ("/vp/look/[a", "/vp/look/a", False),
        ("/a[x-]", "/a-", True),
        ("/vp/look/snow*", "/vp/look/snow", True),
        ("/vp/look/?", "/vp/look/", False),
    ],
)
def test_patterns(pattern: str, address: str, named: bool) -> None:
    assert matches(pattern, address) is named


def test_patterns_cannot_be_made_to_backtrack() -> None:
    begun = time.perf_counter()
    assert not matches("/*a*a*a*a*a*a*az", "/" + "a" * 250)
    assert not matches("/" + "*a" * 20 + "z", "/" + "a" * 32)
    assert time.perf_counter() - begun < 0.5
    assert is_pattern("/vp/*")
    assert not is_pattern("/vp/look/snow")
