"""Tracking by FreeD: message D1, 29 bytes a datagram, big-endian, fixed point (PROTOCOLS 2, Vinten's manual)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, model_validator

from vpengine.errors import UserError
from vpengine.stage.settings import Id, NetworkAddress, Port, refusal, shown
from vpengine.stage.settings import Settings as Section
from vpengine.tracking.lens_fields import read_lens
from vpengine.tracking.placement import Mount, Origin, Placement
from vpengine.tracking.protocol import LensUpdate, PoseUpdate, Rejected, Update
from vpengine.tracking.words import looks_like, not_mapped
from vpengine.view.pose import Pose, from_freed, to_freed

TYPE_D1 = 0xD1
SIZE = 29
COUNTS_A_DEGREE = 32768
COUNTS_A_MILLIMETRE = 64
MOST_MESSAGES = 64  # of one datagram
MOST_COUNTS = 0xFFFFFF  # zoom and focus are 24 bit without a sign
CAMERA_NUMBERS = frozenset(str(number) for number in range(256))

MEMBERS = {"zoom": "focal_length_mm", "focus": "focus_distance_m"}

Numbers = tuple[float, float, float]
Points = tuple[tuple[int, float], ...]
PresetName = Literal["generic", "panasonic", "sony", "mo-sys", "stype", "ncam", "z-cam", "syncro-link"]


@dataclass(frozen=True, slots=True)
class D1:
    """One message in its own axes and signs (by the manual +pan turns right). zoom, focus, spare: raw counts."""

    camera: int
    pan_tilt_roll_deg: Numbers
    position_mm: Numbers
    zoom: int = 0
    focus: int = 0
    spare: int = 0


def decode_d1(packet: bytes) -> D1 | Rejected:
    """The message that ``packet`` begins with; what may follow it is the caller's."""
    if not packet:
        return Rejected("truncated")
    if packet[0] != TYPE_D1:
        return Rejected("unknown-type")
    if len(packet) < SIZE:
        return Rejected("truncated")
    if packet[SIZE - 1] != _checksum(packet[: SIZE - 1]):
        return Rejected("bad-checksum")
    pan, tilt, roll, x, y, z = (int.from_bytes(packet[at : at + 3], "big", signed=True) for at in range(2, 20, 3))
    return D1(
        packet[1],
        (pan / COUNTS_A_DEGREE, tilt / COUNTS_A_DEGREE, roll / COUNTS_A_DEGREE),
        (x / COUNTS_A_MILLIMETRE, y / COUNTS_A_MILLIMETRE, z / COUNTS_A_MILLIMETRE),
        int.from_bytes(packet[20:23], "big"),
        int.from_bytes(packet[23:26], "big"),
        int.from_bytes(packet[26:28], "big"),
    )


def split_d1(packet: bytes) -> tuple[list[D1], int]:
    """The messages of a datagram, and how many of its bytes belong to none.

    Boxes that put a serial line into UDP send several at once, and may begin and end within one: a message is where
    its type and its checksum are right. At most MOST_MESSAGES are looked for.
    """
    messages, at, rest = [], 0, max(len(packet) - MOST_MESSAGES * SIZE, 0)
    end = len(packet) - rest
    while at < end:
        found = decode_d1(packet[at : at + SIZE])
        if isinstance(found, D1):
            messages.append(found)
            at += SIZE
        else:
            rest, at = rest + 1, at + 1
    return messages, rest


def not_d1(packet: bytes) -> Rejected:
    """Why a datagram without a message is none."""
    refused = decode_d1(packet)
    reason = refused.reason if isinstance(refused, Rejected) else ""
    size = f"{len(packet)} bytes came, expected FreeD's {SIZE}"
    sentences = {
        "truncated": size,
        "unknown-type": f"{size} that begin with d1; these begin with {packet[:4].hex(' ')}{looks_like(packet)}",
        "bad-checksum": f"{len(packet)} bytes came whose checksum does not fit: expected FreeD's D1 message, unchanged",
    }
    return Rejected(reason, sentences.get(reason, ""), looks_like(packet))


def encode_d1(message: D1) -> bytes:
    """29 bytes. Raises OverflowError for a number that its field cannot hold."""
    angles = [round(value * COUNTS_A_DEGREE) for value in message.pan_tilt_roll_deg]
    lengths = [round(value * COUNTS_A_MILLIMETRE) for value in message.position_mm]
    body = bytes((TYPE_D1,)) + message.camera.to_bytes(1, "big")
    body += b"".join(count.to_bytes(3, "big", signed=True) for count in (*angles, *lengths))
    body += message.zoom.to_bytes(3, "big") + message.focus.to_bytes(3, "big") + message.spare.to_bytes(2, "big")
    return body + bytes((_checksum(body),))


def _checksum(body: bytes) -> int:
    return (0x40 - sum(body)) % 256


def encode_pose(camera: str, pose: Pose, time_s: float | None = None) -> bytes:
    """One datagram. FreeD carries no time: ``time_s`` is not sent. Raises UserError for what it cannot carry."""
    if camera not in CAMERA_NUMBERS:
        raise UserError(f"camera {camera!r}: FreeD's cameras are numbers from 0 to 255")
    position_mm, pan_deg, tilt_deg, roll_deg = to_freed(pose)
    try:
        return encode_d1(D1(int(camera), (pan_deg, tilt_deg, roll_deg), position_mm))
    except OverflowError:
        position = ", ".join(f"{value / 1000.0:.1f}" for value in position_mm)
        raise UserError(f"a camera at {position} m: FreeD reaches 131 m from the stage's origin") from None


@dataclass(frozen=True)
class Preset:
    """What a vendor sends: its port, the lowest and highest counts of its encoders, and maps where counts have units.

    Its use of ``spare`` is not read: it is an F-number (the lens wants a T-stop), a quality or a frame number.
    """

    port: int = 40000
    zoom_range: tuple[int, int] = (0, MOST_COUNTS)
    focus_range: tuple[int, int] = (0, MOST_COUNTS)
    zoom_map: Points = ()
    focus_map: Points = ()


def _counts_of(unit: float) -> Points:
    """The straight line of an encoder whose every count is ``unit`` mm or m."""
    return ((0, 0.0), (MOST_COUNTS, MOST_COUNTS * unit))


# Ports and ranges: Unreal's LiveLinkFreeDSource.cpp. Z-CAM: Z-Camera-Doc. SYNCRO-LINK: factoryoptic (PROTOCOLS 2).
PRESETS: Mapping[PresetName, Preset] = {
    "generic": Preset(40000, (0, 0xFFFF), (0, 0xFFFF)),
    "panasonic": Preset(1111, (0x555, 0xFFF), (0x555, 0xFFF)),
    "sony": Preset(52380, (0, 0x7AC0), (0x1000, 0xF000)),
    "mo-sys": Preset(8001, (0, 0xFFFF), (0, 0xFFFF)),
    "stype": Preset(6301),
    "ncam": Preset(6301),
    "z-cam": Preset(zoom_map=_counts_of(0.01), focus_map=_counts_of(0.0001)),
    "syncro-link": Preset(zoom_map=_counts_of(1.0 / 64.0), focus_map=_counts_of(0.001 / 64.0)),
}


def _rising(points: Points) -> Points:
    for (before, _), (after, _) in pairwise(points):
        if after <= before:
            raise refusal(f"count {after} comes after {before}, allowed are pairs in rising order of their counts")
    return points


def _low_to_high(ends: tuple[int, int]) -> tuple[int, int]:
    if ends[0] >= ends[1]:
        raise refusal(f"found {shown(ends)}, allowed the lower count first")
    return ends


def _numbered(cameras: dict[str, str]) -> dict[str, str]:
    for number in cameras:
        if number not in CAMERA_NUMBERS:
            raise refusal(f"found the key {shown(number)}, allowed FreeD's camera numbers, 0 to 255")
    return cameras


Counts = Annotated[int, Field(ge=0, le=MOST_COUNTS)]
Range = Annotated[tuple[Counts, Counts], AfterValidator(_low_to_high)]
FocalLengthMm = Annotated[float, Field(gt=0.0, le=2000.0)]
FocusDistanceM = Annotated[float, Field(ge=0.0, le=100_000.0)]
ZoomMap = Annotated[tuple[tuple[Counts, FocalLengthMm], ...], AfterValidator(_rising)]
FocusMap = Annotated[tuple[tuple[Counts, FocusDistanceM], ...], AfterValidator(_rising)]
Axis = Literal["x", "-x", "y", "-y", "z", "-z"]
Angle = Literal["pan", "-pan", "tilt", "-tilt", "roll", "-roll"]


class Encoder(Section):
    """What a lens ring's raw counts can be."""

    range: Range | None = Field(
        default=None, description="Lowest and highest count; others are refused. The preset's where not given."
    )
    mask: Counts = Field(default=MOST_COUNTS, description="The bits of the count that the encoder fills.")


class Zoom(Encoder):
    """The zoom ring, and the lens's focal lengths."""

    map_mm: ZoomMap = Field(
        default=(),
        description="Pairs of count and focal length in mm, such as [[0, 18.0], [65535, 110.0]]; straight lines join "
        "them. One pair is a prime lens. Without any the stage's lens stays, but for z-cam and syncro-link.",
    )


class Focus(Encoder):
    """The focus ring, and its distances."""

    map_m: FocusMap = Field(
        default=(), description="Pairs of count and focus distance in metres, as for zoom.map_mm, which it needs."
    )


class Axes(Section):
    """Which number of the packet, and with which sign, is which of the camera's movements."""

    right: Axis = Field(default="x", description="What moves the camera right, the stage's +X: x, y or z, or -x.")
    forward: Axis = Field(default="y", description="What moves it forward to the main wall, the stage's +Y.")
    up: Axis = Field(default="z", description="What moves it up, the stage's +Z.")
    pan_right: Angle = Field(default="pan", description="What turns it to the right: pan, tilt or roll, or -pan.")
    tilt_up: Angle = Field(default="tilt", description="What turns it upwards.")
    roll_clockwise: Angle = Field(default="roll", description="What rolls it clockwise, seen from behind.")

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        for keys in (("right", "forward", "up"), ("pan_right", "tilt_up", "roll_clockwise")):
            taken = [getattr(self, key).lstrip("-") for key in keys]
            if len(set(taken)) < 3:
                raise refusal(f"{', '.join(keys)} name {', '.join(taken)}, allowed each of the three once")
        return self


class FreedTracking:
    """One UDP port for any number of cameras, told apart by the number in the packet."""

    class Settings(Section):
        """FreeD D1. Positions and angles are as Vinten's manual has them unless `axes` says otherwise.

        Of a PTZ head, which sends angles only, `stage_from_tracker` says where it stands.
        """

        preset: PresetName = Field(default="generic", description="Whose port and lens encoder counts are meant.")
        port: Port | None = Field(
            default=None,
            description="The UDP port to receive on; 0 is off. By default 40000, or the preset's: panasonic 1111, "
            "sony 52380, mo-sys 8001, stype and ncam 6301.",
        )
        address: NetworkAddress = Field(
            default="127.0.0.1", description="The network address to receive on; 0.0.0.0 is every network."
        )
        cameras: Annotated[dict[str, Id], AfterValidator(_numbered)] = Field(
            default={},
            description="Ids of the stage's cameras by FreeD's numbers, such as {1 = \"A\"}; other numbers are "
            "refused. Without any, FreeD's number is the id; where the stage has none of it, `camera` moves.",
        )
        axes: Axes = Field(default=Axes(), description="Which number of the packet is which movement.")
        zoom: Zoom = Field(default=Zoom(), description="The zoom encoder.")
        focus: Focus = Field(default=Focus(), description="The focus encoder.")
        stage_from_tracker: Origin = Field(default=Origin(), description="Where the tracker's origin is on the stage.")
        tracker_from_sensor: Mount = Field(default=Mount(), description="Where the sensor sits on the tracker.")

        @model_validator(mode="after")
        def _lens_fits(self) -> Self:
            for key, points, (low, high) in self._maps():
                outside = [count for count, _ in points if not low <= count <= high]
                if outside:
                    raise refusal(f"count {outside[0]} lies outside the encoder's range {low} to {high}", key)
            if self.focus.map_m and not (self.zoom.map_mm or PRESETS[self.preset].zoom_map):
                raise refusal("it needs zoom.map_mm too; for a prime lens one pair, such as [[0, 35.0]]", "focus.map_m")
            return self

        def _maps(self) -> Iterator[tuple[str, Points, tuple[int, int]]]:
            preset = PRESETS[self.preset]
            yield "zoom.map_mm", self.zoom.map_mm, self.zoom.range or preset.zoom_range
            yield "focus.map_m", self.focus.map_m, self.focus.range or preset.focus_range

    title = "FreeD"
    multicast_groups: tuple[str, ...] = ()

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._axes = AxisMap(settings.axes)
        self._lens = lens_map(settings)
        self._placement = Placement(settings.stage_from_tracker, settings.tracker_from_sensor)

    @property
    def endpoint(self) -> tuple[str, int] | None:
        settings = self.settings
        port = PRESETS[settings.preset].port if settings.port is None else settings.port
        return (settings.address, port) if port else None

    def cure(self, name: str, camera: str) -> str:
        return f'write cameras = {{{name} = "{camera}"}} under its [[tracking]]'

    def decode(self, packet: bytes, peer: str) -> Iterator[Update]:
        """All the messages of a datagram, in their order; bytes that are none are refused, once."""
        messages, rest = split_d1(packet)
        if not messages:
            yield not_d1(packet)
            return
        for message in messages:
            yield from self._updates(message)
        if rest:
            sentence = (
                f"of {len(packet)} bytes {rest} are no FreeD message and were left out: expected {SIZE} a message"
            )
            yield Rejected("trailing-bytes", sentence)

    def _updates(self, message: D1) -> Iterator[Update]:
        cameras, number = self.settings.cameras, str(message.camera)
        camera = cameras.get(number) if cameras else number
        if camera is None:
            yield not_mapped("FreeD camera", number, cameras)
            return
        mapped = bool(cameras)
        yield PoseUpdate(camera, self._placement.place(self._axes.pose(message)), mapped=mapped)
        if self._lens is not None:
            yield from self._lens.updates(camera, message, mapped)


class AxisMap:
    """A vendor's axes and signs put right, once: two signed permutations."""

    def __init__(self, axes: Axes) -> None:
        self._position = _signed_permutation((axes.right, axes.forward, axes.up), ("x", "y", "z"))
        self._angles = _signed_permutation((axes.pan_right, axes.tilt_up, axes.roll_clockwise), ("pan", "tilt", "roll"))

    def pose(self, message: D1) -> Pose:
        x, y, z = (self._position @ message.position_mm).tolist()
        return from_freed((x, y, z), *(self._angles @ message.pan_tilt_roll_deg).tolist())


def _signed_permutation(wanted: tuple[str, str, str], names: tuple[str, str, str]) -> NDArray[np.float64]:
    """(3, 3): row i picks ``wanted[i]`` out of ``names``, with its sign."""
    rows = [[(name == key.lstrip("-")) * (-1.0 if key.startswith("-") else 1.0) for name in names] for key in wanted]
    return np.array(rows)


@dataclass(frozen=True)
class EncoderMap:
    """Counts within ``low`` to ``high``, to values: straight lines between ``points``, constant beyond their ends."""

    low: int
    high: int
    mask: int
    points: Points

    def value(self, raw: int) -> float | None:
        """None when the count is not one that the encoder can have."""
        count = raw & self.mask
        if not self.low <= count <= self.high:
            return None
        counts, values = zip(*self.points, strict=True)
        return float(np.interp(count, counts, values))

    def out_of_range(self, name: str, raw: int) -> Rejected:
        """The refusal of a count, of the ``name`` encoder."""
        cure = f"write {name}.range under its [[tracking]] if its encoder has others"
        sentence = f"a {name} count of {raw & self.mask} is left out, expected {self.low} to {self.high}; {cure}"
        return Rejected(f"{name}-out-of-range", sentence)


@dataclass(frozen=True)
class LensMap:
    """What a message's counts say of the lens."""

    zoom: EncoderMap
    focus: EncoderMap | None

    def updates(self, camera: str, message: D1, mapped: bool) -> Iterator[Update]:
        """Zoom and focus, each on its own. What is not mapped, or out of its range, is not said."""
        given: dict[str, object] = {}
        for name, encoder, count in (("zoom", self.zoom, message.zoom), ("focus", self.focus, message.focus)):
            value = encoder.value(count) if encoder else None
            if value is not None:
                given[MEMBERS[name]] = value
            elif encoder:
                yield encoder.out_of_range(name, count)
        good, refused = read_lens(given)
        if good:
            yield LensUpdate(camera, **good, mapped=mapped)
        yield from refused


def lens_map(settings: FreedTracking.Settings) -> LensMap | None:
    """None where neither the stage file nor the preset says what a count of zoom is."""
    preset = PRESETS[settings.preset]
    zoom = _encoder_map(settings.zoom, settings.zoom.map_mm or preset.zoom_map, preset.zoom_range)
    focus = _encoder_map(settings.focus, settings.focus.map_m or preset.focus_map, preset.focus_range)
    return LensMap(zoom, focus) if zoom else None


def _encoder_map(encoder: Encoder, points: Points, preset_range: tuple[int, int]) -> EncoderMap | None:
    low, high = encoder.range or preset_range
    return EncoderMap(low, high, encoder.mask, points) if points else None
