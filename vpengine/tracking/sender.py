"""Sends datagrams to one place: the simulated tracker's and operator's side of a socket."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self
from urllib.parse import urlsplit

from vpengine.errors import UserError
from vpengine.plugins import load_plugin
from vpengine.view.pose import Pose

log = logging.getLogger(__name__)

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
    """Owns a socket; the host's name is looked up once, when it is made. Nobody listening is no error, but reported.

    url: ``scheme://host:port``. Raises UserError when it is not that, or the host is unknown or cannot be sent to.
    """

    def __init__(self, url: str, schemes: Iterable[str] = ("osc",)) -> None:
        _, host, port = _parts(url, schemes)
        self._url = url
        self._sent = False
        self._reported: set[int | None] = set()
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        except (OSError, UnicodeError) as error:
            raise UserError(f"{url}: no machine of the name {host!r} is known ({error})") from None
        self._socket = self._connected(found)

    def _connected(self, found: Sequence[tuple[Any, ...]]) -> socket.socket:
        """To the first address that there is a way to. Only a connected socket hears that nobody listens."""
        why = OSError("no address")
        for family, kind, _, _, endpoint in found:
            try:
                opened = socket.socket(family, kind)
            except OSError as error:
                why = error
                continue
            try:
                opened.connect(endpoint)
            except OSError as error:
                opened.close()
                why = error
            else:
                return opened
        raise self._refusal(why)

    def send(self, packet: bytes) -> None:
        """Raises UserError where the first packet cannot be sent; later failures are reported once, and tried again."""
        for _ in range(2):  # the first may only hear what became of the packet before, and is not sent then
            try:
                self._socket.send(packet)
            except ConnectionRefusedError as error:
                self._tell(error, f"nobody listens at {self._url} yet")
            except OSError as error:
                if not self._sent:
                    raise self._refusal(error) from error
                self._tell(error, f"{self._url}: {error.strerror or error}; sending goes on")
            else:
                self._sent = True
                return

    def _tell(self, error: OSError, sentence: str) -> None:
        if error.errno not in self._reported:
            self._reported.add(error.errno)
            log.warning("%s", sentence)

    def _refusal(self, error: OSError) -> UserError:
        if isinstance(error, PermissionError):
            return UserError(f"{self._url}: may not be sent to ({error.strerror}); a broadcast address?")
        return UserError(f"{self._url}: cannot be sent to ({error.strerror or error})")

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
