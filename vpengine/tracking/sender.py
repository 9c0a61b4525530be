"""Sends datagrams to one place: the simulated tracker's and operator's side of a socket."""

from __future__ import annotations

import contextlib
import socket
from typing import Any, Self
from urllib.parse import urlsplit

from vpengine.errors import UserError


class UdpSender:
    """Owns a socket; the host's name is looked up once, when it is made. Nobody listening is no error.

    url: ``osc://host:port``. Raises UserError when it is not that, or the host is unknown.
    """

    def __init__(self, url: str) -> None:
        host, port = _host_and_port(url)
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        except OSError as error:
            raise UserError(f"{url}: no machine of the name {host!r} is known ({error})") from None
        self._place: tuple[Any, ...] = found[4]
        self._socket = socket.socket(found[0], found[1])

    def send(self, packet: bytes) -> None:
        with contextlib.suppress(ConnectionRefusedError):
            self._socket.sendto(packet, self._place)

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _host_and_port(url: str) -> tuple[str, int]:
    expected = "expected osc://HOST:PORT, such as osc://127.0.0.1:9000"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise UserError(f"{url!r}: {error}; {expected}") from None
    if parts.scheme != "osc" or not host or not port or parts.path.strip("/"):
        raise UserError(f"{url!r}: {expected}")
    return host, port
