"""FreeD packets for tests, and who decodes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vpengine.tracking.freed import D1, FreedTracking
from vpengine.tracking.protocol import PoseUpdate, Update
from vpengine.view.pose import Pose

# PROTOCOLS 2: stvmyr/freeD (Go), max-verem's FreeD.c and a third program agree on these.
LSB_DEG, LSB_MM = 1.0 / 32768.0, 1.0 / 64.0
VECTORS = {
    "d10100000000000000000000000000000000000000000000000000006e": D1(1, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
    "d101168000f9c000002000017700fdcd6001c210000555000fff1118f9": D1(
        1, (45.0, -12.5, 0.25), (1500.0, -2250.5, 1800.25), 0x555, 0xFFF, 0x1118
    ),
    "d1ffd30000f10000ffc000ff060001772001f400ffffff8000000000de": D1(
        255, (-90.0, -30.0, -0.5), (-1000.0, 1500.5, 2000.0), 0xFFFFFF, 0x800000
    ),
    "d102ffffff000000000000ffffff000000000000000000000000000073": D1(2, (-LSB_DEG, 0.0, 0.0), (-LSB_MM, 0.0, 0.0)),
    "d1035a00002d0000a600007fffff80000000000000ffff000001ffff45": D1(
        3, (180.0, 90.0, -180.0), (131071.984375, -131072.0, 0.0), 0xFFFF, 1, 0xFFFF
    ),
}
KNOWN = bytes.fromhex(list(VECTORS)[1])


def by_hand(
    angles: Sequence[int] = (0, 0, 0),
    lengths: Sequence[int] = (0, 0, 0),
    lens: Sequence[int] = (0, 0),
    camera: int = 1,
) -> bytes:
    """A message of raw counts, put together without the engine's encoder; all its bytes add up to 0x40."""
    body = bytes([0xD1, camera])
    body += b"".join((count % 2**24).to_bytes(3, "big") for count in (*angles, *lengths, *lens)) + b"\0\0"
    return body + bytes([(0x40 - sum(body)) & 0xFF])


def tracking(**settings: Any) -> FreedTracking:
    return FreedTracking(FreedTracking.Settings.model_validate(settings))


def updates(packet: bytes, **settings: Any) -> list[Update]:
    return list(tracking(**settings).decode(packet, "127.0.0.1:5000"))


def pose_of(packet: bytes, **settings: Any) -> Pose:
    (update,) = updates(packet, **settings)
    assert isinstance(update, PoseUpdate)
    return update.pose
