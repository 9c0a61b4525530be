"""OpenTrackIO's datagrams: header, checksum, and the putting together of samples that came in several segments.

SMPTE RIS OSVP, OpenTrackIO 1.0.1, "Transport": 16 bytes, big-endian, then the payload. PROTOCOLS 1.2 and 1.6.
"""

from __future__ import annotations

import itertools
import struct
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from vpengine.tracking.words import looks_like

IDENTIFIER = b"OTrk"
JSON, CBOR, FIRST_VENDOR_ENCODING = 0x01, 0x02, 0x80
MODULUS, MODULUS_V1_0_0 = 256, 255  # of the checksum; 1.0.1 changed it

LAST_SEGMENT, LENGTH_MASK = 0x8000, 0x7FFF
MAX_SAMPLE_BYTES = 65_536  # a whole sample of 1.0.1 with every field is 3 kB of JSON
MAX_WAITING, MAX_WAITING_BYTES = 32, 131_072  # segments of one sender whose samples are not whole yet
REMEMBERED = 128  # packets of one sender that are known again when they come twice
SHARED_FOR = 16  # segments: how long a sender is believed to give the segments of a sample one number
STALE = 64  # a waiting segment whose number lies so far from the newest belongs to a sample that will not be whole

_HEADER = struct.Struct(">4sBBHIHH")
_CHECKED = _HEADER.size - 2  # the header without its checksum
_WEIGHTS = np.arange(_CHECKED + LENGTH_MASK, 0, -1, dtype=np.int64)


class OpenTrackIOError(ValueError):
    """A packet or sample that is refused. ``reason`` is a key made for counting, ``sentence`` is for a person."""

    def __init__(self, reason: str, sentence: str = "") -> None:
        super().__init__(reason)
        self.reason, self.sentence = reason, sentence


@dataclass(frozen=True, slots=True)
class Segment:
    """One datagram: ``payload`` is the part of a sample that begins at byte ``offset``."""

    encoding: int
    sequence_number: int
    offset: int
    is_last: bool
    checksum: int
    payload: bytes

    @property
    def end(self) -> int:
        return self.offset + len(self.payload)


def fletcher16(data: bytes, modulus: int = MODULUS) -> int:
    """``(sum2 << 8) | sum1``: sum1 adds the bytes, sum2 adds every value that sum1 takes (Fletcher, 1982).

    A byte counts in sum2 as often as bytes follow it, and once more; the sums may be reduced at the end.
    """
    values = np.frombuffer(data, np.uint8).astype(np.int64)
    sum1, sum2 = int(values.sum()) % modulus, int(values @ _WEIGHTS[len(_WEIGHTS) - len(values) :]) % modulus
    return (sum2 << 8) | sum1


def read_packet(packet: bytes, accept_v1_0_0: bool = False) -> Segment:
    """The segment that a datagram holds. Raises OpenTrackIOError, and nothing else.

    accept_v1_0_0: take the checksum of version 1.0.0 too.
    """
    if len(packet) < _HEADER.size:
        sentence = f"{len(packet)} bytes came, expected a header of {_HEADER.size} and a sample{looks_like(packet)}"
        raise OpenTrackIOError("truncated", sentence)
    identifier, _, encoding, number, offset, length, checksum = _HEADER.unpack_from(packet)
    if identifier != IDENTIFIER:
        found = identifier.hex(" ")
        sentence = f"{len(packet)} bytes begin with {found}, expected OTrk{looks_like(packet)}"
        raise OpenTrackIOError("bad-identifier", sentence)
    if encoding not in (JSON, CBOR):
        sentence = f"its encoding is number {encoding}, expected 1 (JSON) or 2 (CBOR)"
        raise OpenTrackIOError("vendor-encoding" if encoding >= FIRST_VENDOR_ENCODING else "unknown-encoding", sentence)
    payload, is_last = packet[_HEADER.size :], bool(length & LAST_SEGMENT)
    if not payload or len(payload) != length & LENGTH_MASK:
        sentence = f"{len(payload)} bytes follow its header, which says {length & LENGTH_MASK}"
        raise OpenTrackIOError("bad-length", sentence)
    if offset + len(payload) > MAX_SAMPLE_BYTES:
        raise OpenTrackIOError("too-long", f"its sample is longer than {MAX_SAMPLE_BYTES} bytes")
    checked = packet[:_CHECKED] + payload
    moduli = (MODULUS, MODULUS_V1_0_0) if accept_v1_0_0 else (MODULUS,)
    if not any(fletcher16(checked, modulus) == checksum for modulus in moduli):
        cure = "" if accept_v1_0_0 else "; a sender of version 1.0.0 needs accept_v1_0_0 = true under its [[tracking]]"
        raise OpenTrackIOError("bad-checksum", f"its checksum does not fit its {len(packet)} bytes{cure}")
    return Segment(encoding, number, offset, is_last, checksum, payload)


def split_packets(datagram: bytes) -> Iterator[bytes]:
    """The packets of a datagram: mostly one, but some boxes put several into it, one after the other."""
    while True:
        end = len(datagram)
        if len(datagram) > 2 * _HEADER.size and datagram.startswith(IDENTIFIER):
            length = _HEADER.unpack_from(datagram)[5] & LENGTH_MASK
            end = _HEADER.size + length if length > 0 else end
        yield datagram[:end]
        datagram = datagram[end:]
        if not datagram:
            return


def write_packet(payload: bytes, encoding: int, sequence_number: int) -> bytes:
    """A sample in one datagram; the number wraps at 65536.

    More than 1,400 bytes risk being cut up on their way, and receivers differ in how they number segments.
    """
    if not 0 < len(payload) <= LENGTH_MASK:
        raise ValueError(f"a sample of {len(payload)} bytes does not fit one OpenTrackIO packet of {LENGTH_MASK}")
    length = LAST_SEGMENT | len(payload)
    header = _HEADER.pack(IDENTIFIER, 0, encoding, sequence_number & 0xFFFF, 0, length, 0)[:_CHECKED]
    return header + fletcher16(header + payload).to_bytes(2, "big") + payload


class Reassembly:
    """Segments of one sender and encoding in, whole samples out, whatever the order of arrival.

    Two numberings are in the wild. Unreal wants all segments of a sample under one number; SMPTE's own sender counts
    every packet. A sample is whole when its segments join up from offset 0 to the last flag under either; never under
    a mixture, which would be parts of two samples.
    """

    def __init__(self) -> None:
        self._seen: deque[tuple[int, int, int]] = deque(maxlen=REMEMBERED)
        self._waiting: dict[tuple[int, int], Segment] = {}
        self._shared_numbers_for = 0

    def take(self, segment: Segment) -> tuple[bytes | None, int]:
        """The sample that ``segment`` made whole, if any, and how many waiting segments were given up.

        Raises OpenTrackIOError for a packet that came before: consumers drop repeated messages.
        """
        identity = (segment.sequence_number, segment.offset, segment.checksum)
        if identity in self._seen:
            raise OpenTrackIOError("repeated", f"packet number {segment.sequence_number} came twice")
        self._seen.append(identity)
        if segment.is_last and segment.offset == 0:
            return segment.payload, self._give_up_stale(segment.sequence_number)
        self._notice_shared_numbers(segment)
        self._waiting[segment.sequence_number, segment.offset] = segment
        chain = self._whole()
        for part in chain:
            del self._waiting[part.sequence_number, part.offset]
        given_up = self._give_up_stale(segment.sequence_number) + self._give_up_oldest()
        return (b"".join(part.payload for part in chain) or None), given_up

    def _notice_shared_numbers(self, segment: Segment) -> None:
        """A sender seen to number samples is believed for a while not to number packets."""
        shared = any(
            waiting.sequence_number == segment.sequence_number and waiting.offset != segment.offset
            for waiting in self._waiting.values()
        )
        self._shared_numbers_for = SHARED_FOR if shared else max(self._shared_numbers_for - 1, 0)

    def _whole(self) -> tuple[Segment, ...]:
        """The segments of a sample that has them all, in order; () when none has.

        Where samples of one number each have two segments, the first of one and the second of the next would make a
        pair numbered by packets when the two between them were lost: such pairs are taken of no sender like that.
        """
        firsts = [segment for segment in self._waiting.values() if segment.offset == 0]
        for step, first in itertools.product((0, 1), firsts):
            chain = tuple(self._chain(first, step))
            torn = step == 1 and len(chain) == 2 and self._shared_numbers_for > 0
            if chain[-1].is_last and not torn:
                return chain
        return ()

    def _chain(self, segment: Segment | None, step: int) -> Iterator[Segment]:
        """``segment`` and those that follow it without a gap, each numbered ``step`` above the one before."""
        while segment is not None:
            yield segment
            number = (segment.sequence_number + step) & 0xFFFF
            segment = None if segment.is_last else self._waiting.get((number, segment.end))

    def _give_up_stale(self, number: int) -> int:
        """Distances are RFC 1982's, so that 65535 lies beside 0."""
        stale = [key for key in self._waiting if STALE < (key[0] - number) & 0xFFFF < 0x10000 - STALE]
        for key in stale:
            del self._waiting[key]
        return len(stale)

    def _give_up_oldest(self) -> int:
        given_up, size = 0, sum(len(segment.payload) for segment in self._waiting.values())
        while len(self._waiting) > MAX_WAITING or size > MAX_WAITING_BYTES:
            size -= len(self._waiting.pop(next(iter(self._waiting))).payload)
            given_up += 1
        return given_up
