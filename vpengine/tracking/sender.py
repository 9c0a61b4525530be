"""Sends datagrams to one place: the simulated tracker's and operator's side of a socket."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterable
from typing import Any, Self
from urllib.parse import urlsplit

from vpengine.errors import UserError
from vpengine.plugins import load_plugin
from vpengine.view.pose import Pose

# camera, pose, the sender's time if it is to be told (and the protocol carries one): one datagram.
EncodePose = Callable[[str, Pose, float | None], bytes]

SENDERS = {
    "osc": "vpengine.tracking.osc:encode_pose",
    "freed": "vpengine.tracking.freed:encode_pose",
    "opentrackio": "vpengine.tracking.opentrackio:encode_pose",
}


def encoder_for(url: str) -> EncodePose:
    """What makes a pose into a datagram of the URL's scheme. Raises UserError when no protocol has that."""
    scheme, _, _ = _parts(url, SENDERS)
    found: EncodePose = load_plugin(SENDERS[scheme])
    return found


class UdpSender:
    """Owns a socket; the host's name is looked up once, when it is made. Nobody listening is no error.

    url: ``scheme://host:port``. Raises UserError when it is not that, or the host is unknown.
    """

    def __init__(self, url: str, schemes: Iterable[str] = ("osc",)) -> None:
        _, host, port = _parts(url, schemes)
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


def _parts(url: str, schemes: Iterable[str]) -> tuple[str, str, int]:
    """Scheme, host and port."""
    allowed = list(schemes)
    forms = " or ".join(f"{scheme}://HOST:PORT" for scheme in allowed)
    expected = f"expected {forms}, such as osc://127.0.0.1:9000"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise UserError(f"{url!r}: {error}; {expected}") from None
    if parts.scheme not in allowed or not host or not port or parts.path.strip("/"):
        raise UserError(f"{url!r}: {expected}")
    return parts.scheme, host, port
