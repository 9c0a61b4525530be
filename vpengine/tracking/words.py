"""What is said of packets that are not taken, in words that several protocols share."""

from __future__ import annotations

from collections.abc import Mapping

from vpengine.tracking.protocol import Rejected

LONGEST = 64

OSC_MEANINGS = {
    "too-long": "it is longer than a datagram can be",
    "too-many": "it has more than 256 messages or 1024 arguments",
    "truncated": "it ends in the middle",
    "bad-size": "its lengths do not add up, or are no multiples of 4",
    "bad-address": "it does not begin with / or #bundle, or its address is too long or not printable",
    "bad-utf8": "its text is not UTF-8",
    "bad-type": "it has type tags that OSC does not have",
    "no-type-tags": "it has arguments and no type tags",
    "depth": "its bundles or lists lie too deep in each other",
}


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


def not_osc(packet: bytes, reason: str) -> Rejected:
    """The refusal of a datagram that the OSC decoder refused for ``reason``."""
    meaning = OSC_MEANINGS.get(reason, reason)
    other = "" if packet.startswith((b"/", b"#")) else looks_like(packet)
    sentence = f"{len(packet)} bytes{_beginning(packet)} are no OSC packet: {meaning}{other}"
    return Rejected(reason, sentence, other)


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


def _beginning(packet: bytes) -> str:
    return f" beginning with {packet[:8].hex(' ')}" if packet else ""
