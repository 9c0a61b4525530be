"""OSC over TCP: packets out of a stream of bytes, framed by SLIP or by their length, as the first byte tells.

What goes back is framed as the client frames. OSC 1.1 frames packets with SLIP's END at both ends (RFC 1055), OSC 1.0
puts a length of four bytes before each.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from vpengine.osc import MAX_PACKET_BYTES

END, ESC, ESC_END, ESC_ESC = 0xC0, 0xDB, 0xDC, 0xDD
MOST_BYTES = 2 * MAX_PACKET_BYTES + 2  # of one packet on its way: SLIP may double it
MOST_CONNECTIONS = 64
# Of what goes to one client, here and again in the kernel; beyond it only the newest waits.
MOST_WAITING_BYTES = 64 << 10
_UNESCAPED = {ESC_END: END, ESC_ESC: ESC}


class StreamError(ValueError):
    """A stream that is not OSC: what came, and what was expected. Nothing that follows can be trusted.

    ``reason`` is a short key, made for counting.
    """

    reason = "bad-stream"


class TooManyError(StreamError):
    """A connection that gave way to a new one."""

    reason = "too-many-connections"


class Framing:
    """Takes bytes as they come, gives whole packets."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._is_slip: bool | None = None

    def feed(self, data: bytes) -> list[bytes]:
        """The packets that ``data`` completed. Raises StreamError."""
        self._bytes += data
        if self._is_slip is None and self._bytes:
            self._is_slip = self._bytes[0] in b"\xc0/#"  # a sender that puts END only behind begins with the packet
        packets = self._by_slip() if self._is_slip else self._by_length()
        if len(self._bytes) > MOST_BYTES:
            raise StreamError(f"a packet of more than {MAX_PACKET_BYTES} bytes came over TCP")
        return packets

    def framed(self, packet: bytes) -> bytes:
        """A packet for the other side, as that side frames its own."""
        if not self._is_slip:
            return len(packet).to_bytes(4, "big") + packet
        escaped = packet.replace(bytes((ESC,)), bytes((ESC, ESC_ESC))).replace(bytes((END,)), bytes((ESC, ESC_END)))
        return bytes((END, *escaped, END))

    def _by_slip(self) -> list[bytes]:
        *whole, rest = self._bytes.split(bytes((END,)))
        self._bytes = rest
        return [_unescaped(frame) for frame in whole if frame]

    def _by_length(self) -> list[bytes]:
        packets, at = [], 0
        while at + 4 <= len(self._bytes):
            size = int.from_bytes(self._bytes[at : at + 4], "big")
            if not 0 < size <= MAX_PACKET_BYTES:
                raise StreamError(
                    f"{bytes(self._bytes[at : at + 4]).hex()} came over TCP where a packet's length was expected (OSC "
                    "1.0), or SLIP's c0 (OSC 1.1)"
                )
            if at + 4 + size > len(self._bytes):
                break
            packets.append(bytes(self._bytes[at + 4 : at + 4 + size]))
            at += 4 + size
        del self._bytes[:at]
        return packets


def _unescaped(frame: bytearray) -> bytes:
    first, *parts = frame.split(bytes((ESC,)))
    packet = bytearray(first)
    for part in parts:
        if not part or part[0] not in _UNESCAPED:
            raise StreamError("an escape byte of SLIP (db) that escapes nothing came over TCP")
        packet.append(_UNESCAPED[part[0]])
        packet += part[1:]
    return bytes(packet)


class StreamProtocol(asyncio.Protocol):
    """One sender's connection, and the way back to it. ``connections`` holds all that are open, the one that was silent
    longest first.

    That one gives way when there are too many: of a tablet that left the network nobody hears that it is gone.
    gone: called with the way's name when the connection ends.
    """

    def __init__(
        self,
        take: Callable[[bytes, str, StreamProtocol], None],
        refuse: Callable[[str, StreamError], None],
        gone: Callable[[str], None],
        connections: dict[asyncio.Transport, str],
    ) -> None:
        self.name = ""
        self._take = take
        self._refuse = refuse
        self._gone = gone
        self._connections = connections
        self._framing = Framing()
        self._peer = ""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        address = transport.get_extra_info("peername") or ("?", 0)
        self._peer, self._transport = f"{address[0]}:{address[1]}", transport
        self.name = f"tcp {self._peer}"
        opened = transport.get_extra_info("socket")
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MOST_WAITING_BYTES)  # what lies there is old already
        if len(self._connections) >= MOST_CONNECTIONS:
            oldest, peer = next(iter(self._connections.items()))
            del self._connections[oldest]
            oldest.abort()
            sentence = f"more than {MOST_CONNECTIONS} TCP connections are open, so that of {peer}, silent longest,"
            self._refuse(self._peer, TooManyError(f"{sentence} is closed"))
        self._connections[transport] = self._peer

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        if self._transport in self._connections:
            self._connections[self._transport] = self._connections.pop(self._transport)
        try:
            for packet in self._framing.feed(data):
                self._take(packet, self._peer, self)
        except StreamError as error:
            self._refuse(self._peer, error)
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            self._connections.pop(self._transport, None)
        self._gone(self.name)

    def begin(self) -> None:
        """The connection is there already."""

    def end(self) -> None:
        """The connection stays for what its client sends."""

    def is_full(self) -> bool:
        return self._transport is None or self._transport.get_write_buffer_size() > MOST_WAITING_BYTES

    def send(self, packet: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(self._framing.framed(packet))
