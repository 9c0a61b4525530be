"""The contract of a tracking protocol: bytes of one datagram in, updates out. It owns no socket and no thread."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from vpengine.view.pose import Pose


@dataclass(frozen=True, slots=True)
class PoseUpdate:
    """Where camera ``camera``'s sensor is, in stage space. sender_time_s: by the sender's own clock, if it tells."""

    camera: str
    pose: Pose
    sender_time_s: float | None = None


@dataclass(frozen=True, slots=True)
class LensUpdate:
    """OpenTrackIO's pinhole focal length in mm, focus distance in m, T-stop.

    entrance_pupil_offset_m: how far the entrance pupil lies in front of the sensor; None if the sender does not tell.
    """

    camera: str
    focal_length_mm: float
    focus_distance_m: float
    t_stop: float
    entrance_pupil_offset_m: float | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """Something that was not taken. ``reason`` is a short key out of a fixed set, made for counting."""

    reason: str


Update = PoseUpdate | LensUpdate | Rejected


class TrackingProtocol(Protocol):
    """A plug-in is made from its own ``Settings`` (a pydantic model, an attribute of its class)."""

    @property
    def endpoint(self) -> tuple[str, int] | None:
        """The address and UDP port to receive on; None when it receives nothing."""

    def decode(self, packet: bytes, peer: str) -> Iterable[Update]:
        """All that a datagram from ``peer`` ("ip:port") says. Raises nothing, whatever the bytes."""
