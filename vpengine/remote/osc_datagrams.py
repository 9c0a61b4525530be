"""OSC over UDP, asyncio's side: datagrams in, and the way back to a client's address and port."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

MOST_WAITING_BYTES = 64 << 10  # of all datagrams that the kernel did not take yet


class Datagrams(asyncio.DatagramProtocol):
    """Hands over what comes, with its sender as "ip:port"."""

    def __init__(self, take: Callable[[bytes, str], None]) -> None:
        self._take = take

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._take(data, f"{addr[0]}:{addr[1]}")


class UdpWay:
    """To one client ("ip:port"; an IP address, since names are never resolved here). Sends nothing without a socket."""

    def __init__(self, transport: asyncio.DatagramTransport | None, client: str) -> None:
        host, _, port = client.rpartition(":")
        self.name = client
        self._transport, self._target = transport, (host, int(port))

    def is_full(self) -> bool:
        if self._transport is None:
            return True
        waiting: int = self._transport.get_write_buffer_size()  # type: ignore[attr-defined]  # asyncio's all have it
        return waiting > MOST_WAITING_BYTES

    def send(self, packet: bytes) -> None:
        if self._transport is not None:
            self._transport.sendto(packet, self._target)
