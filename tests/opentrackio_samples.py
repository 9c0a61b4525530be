"""OpenTrackIO samples for tests, SMPTE's published ones too, and who decodes them."""

from __future__ import annotations

import copy
import json
from typing import Any

from vpengine.tracking.opentrackio import OpenTrackIOTracking
from vpengine.tracking.opentrackio_packet import JSON, write_packet
from vpengine.tracking.protocol import PoseUpdate, Update
from vpengine.view.pose import Pose

PEER = "10.0.0.5:40000"
SAMPLE: dict[str, Any] = {
    "static": {"camera": {"label": "A", "activeSensorPhysicalDimensions": {"width": 36.0, "height": 20.25}}},
    "timing": {"sampleTimestamp": {"seconds": 1_718_806_554, "nanoseconds": 500_000_000}},
    "lens": {"pinholeFocalLength": 24.305, "focusDistance": 10.0, "tStop": 4.1, "entrancePupilOffset": 0.123},
    "protocol": {"name": "OpenTrackIO", "version": [1, 0, 1]},
    "sourceId": "urn:uuid:0dfcda11-86a7-4da9-b9a9-75f0bdd3f66f",
    "sourceNumber": 1,
    "transforms": [{"translation": {"x": 1.0, "y": 2.0, "z": 3.0}, "rotation": {"pan": 0.0, "tilt": 0.0, "roll": 0.0}}],
}


class Decoder:
    """A protocol with settings, and samples to it in packets of rising numbers."""

    def __init__(self, **settings: Any) -> None:
        self.protocol = OpenTrackIOTracking(OpenTrackIOTracking.Settings(**settings))
        self.number = 0

    def packet(self, packet: bytes, peer: str = PEER) -> list[Update]:
        return list(self.protocol.decode(packet, peer))

    def payload(self, payload: bytes, encoding: int = JSON, peer: str = PEER) -> list[Update]:
        self.number += 1
        return self.packet(write_packet(payload, encoding, self.number), peer)

    def sample(self, sample: Any, peer: str = PEER) -> list[Update]:
        return self.payload(json.dumps(sample).encode(), peer=peer)


def changed(path: str, value: Any) -> dict[str, Any]:
    """SAMPLE with another value at ``path``; None takes the key out."""
    sample = copy.deepcopy(SAMPLE)
    *parents, last = path.split(".")
    table: Any = sample
    for name in parents:
        table = table[int(name) if name.isdigit() else name]
    table[last] = value
    if value is None:
        del table[last]
    return sample


def transform(position_m: tuple[float, float, float], pan: float = 0.0, tilt: float = 0.0, roll: float = 0.0) -> Any:
    x, y, z = position_m
    return {"translation": {"x": x, "y": y, "z": z}, "rotation": {"pan": pan, "tilt": tilt, "roll": roll}}


def pose_of(updates: list[Update]) -> Pose:
    poses = [update.pose for update in updates if isinstance(update, PoseUpdate)]
    assert len(poses) == 1, updates
    return poses[0]
