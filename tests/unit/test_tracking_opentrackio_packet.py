"""OpenTrackIO's datagrams: header and checksum against known answers, and samples put together from segments."""

from __future__ import annotations

import itertools
import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpengine.tracking.heard import Heard
from vpengine.tracking.opentrackio_packet import (
    CBOR,
    JSON,
    MAX_WAITING,
    MAX_WAITING_BYTES,
    OpenTrackIOError,
    Reassembly,
    Segment,
    fletcher16,
    read_packet,
    write_packet,
)

SMALLEST = bytes.fromhex("4f54726b0001000100000000800214fc7b7d")  # taken by SMPTE's own receiver; PROTOCOLS 1.2
PAYLOAD = bytes(range(256)) * 4


def refused(packet: bytes, accept_v1_0_0: bool = False) -> str:
    with pytest.raises(OpenTrackIOError) as caught:
        read_packet(packet, accept_v1_0_0)
    return caught.value.reason


def raw(payload: bytes, *, identifier: bytes = b"OTrk", encoding: int = 1, offset: int = 0, length: int) -> bytes:
    """A packet with a right checksum, whatever its header says."""
    header = struct.pack(">4sBBHIH", identifier, 0, encoding, 1, offset, length)
    return header + struct.pack(">H", fletcher16(header + payload)) + payload


def segments(payload: bytes, size: int, number: int, step: int) -> list[Segment]:
    """step 0: one number for the sample, as Unreal wants it. step 1: one for each packet, as SMPTE's sender does."""
    return [
        Segment(JSON, (number + step * count) & 0xFFFF, at, at + size >= len(payload), 0, payload[at : at + size])
        for count, at in enumerate(range(0, len(payload), size))
    ]


def whole(reassembly: Reassembly, parts: list[Segment]) -> list[bytes]:
    taken = (reassembly.take(part)[0] for part in parts)
    return [payload for payload in taken if payload is not None]


@pytest.mark.parametrize(
    ("text", "modulus", "expected"),
    [
        (b"abcde", 255, 0xC8F0),  # the usual published answers, whose sums go round at 255
        (b"abcdef", 255, 0x2057),
        (b"abcdefgh", 255, 0x0627),
        # 97 + 98 + 99 = 294 = 38 mod 256; 97 + 195 + 294 = 586 = 74 mod 256
        (b"abc", 256, 74 * 256 + 38),
        (b"\xff" * 3, 256, (255 * 6 % 256) * 256 + 255 * 3 % 256),
        (b"", 256, 0),
    ],
)
def test_fletcher_16_gives_known_answers(text: bytes, modulus: int, expected: int) -> None:
    assert fletcher16(text, modulus) == expected


@given(st.binary(max_size=3000), st.sampled_from([255, 256]))
def test_fletcher_16_is_the_sum_of_sums(data: bytes, modulus: int) -> None:
    sum1 = sum2 = 0
    for byte in data:
        sum1 = (sum1 + byte) % modulus
        sum2 = (sum2 + sum1) % modulus
    assert fletcher16(data, modulus) == sum2 << 8 | sum1


def test_the_smallest_packet() -> None:
    assert read_packet(SMALLEST) == Segment(JSON, 1, 0, True, 0x14FC, b"{}")
    assert write_packet(b"{}", JSON, 1) == SMALLEST
    assert write_packet(b"{}", JSON, 65_537) == SMALLEST


@given(st.binary(min_size=1, max_size=0x7FFF), st.sampled_from([JSON, CBOR]), st.integers(0, 65535))
def test_what_is_written_is_read(payload: bytes, encoding: int, number: int) -> None:
    segment = read_packet(write_packet(payload, encoding, number))
    assert (segment.payload, segment.encoding, segment.sequence_number) == (payload, encoding, number)
    assert segment.is_last
    assert segment.end == len(payload)


@pytest.mark.parametrize("size", [0, 0x8000])
def test_a_payload_that_does_not_fit_is_not_sent(size: int) -> None:
    with pytest.raises(ValueError, match=f"{size} bytes"):
        write_packet(b"x" * size, JSON, 0)


HEADERS = {
    "truncated": SMALLEST[:15],
    "bad-identifier": raw(b"{}", identifier=b"OTrl", length=0x8002),
    "unknown-encoding": raw(b"{}", encoding=3, length=0x8002),
    "vendor-encoding": raw(b"{}", encoding=0x80, length=0x8002),
    "bad-length": raw(b"{}", length=0x8003),
    "too-long": raw(b"{}", offset=65_535, length=0x8002),
    "bad-checksum": SMALLEST[:-1] + b"|",
}


@pytest.mark.parametrize("reason", HEADERS)
def test_headers_are_refused_by_reason(reason: str) -> None:
    assert refused(HEADERS[reason]) == reason


@pytest.mark.parametrize("packet", [b"", raw(b"", length=0x8000), raw(b"{}x", length=0x8002), raw(b"{}", length=1)])
def test_a_payload_is_as_long_as_its_header_says_and_not_empty(packet: bytes) -> None:
    assert refused(packet) == ("bad-length" if packet else "truncated")


def test_the_reserved_byte_is_read_over() -> None:
    header = struct.pack(">4sBBHIH", b"OTrk", 0xEE, 1, 1, 0, 0x8002)
    assert read_packet(header + struct.pack(">H", fletcher16(header + b"{}")) + b"{}").payload == b"{}"


def test_the_checksum_of_1_0_0_is_an_option() -> None:
    header = SMALLEST[:14]
    old = header + fletcher16(header + b"{}", 255).to_bytes(2, "big") + b"{}"
    assert old != SMALLEST
    assert refused(old) == "bad-checksum"
    assert read_packet(old, accept_v1_0_0=True).payload == b"{}"
    assert read_packet(SMALLEST, accept_v1_0_0=True).payload == b"{}"
    assert refused(SMALLEST[:14] + b"\0\0{}", accept_v1_0_0=True) == "bad-checksum"


@pytest.mark.parametrize("step", [0, 1])
@pytest.mark.parametrize("size", [100, 400, 600, 1023])
def test_both_numberings_in_any_order(step: int, size: int) -> None:
    for order in itertools.islice(itertools.permutations(segments(PAYLOAD, size, 65_534, step)), 200):
        assert whole(Reassembly(), list(order)) == [PAYLOAD]


@pytest.mark.parametrize("step", [0, 1])
def test_a_stream_across_the_wrap_with_every_sample_shuffled(step: int) -> None:
    chance, reassembly, number = random.Random(1), Reassembly(), 65_500
    for count in range(200):
        payload = bytes([count % 256]) * (300 + count)
        parts = segments(payload, 150, number, step)
        number += len(parts) if step else 1
        chance.shuffle(parts)
        assert whole(reassembly, parts) == [payload], count


@pytest.mark.parametrize("step", [0, 1])
@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_lost_segment_loses_its_sample_and_no_other(step: int, lost: int) -> None:
    reassembly = Reassembly()
    first, second = b"a" * 300, b"b" * 300
    cut = segments(first, 100, 7, step)
    del cut[lost]
    assert whole(reassembly, cut) == []
    assert whole(reassembly, segments(second, 100, 7 + (3 if step else 1), step)) == [second]


def test_parts_of_two_samples_are_never_joined() -> None:
    """Samples of two segments under one number each; the two in the middle of two samples are lost."""
    reassembly = Reassembly()
    for number in range(5):
        assert whole(reassembly, segments(bytes([number]) * 20, 10, number, 0)) == [bytes([number]) * 20]
    first, second = segments(b"a" * 20, 10, 5, 0), segments(b"b" * 20, 10, 6, 0)
    assert whole(reassembly, [first[0], second[1]]) == []
    assert whole(reassembly, segments(b"c" * 20, 10, 7, 0)) == [b"c" * 20]


def test_a_sender_may_change_its_numbering() -> None:
    reassembly, number = Reassembly(), 0
    for step in (0, 1, 0, 1):
        taken = 0
        for _ in range(20):
            parts = segments(b"x" * 20, 10, number, step)
            number += 3
            taken += len(whole(reassembly, parts))
        assert taken >= 10


def test_repeated_packets_are_told_and_dropped() -> None:
    reassembly = Reassembly()
    packet = read_packet(write_packet(b"{}", JSON, 3))
    assert reassembly.take(packet) == (b"{}", 0)
    parts = segments(b"a" * 30, 10, 4, 1)
    assert reassembly.take(parts[0]) == (None, 0)
    for again in (packet, parts[0]):
        with pytest.raises(OpenTrackIOError, match="repeated"):
            reassembly.take(again)
    assert whole(reassembly, parts[1:]) == [b"a" * 30]


def test_what_waits_is_bounded_and_given_up_is_counted() -> None:
    reassembly = Reassembly()
    given_up = sum(reassembly.take(Segment(JSON, 0, 10 + 2 * n, False, n, b"x"))[1] for n in range(1000))
    assert len(reassembly._waiting) == MAX_WAITING
    assert given_up == 1000 - MAX_WAITING
    big = [Segment(JSON, 0, 1 + n, False, n, b"x" * 0x7FFF) for n in range(10)]
    for part in big:
        reassembly.take(part)
    assert sum(len(part.payload) for part in reassembly._waiting.values()) <= MAX_WAITING_BYTES


def test_stale_segments_do_not_wait_for_the_numbers_to_come_round() -> None:
    reassembly = Reassembly()
    old = segments(b"a" * 20, 10, 100, 0)
    reassembly.take(old[0])
    assert reassembly.take(read_packet(write_packet(b"{}", JSON, 164))) == (b"{}", 0)
    assert reassembly.take(read_packet(write_packet(b"{}", JSON, 165))) == (b"{}", 1)
    assert reassembly.take(old[1]) == (None, 0)


def test_senders_are_bounded_and_the_longest_silent_is_forgotten() -> None:
    heard: Heard[str, list[int]] = Heard(list, capacity=3)
    for name in "abc":
        heard.of(name).append(1)
    heard.of("a").append(2)
    heard.of("d")
    assert len(heard) == 3
    assert heard.of("a") == [1, 2]
    assert heard.of("b") == []
