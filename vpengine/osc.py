"""OSC 1.0/1.1 packets to messages, and nothing else: bounded, no sockets, no regular expressions, one exception.

Whatever the bytes, ``decode`` either returns messages or raises OscError, in time linear in the packet's length.
Time tags of bundles are read over: several senders stamp them with a clock of their own. Encoding is python-osc's.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

MAX_PACKET_BYTES = 65_507
MAX_ADDRESS_BYTES = 255
MAX_DEPTH = 4
MAX_MESSAGES = 256
MAX_ARGUMENTS = 1024
MAX_WILDCARDS = 8
WILDCARDS = frozenset("*?[{")

NTP_UNIX_OFFSET_S = 2_208_988_800  # from 1900-01-01 to 1970-01-01, RFC 5905


MEANINGS = {
    "too-long": f"it is longer than {MAX_PACKET_BYTES} bytes",
    "too-many": f"it has more than {MAX_MESSAGES} messages or {MAX_ARGUMENTS} arguments",
    "truncated": "it ends in the middle",
    "bad-size": "its lengths do not add up, or are no multiples of 4",
    "bad-address": "it does not begin with / or #bundle, or its address is too long or not printable",
    "bad-utf8": "its text is not UTF-8",
    "bad-type": "it has type tags that OSC does not have",
    "bad-character": "its character is not ASCII",
    "no-type-tags": "it has arguments and no type tags",
    "depth": "its bundles or lists lie too deep in each other",
}


class OscError(ValueError):
    """A packet that is not OSC. ``reason`` is a short key, made for counting."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def sentence(self, packet: bytes) -> str:
        """What came and why it is refused, for a person."""
        begins = f" beginning with {packet[:8].hex(' ')}" if packet else ""
        return f"{len(packet)} bytes{begins} are no OSC packet: {MEANINGS[self.reason]}"


class Impulse(enum.Enum):
    """OSC's ``I``, a bang."""

    BANG = "I"


@dataclass(frozen=True, slots=True)
class TimeTag:
    """An NTP time: seconds since 1900 in 32.32 fixed point; 1 means immediately."""

    ntp: int

    @property
    def unix_s(self) -> float:
        """Seconds since 1970, in steps of a quarter of a microsecond (a double's)."""
        return self.ntp / 2**32 - NTP_UNIX_OFFSET_S


Argument = int | float | str | bytes | bool | None | Impulse | TimeTag | tuple["Argument", ...]


@dataclass(frozen=True, slots=True)
class Message:
    """``r`` is an int of 0xRRGGBBAA, ``m`` a tuple of four ints, ``c`` a str of length 1, ``[...]`` a tuple."""

    address: str
    arguments: tuple[Argument, ...]


def decode(packet: bytes) -> list[Message]:
    """The messages of a packet, those of nested bundles in order. Raises OscError and nothing else."""
    if len(packet) > MAX_PACKET_BYTES:
        raise OscError("too-long")
    messages: list[Message] = []
    _element(packet, 0, len(packet), 0, messages)
    return messages


def _element(packet: bytes, start: int, end: int, depth: int, out: list[Message]) -> None:
    if start == end:
        raise OscError("truncated")
    if (end - start) % 4:
        raise OscError("bad-size")
    if packet[start] == 0x2F:
        if len(out) >= MAX_MESSAGES:
            raise OscError("too-many")
        out.append(_message(packet, start, end))
    elif packet.startswith(b"#bundle\0", start, end):
        _bundle(packet, start, end, depth + 1, out)
    else:
        raise OscError("bad-address")


def _bundle(packet: bytes, start: int, end: int, depth: int, out: list[Message]) -> None:
    if depth > MAX_DEPTH:
        raise OscError("depth")
    offset = start + 16
    if offset > end:
        raise OscError("truncated")
    while offset < end:
        (size,) = _INT32.unpack_from(packet, offset)  # four bytes are there: all lengths are multiples of four
        offset += 4
        if size <= 0 or size % 4:
            raise OscError("bad-size")
        if size > end - offset:
            raise OscError("truncated")
        _element(packet, offset, offset + size, depth, out)
        offset += size


def _message(packet: bytes, start: int, end: int) -> Message:
    raw, offset = _padded(packet, start, end)
    if len(raw) > MAX_ADDRESS_BYTES:
        raise OscError("bad-address")
    address = _text(raw)
    if not address.isprintable():
        raise OscError("bad-address")
    if offset == end:
        return Message(address, ())
    if packet[offset] != 0x2C:
        raise OscError("no-type-tags")
    tags, offset = _padded(packet, offset, end)
    fixed = _fixed(tags)
    if fixed is None:
        return Message(address, _arguments(packet, tags, offset, end))
    if offset + fixed.size != end:
        raise OscError("truncated" if offset + fixed.size > end else "bad-size")
    return Message(address, fixed.unpack_from(packet, offset))


@lru_cache(maxsize=256)
def _fixed(tags: bytes) -> struct.Struct | None:
    """One Struct for a message of plain numbers, which is what trackers and faders send."""
    if len(tags) > 32 or tags[1:].translate(None, b"ifhd"):
        return None
    return struct.Struct(">" + tags[1:].decode("ascii").replace("h", "q"))


def _padded(packet: bytes, start: int, end: int) -> tuple[bytes, int]:
    """The bytes of a NUL-terminated string, and where what follows its padding begins."""
    stop = packet.find(b"\0", start, end)
    if stop < 0:
        raise OscError("truncated")
    return packet[start:stop], stop + 4 - (stop - start) % 4  # inside, as start and end are aligned alike


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise OscError("bad-utf8") from None


# --- arguments ------------------------------------------------------------------------------------------------------

_INT32 = struct.Struct(">i")
Reader = Callable[[bytes, int, int], tuple[Argument, int]]


def _arguments(packet: bytes, tags: bytes, offset: int, end: int) -> tuple[Argument, ...]:
    if len(tags) > MAX_ARGUMENTS:
        raise OscError("too-many")
    open_lists: list[list[Argument]] = [[]]
    for tag in tags[1:]:
        if tag == 0x5B:  # [
            if len(open_lists) > MAX_DEPTH:
                raise OscError("depth")
            open_lists.append([])
        elif tag == 0x5D:  # ]
            if len(open_lists) == 1:
                raise OscError("bad-type")
            closed = tuple(open_lists.pop())
            open_lists[-1].append(closed)
        else:
            reader = _READERS.get(tag)
            if reader is None:
                raise OscError("bad-type")
            value, offset = reader(packet, offset, end)
            open_lists[-1].append(value)
    if len(open_lists) != 1:
        raise OscError("bad-type")
    if offset != end:
        raise OscError("bad-size")
    return tuple(open_lists[0])


def _number(code: str) -> Reader:
    layout = struct.Struct(">" + code)

    def read(packet: bytes, offset: int, end: int) -> tuple[Argument, int]:
        if offset + layout.size > end:
            raise OscError("truncated")
        return layout.unpack_from(packet, offset)[0], offset + layout.size

    return read


_UINT32, _UINT64 = _number("I"), _number("Q")


def _string(packet: bytes, offset: int, end: int) -> tuple[Argument, int]:
    raw, offset = _padded(packet, offset, end)
    return _text(raw), offset


def _blob(packet: bytes, offset: int, end: int) -> tuple[Argument, int]:
    if offset + 4 > end:
        raise OscError("truncated")
    (size,) = _INT32.unpack_from(packet, offset)
    offset += 4
    if size < 0:
        raise OscError("bad-size")
    after = offset + size + -size % 4
    if after > end:
        raise OscError("truncated")
    return packet[offset : offset + size], after


def _time_tag(packet: bytes, offset: int, end: int) -> tuple[Argument, int]:
    ntp, offset = _UINT64(packet, offset, end)
    assert isinstance(ntp, int)
    return TimeTag(ntp), offset


def _character(packet: bytes, offset: int, end: int) -> tuple[Argument, int]:
    code, offset = _UINT32(packet, offset, end)
    assert isinstance(code, int)
    if code > 0x7F:
        raise OscError("bad-character")
    return chr(code), offset


def _midi(packet: bytes, offset: int, end: int) -> tuple[Argument, int]:
    if offset + 4 > end:
        raise OscError("truncated")
    return tuple(packet[offset : offset + 4]), offset + 4


def _constant(value: Argument) -> Reader:
    return lambda packet, offset, end: (value, offset)


_READERS: dict[int, Reader] = {
    ord(tag): reader
    for tag, reader in {
        "i": _number("i"),
        "f": _number("f"),
        "h": _number("q"),
        "d": _number("d"),
        "s": _string,
        "S": _string,
        "b": _blob,
        "t": _time_tag,
        "c": _character,
        "r": _UINT32,
        "m": _midi,
        "T": _constant(True),
        "F": _constant(False),
        "N": _constant(None),
        "I": _constant(Impulse.BANG),
    }.items()
}


# --- patterns -------------------------------------------------------------------------------------------------------


def is_pattern(address: str) -> bool:
    return not WILDCARDS.isdisjoint(address)


def matches(pattern: str, address: str) -> bool:
    """Whether an incoming OSC pattern (``? * [a-z] [!a] {x,y}``) names ``address``. ``*`` does not cross ``/``.

    A malformed pattern, or one of more than 8 wildcards, names nothing. All positions that can be reached are kept
    at once, so that the work is at most wildcards times length: nothing backtracks.
    """
    if sum(pattern.count(wildcard) for wildcard in WILDCARDS) > MAX_WILDCARDS:
        return False
    pattern_parts, address_parts = pattern.split("/"), address.split("/")
    return len(pattern_parts) == len(address_parts) and all(map(_part_matches, pattern_parts, address_parts))


def _part_matches(pattern: str, text: str) -> bool:
    reached, at = {0}, 0
    while at < len(pattern) and reached:
        token = pattern[at]
        closing = {"[": "]", "{": "}"}.get(token)
        stop = pattern.find(closing, at) if closing else at
        if stop < 0:
            return False
        reached = _step(token, pattern[at + 1 : stop], text, reached)
        at = stop + 1
    return len(text) in reached


def _step(token: str, inside: str, text: str, reached: set[int]) -> set[int]:
    """Where in ``text`` one can be after ``token``, coming from the places ``reached``."""
    if token == "*":
        return set(range(min(reached), len(text) + 1))
    if token == "{":
        words = inside.split(",")
        return {at + len(word) for at in reached for word in words if text.startswith(word, at)}
    inner = [at for at in reached if at < len(text)]
    if token == "?":
        return {at + 1 for at in inner}
    if token == "[":
        negated = inside.startswith("!")
        return {at + 1 for at in inner if _in_class(inside[negated:], text[at]) != negated}
    return {at + 1 for at in inner if text[at] == token}


def _in_class(inside: str, character: str) -> bool:
    at = 0
    while at < len(inside):
        if inside[at + 1 : at + 2] == "-" and at + 2 < len(inside):
            if inside[at] <= character <= inside[at + 2]:
                return True
            at += 3
        else:
            if inside[at] == character:
                return True
            at += 1
    return False
