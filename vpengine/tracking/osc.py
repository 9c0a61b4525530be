"""Tracking over OSC: ``/vp/camera/<id>/pose`` x y z qx qy qz qw [time] and ``/vp/camera/<id>/lens`` mm m T-stop."""

from __future__ import annotations

import math
from collections.abc import Iterator

from pydantic import Field
from pythonosc.osc_message_builder import OscMessageBuilder

from vpengine.osc import Argument, Message, OscError, TimeTag, decode
from vpengine.stage.settings import NetworkAddress, Port
from vpengine.stage.settings import Settings as Section
from vpengine.tracking.lens_fields import lens_updates
from vpengine.tracking.placement import Mount, Origin, Placement
from vpengine.tracking.protocol import PoseUpdate, Rejected, Update
from vpengine.tracking.words import not_osc, shortened
from vpengine.view.pose import Pose

FARTHEST_M = 10_000.0
POSE = "x y z qx qy qz qw (metres, unit quaternion) and perhaps a time"
LENS = ("focal_length_mm", "focus_distance_m", "t_stop")


class OscTracking:
    """One UDP port for any number of cameras, told apart by ``<id>``."""

    class Settings(Section):
        port: Port = Field(default=9000, description="The UDP port to receive poses on; 0 is off.")
        address: NetworkAddress = Field(
            default="127.0.0.1", description="The network address to receive on; 0.0.0.0 is every network."
        )
        stage_from_tracker: Origin = Field(default=Origin(), description="Where the tracker's origin is on the stage.")
        tracker_from_sensor: Mount = Field(default=Mount(), description="Where the sensor sits on the tracker.")

    title = "OSC"
    multicast_groups: tuple[str, ...] = ()

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._placement = Placement(settings.stage_from_tracker, settings.tracker_from_sensor)

    @property
    def endpoint(self) -> tuple[str, int] | None:
        return (self.settings.address, self.settings.port) if self.settings.port else None

    def cure(self, name: str, camera: str) -> str:
        return f"send to /vp/camera/{camera}/pose"

    def decode(self, packet: bytes, peer: str) -> Iterator[Update]:
        """A bundle's good messages are taken even where others in it are refused."""
        try:
            messages = decode(packet)
        except OscError as error:
            yield not_osc(packet, error)
            return
        for message in messages:
            yield from self._updates(message)

    def _updates(self, message: Message) -> Iterator[Update]:
        parts = message.address.split("/")
        if len(parts) != 5 or parts[1] != "vp" or parts[2] != "camera" or parts[4] not in ("pose", "lens"):
            yield _unknown(message.address)
        elif parts[4] == "lens":
            yield from _lens(parts[3], message.arguments)
        else:
            for update in _pose(parts[3], message.arguments):
                if isinstance(update, PoseUpdate):
                    update = PoseUpdate(update.camera, self._placement.place(update.pose), update.sender_time_s)
                yield update


def _unknown(address: str) -> Rejected:
    if address.startswith("/vp/") and ("/recentre" in address or not address.startswith("/vp/camera/")):
        sentence = f"{shortened(address)} is no tracking: send operators' messages to osc_port of [control]"
        return Rejected("wrong-port", sentence, address)
    expected = 'expected /vp/camera/<id>/pose or /vp/camera/<id>/lens; for another program\'s messages kind = "osc-app"'
    return Rejected("unknown-address", f"the address {shortened(address)} is not known: {expected}", address)


def _pose(camera: str, arguments: tuple[Argument, ...]) -> Iterator[PoseUpdate | Rejected]:
    """The pose, and refusals; where only the time is bad, or there is more than was asked for, the pose is taken."""
    numbers = _seven_numbers(arguments)
    if isinstance(numbers, Rejected):
        yield numbers
        return
    x, y, z, qx, qy, qz, qw = numbers
    length = math.hypot(qx, qy, qz, qw)
    if not 0.5 <= length * length <= 2.0:
        yield bad_quaternion(length)
        return
    if max(abs(x), abs(y), abs(z)) > FARTHEST_M:
        yield too_far((x, y, z))
        return
    time_s = _sender_time_s(arguments[7]) if len(arguments) > 7 else None
    pose = Pose((x, y, z), (qx / length, qy / length, qz / length, qw / length))
    yield PoseUpdate(camera, pose, None if isinstance(time_s, Rejected) else time_s)
    if isinstance(time_s, Rejected):
        yield time_s
    if len(arguments) > 8:
        yield _more("pose", len(arguments), POSE)


def bad_quaternion(length: float) -> Rejected:
    """The refusal of a quaternion that is no rotation, in the words of all OSC."""
    sentence = f"a quaternion of length {length:.3g} is no rotation: expected length 1, as qx qy qz qw"
    return Rejected("bad-quaternion", sentence)


def too_far(position_m: tuple[float, float, float]) -> Rejected:
    """The refusal of a position that no stage has."""
    x, y, z = position_m
    sentence = f"a position of {x:.0f}, {y:.0f}, {z:.0f} m is refused: expected metres, within {FARTHEST_M:.0f} m"
    cure = 'for other units write length_unit = "cm" or "mm" under its [[tracking]], which kind = "osc-app" has'
    return Rejected("too-far", f"{sentence}; {cure}")


def _lens(camera: str, arguments: tuple[Argument, ...]) -> Iterator[Update]:
    """Each member on its own; those at the end may be missing."""
    if not arguments:
        yield Rejected(
            "bad-arguments", "a lens came with no arguments: expected focal length in mm, focus in m, T-stop"
        )
        return
    yield from lens_updates(camera, dict(zip(LENS, arguments, strict=False)))
    if len(arguments) > 3:
        yield _more("lens", len(arguments), "focal length in mm, focus in m, T-stop")


def _more(what: str, count: int, expected: str) -> Rejected:
    sentence = f"a {what} came with {count} arguments, of which only the first were taken: expected {expected}"
    return Rejected("extra-arguments", sentence)


def _seven_numbers(arguments: tuple[Argument, ...]) -> tuple[float, ...] | Rejected:
    """Finite floats; whole numbers are taken too, as some senders drop a zero fraction. Booleans are not numbers."""
    if len(arguments) < 7:
        return Rejected("bad-arguments", f"a pose came with {len(arguments)} arguments: expected {POSE}")
    numbers = tuple(
        float(value) for value in arguments[:7] if isinstance(value, int | float) and not isinstance(value, bool)
    )
    if len(numbers) != 7:
        return Rejected("bad-types", f"a pose came with arguments that are not all numbers: expected {POSE}")
    if not all(map(math.isfinite, numbers)):
        return Rejected("not-finite", f"a pose came with a number that is not finite: expected {POSE}")
    return numbers


def _sender_time_s(value: Argument) -> float | Rejected:
    """Seconds from ``d`` (a float32 ``f`` cannot tell milliseconds for a day, but is read) or an NTP time tag."""
    if isinstance(value, TimeTag):
        return value.unix_s
    if not isinstance(value, bool) and isinstance(value, int | float) and math.isfinite(value):
        return float(value)
    sentence = f"a pose came with {shortened(repr(value)[:100])} for its time, and is taken as of when it came: "
    return Rejected("bad-time", sentence + "expected seconds (d) or a time tag (t), or no eighth argument")


def encode_pose(camera: str, pose: Pose, time_s: float | None = None) -> bytes:
    """One datagram: seven float32, and the sender's time as ``d`` if given."""
    builder = OscMessageBuilder(f"/vp/camera/{camera}/pose")
    for value in (*pose.position_m, *pose.rotation):
        builder.add_arg(float(value), OscMessageBuilder.ARG_TYPE_FLOAT)
    if time_s is not None:
        builder.add_arg(float(time_s), OscMessageBuilder.ARG_TYPE_DOUBLE)
    return builder.build().dgram
