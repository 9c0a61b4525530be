"""The URL of a stream, received or sent: taken apart, and what is wrong with it in a sentence."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from urllib.parse import SplitResult, parse_qsl, urlsplit

from vpengine.stage.settings import refusal, shown

Options = Mapping[str, Sequence[str]]


def stream_url(value: str, options: Options) -> SplitResult:
    """options: what may stand after the "?", by the schemes that are allowed. Raises what a validator may."""
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError as error:
        raise refusal(f"found {shown(value)}, which is no address ({error})") from None
    if parts.scheme not in options:
        *others, last = (f"{scheme}://" for scheme in options)
        allowed = f"{', '.join(others)} or {last}"
        raise refusal(f"found {shown(value)}, allowed {allowed}, such as udp://127.0.0.1:5000")
    strange = sorted({key for key, _ in parse_qsl(parts.query, keep_blank_values=True)} - {*options[parts.scheme]})
    if strange:
        allowed = ", ".join(options[parts.scheme]) or "none"
        raise refusal(f"found {shown(value)}, unknown option {strange[0]!r} (allowed: {allowed})")
    return parts


def no_place(value: str, parts: SplitResult) -> ValueError:
    """The refusal of a URL that names no address and port, to be raised."""
    return refusal(f"found {shown(value)}, expected an address and a port, such as {parts.scheme}://127.0.0.1:5000")


def ip_of(host: str | None) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """None where it is a name, or nothing."""
    try:
        return ipaddress.ip_address(host or "")
    except ValueError:
        return None


def place_of(parts: SplitResult) -> str:
    """Host and port, without user and password."""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{host}:{parts.port}" if parts.port is not None else f"{host}"
