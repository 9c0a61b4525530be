"""UDP sockets for tracking: when the kernel received a packet, on the engine's clock, and how many it dropped.

The engine's clock is ``time.monotonic()``. On Linux the kernel stamps packets (SO_TIMESTAMPNS), so that a busy
interpreter does not make them look late; elsewhere a packet's time is when it was read.
"""

from __future__ import annotations

import socket
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from vpengine.errors import UserError, cure_for_port
from vpengine.osc import MAX_PACKET_BYTES

RECEIVE_BUFFER_BYTES = 4 << 20
SO_TIMESTAMPNS, SO_RXQ_OVFL = 35, 40  # Linux's numbers, the same on x86 and ARM
IS_LINUX = sys.platform == "linux"
_TIMESPEC, _COUNT = struct.Struct("@ll"), struct.Struct("@I")
_ANCILLARY_BYTES = 128


@dataclass(frozen=True, slots=True)
class Received:
    """kernel_drops: how many packets the socket has lost to a full buffer so far, None if not told."""

    packet: bytes
    peer: str
    time_s: float
    kernel_drops: int | None


def open_udp(address: str, port: int, purpose: str, group: str | None = None) -> socket.socket:
    """A bound, non-blocking socket with a large buffer. Raises UserError that names ``purpose``, port and cure.

    group: an IPv4 multicast group to join on the network card of ``address``; then nothing else is received.
    """
    try:
        family, kind, _, _, endpoint = socket.getaddrinfo(address, port, type=socket.SOCK_DGRAM)[0]
    except OSError as error:
        raise UserError(f"{purpose}: {address!r} is not an address of this machine ({error})") from None
    opened = socket.socket(family, kind)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        if IS_LINUX:
            opened.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            opened.setsockopt(socket.SOL_SOCKET, SO_RXQ_OVFL, 1)
        if group:
            _join(opened, address, port, group)
        else:
            opened.bind(endpoint)
    except OSError as error:
        opened.close()
        where = f"{address} port {port}" + (f", group {group}" if group else "")
        raise UserError(f"{purpose}: cannot receive on UDP {where}: {cure_for_port(error)}") from None
    opened.setblocking(False)
    return opened


def _join(opened: socket.socket, address: str, port: int, group: str) -> None:
    """Bound to the group, a socket hears no unicast from other networks; Windows binds to own addresses only.

    Other programs of this machine may listen to the same group and port.
    """
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    opened.bind((address if sys.platform == "win32" else group, port))
    membership = socket.inet_aton(group) + socket.inet_aton(address)
    opened.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)


def receive(opened: socket.socket, clock: Callable[[], float]) -> Received | None:
    """The next datagram, None when there is none yet. Raises OSError as the system does."""
    try:
        if not IS_LINUX:
            packet, peer = opened.recvfrom(MAX_PACKET_BYTES + 1)
            return Received(packet, _name(peer), clock(), None)
        packet, ancillary, _, peer = opened.recvmsg(MAX_PACKET_BYTES + 1, _ANCILLARY_BYTES)
    except BlockingIOError:
        return None
    now_s, now_ns, age_s, drops = clock(), time.time_ns(), 0.0, None
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS and len(data) >= _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack_from(data)
            age_s = (now_ns - seconds * 1_000_000_000 - nanoseconds) * 1e-9
        elif level == socket.SOL_SOCKET and kind == SO_RXQ_OVFL and len(data) >= _COUNT.size:
            (drops,) = _COUNT.unpack_from(data)
    # Wall time may be set between stamp and reading: an age that cannot be is not believed.
    return Received(packet, _name(peer), now_s - age_s if 0.0 <= age_s < 1.0 else now_s, drops)


def _name(peer: tuple[str, int]) -> str:
    return f"{peer[0]}:{peer[1]}"
