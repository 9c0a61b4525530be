"""The contract of a tracking protocol: bytes of one datagram in, updates out. It owns no socket and no thread."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from typing import Protocol

from vpengine.view.distortion import Distortion
from vpengine.view.pose import Pose


@dataclass(frozen=True, slots=True)
class PoseUpdate:
    """Where a camera's sensor is, in stage space.

    camera: the stage's id for it, or what the sender calls it; None when the sender names none. sender_time_s: by the
    sender's own clock, if it tells. mapped: the stage file says which camera it is, and no other will do.
    """

    camera: str | None
    pose: Pose
    sender_time_s: float | None = None
    mapped: bool = False


@dataclass(frozen=True, slots=True)
class LensUpdate:
    """OpenTrackIO's pinhole focal length in mm, focus distance in m (infinite too), T-stop; None is not said.

    entrance_pupil_offset_m: how far the entrance pupil lies in front of the sensor. projection_offset_mm: right and
    down. camera, mapped: as of a pose. time_s: when it was so, by the engine's clock; the intake says it, no protocol.
    """

    camera: str | None
    focal_length_mm: float | None = None
    focus_distance_m: float | None = None
    t_stop: float | None = None
    entrance_pupil_offset_m: float | None = None
    projection_offset_mm: tuple[float, float] | None = None
    distortion: Distortion | None = None
    mapped: bool = field(default=False, compare=False)
    time_s: float | None = field(default=None, compare=False)

    def after(self, before: LensUpdate) -> LensUpdate:
        """This update, with what it does not say as it was ``before``."""
        said = {item.name: getattr(self, item.name) for item in fields(self)}
        return replace(before, **{name: value for name, value in said.items() if value is not None})


@dataclass(frozen=True, slots=True)
class TakeUpdate:
    """Whether a camera records, and the slate of its take; None is not said. camera, mapped: as of a pose."""

    camera: str | None
    recording: bool | None = None
    slate: str | None = None
    mapped: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Rejected:
    """Something that was not taken. ``reason`` is a short key out of a fixed set, made for counting.

    sentence: for a person: what came, what is expected, what to write. subject: what tells two mistakes of one reason
    apart, such as an unknown address; it may be text from the wire.
    """

    reason: str
    sentence: str = field(default="", compare=False)
    subject: str = field(default="", compare=False)


Update = PoseUpdate | LensUpdate | TakeUpdate | Rejected


class TrackingProtocol(Protocol):
    """A plug-in is made from its own ``Settings`` (a pydantic model, an attribute of its class)."""

    @property
    def title(self) -> str:
        """What people call the protocol."""

    @property
    def endpoint(self) -> tuple[str, int] | None:
        """The address and UDP port to receive on; None when it receives nothing."""

    @property
    def multicast_groups(self) -> tuple[str, ...]:
        """The IPv4 groups to join on ``endpoint``; () for unicast."""

    def decode(self, packet: bytes, peer: str) -> Iterable[Update]:
        """All that a datagram from ``peer`` ("ip:port") says. Raises nothing, whatever the bytes."""

    def cure(self, name: str, camera: str) -> str:
        """What to write, and where, so that what the sender calls ``name`` moves the stage's ``camera``."""


@dataclass(frozen=True, eq=False)
class Source:
    """A protocol that is listened to. camera: the id of the camera that it moves where it names none of the stage's.

    latency_s: from when the camera is somewhere until the packet comes.
    """

    protocol: TrackingProtocol
    camera: str | None = None
    latency_s: float = 0.0
