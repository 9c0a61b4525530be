"""Tracking over OSC: ``/vp/camera/<id>/pose`` x y z qx qy qz qw [time] and ``/vp/camera/<id>/lens`` mm m T-stop."""

from __future__ import annotations

import math
from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict, Field
from pythonosc.osc_message_builder import OscMessageBuilder

from vpengine.osc import Argument, Message, OscError, TimeTag, decode
from vpengine.tracking.placement import Mount, Origin, Placement
from vpengine.tracking.protocol import LensUpdate, PoseUpdate, Rejected, Update
from vpengine.view.pose import Pose

FARTHEST_M = 10_000.0
LONGEST_LENS_MM = 10_000.0


class OscTracking:
    """One UDP port for any number of cameras, told apart by ``<id>``."""

    class Settings(BaseModel):
        model_config = ConfigDict(extra="forbid", frozen=True)

        port: int = Field(default=9000, ge=0, le=65535, description="The UDP port to receive poses on; 0 is off.")
        address: str = Field(
            default="127.0.0.1", description="The network address to receive on; 0.0.0.0 is every network."
        )
        stage_from_tracker: Origin = Field(default=Origin(), description="Where the tracker's origin is on the stage.")
        tracker_from_sensor: Mount = Field(default=Mount(), description="Where the sensor sits on the tracker.")

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._placement = Placement(settings.stage_from_tracker, settings.tracker_from_sensor)

    @property
    def endpoint(self) -> tuple[str, int] | None:
        return (self.settings.address, self.settings.port) if self.settings.port else None

    def decode(self, packet: bytes, peer: str) -> Iterator[Update]:
        """A bundle's good messages are taken even where others in it are refused."""
        try:
            messages = decode(packet)
        except OscError as error:
            yield Rejected(error.reason)
            return
        for message in messages:
            yield self._update(message)

    def _update(self, message: Message) -> Update:
        parts = message.address.split("/")
        if len(parts) != 5 or parts[1] != "vp" or parts[2] != "camera" or parts[4] not in ("pose", "lens"):
            return Rejected("unknown-address")
        if parts[4] == "lens":
            return _lens(parts[3], message.arguments)
        update = _pose(parts[3], message.arguments)
        if isinstance(update, Rejected):
            return update
        return PoseUpdate(update.camera, self._placement.place(update.pose), update.sender_time_s)


def _pose(camera: str, arguments: tuple[Argument, ...]) -> PoseUpdate | Rejected:
    if len(arguments) not in (7, 8):
        return Rejected("bad-arguments")
    numbers = _numbers(arguments[:7])
    if isinstance(numbers, Rejected):
        return numbers
    x, y, z, qx, qy, qz, qw = numbers
    length = math.hypot(qx, qy, qz, qw)
    if not 0.5 <= length * length <= 2.0:
        return Rejected("bad-quaternion")
    if max(abs(x), abs(y), abs(z)) > FARTHEST_M:
        return Rejected("too-far")
    sender_time_s = None
    if len(arguments) == 8:
        told = _sender_time_s(arguments[7])
        if isinstance(told, Rejected):
            return told
        sender_time_s = told
    pose = Pose((x, y, z), (qx / length, qy / length, qz / length, qw / length))
    return PoseUpdate(camera, pose, sender_time_s)


def _lens(camera: str, arguments: tuple[Argument, ...]) -> LensUpdate | Rejected:
    if len(arguments) != 3:
        return Rejected("bad-arguments")
    numbers = _numbers(arguments)
    if isinstance(numbers, Rejected):
        return numbers
    focal_length_mm, focus_distance_m, t_stop = numbers
    if not 0.1 <= focal_length_mm <= LONGEST_LENS_MM or focus_distance_m < 0.0 or t_stop < 0.0:
        return Rejected("bad-lens")
    return LensUpdate(camera, focal_length_mm, focus_distance_m, t_stop)


def _numbers(arguments: tuple[Argument, ...]) -> tuple[float, ...] | Rejected:
    """Finite floats; whole numbers are taken too, as some senders drop a zero fraction. Booleans are not numbers."""
    numbers = tuple(
        float(value) for value in arguments if isinstance(value, int | float) and not isinstance(value, bool)
    )
    if len(numbers) != len(arguments):
        return Rejected("bad-types")
    return numbers if all(map(math.isfinite, numbers)) else Rejected("not-finite")


def _sender_time_s(value: Argument) -> float | Rejected:
    """Seconds from ``d`` (a float32 ``f`` cannot tell milliseconds for a day, but is read) or an NTP time tag."""
    if isinstance(value, TimeTag):
        return value.unix_s
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Rejected("bad-types")
    return float(value) if math.isfinite(value) else Rejected("not-finite")


def encode_pose(camera: str, pose: Pose, time_s: float | None = None) -> bytes:
    """One datagram: seven float32, and the sender's time as ``d`` if given."""
    builder = OscMessageBuilder(f"/vp/camera/{camera}/pose")
    for value in (*pose.position_m, *pose.rotation):
        builder.add_arg(float(value), OscMessageBuilder.ARG_TYPE_FLOAT)
    if time_s is not None:
        builder.add_arg(float(time_s), OscMessageBuilder.ARG_TYPE_DOUBLE)
    return builder.build().dgram


def encode_lens(camera: str, focal_length_mm: float, focus_distance_m: float, t_stop: float) -> bytes:
    builder = OscMessageBuilder(f"/vp/camera/{camera}/lens")
    for value in (focal_length_mm, focus_distance_m, t_stop):
        builder.add_arg(float(value), OscMessageBuilder.ARG_TYPE_FLOAT)
    return builder.build().dgram
