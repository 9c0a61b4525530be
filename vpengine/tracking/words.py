"""What is said of packets that are not taken, in words that several protocols share."""

from __future__ import annotations

from collections.abc import Mapping

from vpengine.osc import OscError
from vpengine.tracking.protocol import Rejected

LONGEST = 64


def shortened(text: str) -> str:
    """Text from the wire as it may stand in a log: printable, quoted, at most 64 characters of it."""
    safe = "".join(letter if letter.isprintable() else "?" for letter in text[:LONGEST])
    return f'"{safe}{"..." if len(text) > LONGEST else ""}"'


def toml_key(name: str) -> str:
    """``name`` as a key of a TOML table: bare where it may be."""
    return name if name.isascii() and name.replace("-", "").replace("_", "").isalnum() else shortened(name)


def not_mapped(what: str, name: str, cameras: Mapping[str, str]) -> Rejected:
    """The refusal of a camera that is not in the stage file's map; ``what`` is it called in its protocol."""
    known = ", ".join(f'{toml_key(said)} = "{camera}"' for said, camera in cameras.items())
    camera = next(iter(cameras.values()))
    cure = f'to take it, write {toml_key(name)} = "{camera}" there'
    sentence = f"{what} {toml_key(name)} came, which is not in cameras = {{{known}}} of its [[tracking]]: {cure}"
    return Rejected("other-camera-id", sentence, name)


def not_osc(packet: bytes, error: OscError) -> Rejected:
    """The refusal of a datagram that the OSC decoder refused."""
    other = "" if packet.startswith((b"/", b"#")) else looks_like(packet)
    return Rejected(error.reason, error.sentence(packet) + other, other)


def looks_like(packet: bytes) -> str:
    """A hint at the protocol that a datagram is of, where its first bytes tell; otherwise nothing."""
    if packet.startswith(b"OTrk"):
        return '; it looks like OpenTrackIO: write kind = "opentrackio"'
    if packet[:1] == b"\xd1" and len(packet) >= 29:
        return '; it looks like FreeD: write kind = "freed"'
    if packet.startswith((b"/", b"#bundle\0")):
        return '; it looks like OSC: write kind = "osc", or "osc-app" with a preset'
    if packet.startswith((b"{", b"[")):
        return "; it looks like JSON without a header"
    return ""
