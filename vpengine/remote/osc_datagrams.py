"""OSC over UDP, asyncio's side: datagrams in, and the way back to a client's address and port."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

MOST_WAITING_BYTES = 64 << 10  # of a socket's datagrams that the kernel did not take yet
LOG = logging.getLogger(__name__)


class Datagrams(asyncio.DatagramProtocol):
    """Hands over what comes, with its sender as "ip:port"."""

    def __init__(self, take: Callable[[bytes, str], None]) -> None:
        self._take = take

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._take(data, f"{addr[0]}:{addr[1]}")


class UdpWay:
    """To one client ("ip:port"; an IP address, since names are never resolved here), by a socket that is others' too.
    Sends nothing without a socket.
    """

    def __init__(self, transport: asyncio.DatagramTransport | None, client: str) -> None:
        host, _, port = client.rpartition(":")
        self.name = client
        self._transport, self._target = transport, (host, int(port))

    def begin(self) -> None:
        """Nothing is to be had."""

    def end(self) -> None:
        """The socket stays for the others."""

    def is_full(self) -> bool:
        if self._transport is None:
            return True
        waiting: int = self._transport.get_write_buffer_size()  # type: ignore[attr-defined]  # asyncio's all have it
        return waiting > MOST_WAITING_BYTES

    def send(self, packet: bytes) -> None:
        if self._transport is not None:
            self._transport.sendto(packet, self._target)


class OwnUdpWay(UdpWay):
    """By a socket of its own: what waits for a machine that is switched off fills nobody else's.

    The kernel keeps such datagrams for seconds, while it asks the network for the machine, and charges the socket.
    """

    def __init__(self, shared: asyncio.DatagramTransport, client: str, take: Callable[[bytes, str], None]) -> None:
        """shared: of the port; its address is sent from, and it is used where no socket can be had. take: of what comes
        back, for clients that answer where they were told from.
        """
        super().__init__(None, client)
        self._shared, self._take = shared, take
        self._opening: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Opens the socket, on the running loop's next turns."""
        self._opening = asyncio.get_running_loop().create_task(self._open())

    async def _open(self) -> None:
        host = self._shared.get_extra_info("sockname")[0]
        try:
            self._transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: Datagrams(self._take), local_addr=(host, 0)
            )
        except OSError as error:
            LOG.warning("OSC control: %s is sent to by the port's own socket (%s)", self.name, error)
            self._transport = self._shared

    def end(self) -> None:
        if self._opening is not None:
            self._opening.cancel()  # the endpoint closes what it had
        if self._transport is not None and self._transport is not self._shared:
            self._transport.abort()  # what waits is for nobody
        self._transport = self._opening = None
